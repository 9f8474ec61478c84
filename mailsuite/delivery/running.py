"""Scripts are run: quickly here, or with all that they may do on a thread.

A run changes nothing, so that it can be broken off and begun anew: with an answer
that it wanted, or where it cannot hold anything up.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define

from mailsuite.delivery.letters import CONTENT
from mailsuite.net.lanes import Lane
from mailsuite.sieve.actions import Keep
from mailsuite.sieve.errors import Question, Wanted
from mailsuite.sieve.program import Program
from mailsuite.sieve.run import WHOLE, Budget, Letter, Plan, Run, planned

QUICK = Budget(steps=1_000, octets=1 << 20)
"""What a run may do on the reactor: some milliseconds."""
QUICK_ROUNDS = 4  # runs on the reactor before the others go to the thread
FORESEEN = 200  # questions that are answered before a run
QUESTIONS = 64  # that one script may ask about one message
CONTENT_OCTETS = 32 * 1024  # same of content, where a script looks at that
LOOKING = frozenset(
    (
        *("body", "convert", "enclose", "extracttext", "foreverypart", "include"),
        *(
            "mime",
            "processcalendar",
            "replace",
            "vnd.dovecot.execute",
            "vnd.dovecot.filter",
        ),
        "vnd.dovecot.pipe",
    )
)
"""Capabilities of scripts that may look into content: to find parts costs time."""
HEADER_OCTETS = 32 * 1024  # a message with more of a header goes to the thread

Ask = Callable[[Question], Awaitable[Any]]


@define(eq=False)
class Running:
    """Runs programs; ``lane`` takes those that do more than most."""

    lane: Lane

    async def plan(self, program: Program, letter: Letter, ask: Ask) -> Plan:
        """What a program makes of a letter, its questions answered by ``ask``."""
        answers: dict[Question, Any] = {}
        if program.wanted:
            await _foreseen(program, answers, ask)
        if _light(program, letter):
            for _ in range(QUICK_ROUNDS):
                found, _rest = attempt(program, letter, answers, QUICK)
                if isinstance(found, Plan):
                    if found.trouble:
                        break  # perhaps it only needs more
                    return found
                answers[found] = await ask(found)
                if found == CONTENT:
                    break
        return await self._thoroughly(program, letter, answers, ask)

    async def _thoroughly(
        self, program: Program, letter: Letter, answers: dict[Question, Any], ask: Ask
    ) -> Plan:
        """Let it do all that it may; each new beginning counts."""
        left = Budget(2 * WHOLE.steps, 2 * WHOLE.octets)
        for _ in range(QUESTIONS):
            budget = _least(left, WHOLE)
            found, rest = await self.lane.run(attempt, program, letter, answers, budget)
            if isinstance(found, Plan):
                return found
            answers[found] = await ask(found)
            left = _less(left, budget, rest)
        return _failed(letter, f"more than {QUESTIONS} questions")


async def _foreseen(program: Program, answers: dict[Question, Any], ask: Ask) -> None:
    """Answer what a program, and those it includes, are likely to ask."""
    waiting = list(program.wanted)
    while waiting and len(answers) < FORESEEN:
        question = waiting.pop()
        if question not in answers:
            answer = answers[question] = await ask(question)
            if isinstance(answer, Program):
                waiting += answer.wanted


def _light(program: Program, letter: Letter) -> bool:
    """Whether a first look costs little, whatever the message is like."""
    message = letter.message
    return len(message.header) <= HEADER_OCTETS and (
        message.size <= CONTENT_OCTETS or program.requires.isdisjoint(LOOKING)
    )


def attempt(
    program: Program, letter: Letter, answers: dict[Question, Any], budget: Budget
) -> tuple[Plan | Question, Budget]:
    """One run up to its end or to what it wants to know, and what it left."""
    running = Run(letter, answers, budget)
    try:
        return planned(running, program), running.left
    except Wanted as wanted:
        return wanted.question, running.left


def _failed(letter: Letter, why: str) -> Plan:
    message = letter.message
    return Plan((Keep(implicit=True),), message, why, (message,))


def _least(one: Budget, other: Budget) -> Budget:
    return Budget(min(one.steps, other.steps), min(one.octets, other.octets))


def _less(all_: Budget, given: Budget, rest: Budget) -> Budget:
    """What remains of it all when a run was given some and left a rest."""
    return Budget(
        max(0, all_.steps - given.steps + rest.steps),
        max(0, all_.octets - given.octets + rest.octets),
    )
