"""One run of a program over a message: it only plans, and can be run again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from mailsuite.sieve.actions import Keep, Redirect, RedirectList, clash, together
from mailsuite.sieve.errors import Exhausted, Question, Trouble, Wanted
from mailsuite.sieve.limits import ACTIONS, COMMANDS, REDIRECTS, WORK_OCTETS
from mailsuite.sieve.message import Message
from mailsuite.sieve.program import Program

ACTION_OCTETS = 1_000  # what it costs to compare two actions


class Stopped(Exception):  # noqa: N818 - an end, no error
    """The script said ``stop``."""


@frozen
class Letter:
    """A message on its way to one mailbox.

    ``sender`` is the reverse-path, empty for the null one; ``recipient`` the address
    it came for. ``parameters`` are those of MAIL and RCPT by their names in capitals;
    ``environment`` the items of RFC 5183. ``now`` is in wall seconds, ``zone`` the
    owner's offset from UTC in minutes. ``script`` is the owner's script that runs
    first, by its name, so that it is known when another includes it. ``marks`` are
    findings about the message: ``spam`` (percent, and words behind a space), ``virus``
    (a number of RFC 5235 §3.3, and words), ``junk`` (why it was judged to be that).
    ``event`` is the cause of an IMAP event (RFC 6785 §4.3), empty at a delivery;
    ``flags`` are those that the message has, None where it has none yet.
    """

    message: Message
    sender: str = ""
    recipient: str = ""
    parameters: Mapping[str, str] = field(factory=dict)
    environment: Mapping[str, str] = field(factory=dict)
    now: float = 0.0
    zone: int = 0
    script: str = ""
    marks: Mapping[str, str] = field(factory=dict)
    event: str = ""
    flags: tuple[str, ...] | None = None


@frozen
class Plan:
    """What comes of a run. ``trouble``: the script failed, and all is kept.

    ``messages`` are the message as it was when each action was planned, in their
    order: what a script edits afterwards does not reach them (RFC 5293 §7).
    ``message`` is the message as the script left it.
    """

    actions: tuple[Any, ...]
    message: Message
    trouble: str = ""
    messages: tuple[Message, ...] = ()


@frozen
class Budget:
    """How much a run may do: commands and tests, and octets looked at."""

    steps: int = COMMANDS
    octets: int = WORK_OCTETS


WHOLE = Budget()


@define(eq=False)
class Run:
    """What a running program sees and changes."""

    letter: Letter
    answers: Mapping[Question, Any] = field(factory=dict)
    budget: Budget = WHOLE
    message: Message = field(init=False)
    """What tests and edits are about."""
    around: Callable[[], Message] | None = field(default=None, init=False)
    """Gives what actions are about, while ``message`` is a part of it."""
    actions: list[Any] = field(factory=list, init=False)
    messages: list[Message] = field(factory=list, init=False)
    """The message as each action has it."""
    kept: bool = field(default=True, init=False)
    """Whether the implicit keep stands (RFC 5228 §2.10.2)."""
    branched: bool = field(default=False, init=False)
    """Whether a branch of the last chain of ``if`` and ``elsif`` was taken."""
    flags: list[str] | None = field(init=False)
    """The internal variable of RFC 5232; None: no script has touched it."""
    matched: Sequence[str] = field(default=(), init=False)
    """What the last ``:matches`` found (RFC 5229 §3.2)."""
    variables: dict[str, str] = field(factory=dict, init=False)
    state: dict[str, Any] = field(factory=dict, init=False)
    """What extensions keep during a run, by their capability."""
    enabled: set[str] = field(factory=set, init=False)
    """Capabilities that ``ihave`` has found (RFC 5463)."""
    trail: list[tuple[int, str]] = field(factory=list, init=False)
    """Line and decision, of programs that were checked for that."""
    _steps: int = field(init=False)
    _octets: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.message = self.letter.message
        flags = self.letter.flags
        self.flags = None if flags is None else list(flags)
        self._steps, self._octets = self.budget.steps, self.budget.octets

    @property
    def left(self) -> Budget:
        """What it may still do; below 0 where it wanted more."""
        return Budget(self._steps, self._octets)

    @property
    def kept_flags(self) -> tuple[str, ...] | None:
        """What a message is filed with where no ``:flags`` stand (RFC 5232 §3)."""
        return None if self.flags is None else tuple(self.flags)

    def step(self, octets: int = 0) -> None:
        """Count a command or test, and octets. :raises Exhausted: it is too much."""
        self._steps -= 1
        self._octets -= octets
        if self._steps < 0:
            raise Exhausted(f"more than {self.budget.steps} commands and tests")
        if self._octets < 0:
            self.work(0)

    def passed(self, steps: int, octets: int) -> bool:
        """Count commands and tests that came to nothing, if so much is left."""
        if self._steps < steps or self._octets < octets:
            return False
        self._steps -= steps
        self._octets -= octets
        return True

    def work(self, octets: int) -> None:
        """Count what is looked at. :raises Exhausted: it is too much."""
        self._octets -= octets
        if self._octets < 0:
            raise Exhausted("the script looks at too much text")

    def act(self, action: Any, *, cancels: bool = True) -> None:
        """Plan an action, once; most of them cancel the implicit keep.

        :raises Exhausted: there are too many.
        :raises Trouble: it cannot stand beside one that is planned already.
        """
        for known in self.actions:
            if why := clash(known, action):
                raise Trouble(f"line {action.at}: {why}")
        if cancels:
            self.kept = False
        self.work(ACTION_OCTETS * len(self.actions))
        message = self.message if self.around is None else self.around()
        if isinstance(action, (Redirect, RedirectList)):
            message = message.enclosed or message  # RFC 5703 §6
        for place, known in enumerate(self.actions):
            one = together(known, action)
            if one is not None:  # last: its flags count (RFC 5232 §3)
                del self.actions[place], self.messages[place]
                self.actions.append(one)
                self.messages.append(message)
                return
        self.actions.append(action)
        self.messages.append(message)
        redirects = sum(isinstance(one, Redirect) for one in self.actions)
        if redirects > REDIRECTS:
            raise Exhausted(f"more than {REDIRECTS} redirects")
        if len(self.actions) > ACTIONS:
            raise Exhausted(f"more than {ACTIONS} actions")

    def editable(self) -> Message:
        """The message, to be changed: actions that are planned keep what they have."""
        if self.around is not None:
            return self.message  # no action has a part of a message
        if self.messages or self.message is self.letter.message:
            self.message = self.message.copied()
        return self.message

    def ask(self, kind: str, *subject: str) -> Any:
        """An answer that only the world has.

        :raises Wanted: it is not known yet; the run begins anew with it.
        """
        question = Question(kind, subject)
        if question not in self.answers:
            raise Wanted(question)
        return self.answers[question]


def run(program: Program, letter: Letter, answers: Mapping[Question, Any]) -> Plan:
    """Run a program to its end. :raises Wanted: an answer is missing."""
    running = Run(letter, answers)
    return planned(running, program)


def planned(running: Run, program: Program) -> Plan:
    """As :func:`run`, with a run that somebody wants to look at afterwards."""
    try:
        for step in program.steps:
            step(running)
    except Stopped:
        pass
    except Trouble as error:
        message = running.letter.message
        return Plan((Keep(implicit=True),), message, str(error), (message,))
    actions, messages = list(running.actions), list(running.messages)
    if running.kept:
        actions.append(Keep(running.kept_flags, implicit=True))
        messages.append(running.message)
    return Plan(tuple(actions), running.message, messages=tuple(messages))
