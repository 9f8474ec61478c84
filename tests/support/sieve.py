"""Scripts in tests: run one over a message, or see what is wrong with it."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript, Question
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter, Plan, Run, planned, run
from mailsuite.sieve.vocabulary import Vocabulary

LETTER = b"""\
From: coyote@desert.example.org\r
To: roadrunner@acme.example.com\r
Subject: I have a present for you\r
\r
Look, I'm sorry about the whole anvil thing.\r
"""
"""RFC 5228 §2 shows scripts over letters such as this one."""


def octets(text: str | bytes) -> bytes:
    """A message or script with CRLF at its lines, as it would travel."""
    raw = text.encode() if isinstance(text, str) else text
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def run_script(
    script: str | bytes,
    message: str | bytes = LETTER,
    answers: Mapping[Question, Any] | None = None,
    vocabulary: Vocabulary = VOCABULARY,
    **letter: Any,
) -> Plan:
    """Check a script and run it over a message; ``letter``: fields of Letter.

    :raises BadScript: the script cannot be used.
    :raises Wanted: an answer is missing.
    """
    program = check(octets(script), vocabulary)
    whole = Letter(Message.of(octets(message)), **letter)
    return run(program, whole, answers or {})


def acts(
    script: str | bytes,
    message: str | bytes = LETTER,
    answers: Mapping[Question, Any] | None = None,
    **letter: Any,
) -> list[Any]:
    """The actions of a script that has no trouble, wherever they stand in it."""
    plan = run_script(script, message, answers, **letter)
    assert not plan.trouble, plan.trouble
    return [evolve(one, at=0) for one in plan.actions]


def trail(
    script: str | bytes, message: str | bytes = LETTER, **letter: Any
) -> list[tuple[int, str]]:
    """What a traced run tells: lines and decisions."""
    program = check(octets(script), traced=True)
    running = Run(Letter(Message.of(octets(message)), **letter))
    planned(running, program)
    return running.trail


def errors(script: str | bytes, vocabulary: Vocabulary = VOCABULARY) -> str:
    """What is wrong with a script as it is told to its author; empty: nothing."""
    try:
        check(octets(script), vocabulary)
    except BadScript as error:
        return str(error)
    return ""


def holds(
    test: str, message: str | bytes = LETTER, requires: str = "", **given: Any
) -> bool:
    """Whether one test is true; ``requires`` are capabilities between spaces."""
    asked = ", ".join(f'"{name}"' for name in requires.split())
    head = f"require [{asked}];\n" if asked else ""
    plan = run_script(f"{head}if {test} {{ discard; }}", message, **given)
    assert not plan.trouble, plan.trouble
    return not any(getattr(one, "implicit", False) for one in plan.actions)
