"""Actions in the words of people: what would become of a message."""

from collections.abc import Callable, Mapping
from typing import Any

from mailsuite.icalendar import scheduling
from mailsuite.sieve.actions import Discard, FileInto, Keep, Redirect, RedirectList
from mailsuite.sieve.extensions.date import Moment, iso8601
from mailsuite.sieve.extensions.duplicate import Remember
from mailsuite.sieve.extensions.enotify import Notify
from mailsuite.sieve.extensions.processcalendar import ProcessCalendar
from mailsuite.sieve.extensions.programs import Piped
from mailsuite.sieve.extensions.reject import Reject
from mailsuite.sieve.extensions.snooze import Snooze
from mailsuite.sieve.extensions.vacation import DAY, Vacation
from mailsuite.sieve.wrapping import described

REASON_CHARACTERS = 60  # of a longer text that are told


def told(action: Any) -> str:
    """One action, without its line."""
    tell = _WORDS.get(type(action), described)
    return tell(action)


def _short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    if len(line) > REASON_CHARACTERS:
        line = line[: REASON_CHARACTERS - 1] + "\u2026"
    return line


def _flags(flags: tuple[str, ...] | None) -> str:
    return f", with {' '.join(flags)}" if flags else ""


def _keep(action: Keep) -> str:
    why = ", because no rule says otherwise" if action.implicit else ""
    return f"keep it{_flags(action.flags)}{why}"


def _fileinto(action: FileInto) -> str:
    made = ", which is made if it is not there" if action.create else ""
    return f"file it into {_place(action)}{_flags(action.flags)}{made}"


def _place(action: FileInto | Snooze) -> str:
    where = action.mailbox or "INBOX"
    if action.mailbox_id:
        where += f" (the mailbox with id {action.mailbox_id} if there is one)"
    if action.special_use:
        where += f" (the mailbox for {action.special_use} if there is one)"
    return where


def _snooze(action: Snooze) -> str:
    until = iso8601(Moment(action.until, action.zone))
    made = ", which is made if it is not there then" if action.create else ""
    drop = f", without {' '.join(action.drop)}" if action.drop else ""
    return (
        f"snooze it{_flags(action.flags)} until {until}, and then file it into"
        f" {_place(action)}{made}{_flags(action.add)}{drop}"
    )


def _redirect(action: Redirect) -> str:
    return f"send it on to {action.address}"


def _redirect_list(action: RedirectList) -> str:
    return f"send it on to the {len(action.each)} members of {action.name}"


def _reject(action: Reject) -> str:
    return f"refuse it: {_short(action.reason)}"


def _vacation(action: Vacation) -> str:
    days, rest = divmod(action.seconds, DAY)
    span = f"{action.seconds} seconds" if rest else f"{days} days"
    once = f", once in {span} to each sender" if action.seconds else ""
    return f"reply to the sender{once}: {_short(action.reason)}"


def _notify(action: Notify) -> str:
    return f"send a notice to {', '.join(action.recipients)}"


def _piped(action: Piped) -> str:
    return f"give it to the program {action.program}"


def _processcalendar(action: ProcessCalendar) -> str:
    what = f" {action.title!r}" if action.title else ""
    where = f" {action.calendar}" if action.calendar else ""
    why = f": {_short(action.reason)}" if action.reason else ""
    if action.outcome == scheduling.ADDED:
        return f"put the event{what} into the calendar{where}"
    if action.outcome == scheduling.UPDATED:
        removed = any(not one.made for one in action.entries if one.made is not None)
        verb = "remove" if removed else "change"
        return f"{verb} the event{what} in the calendar{why}"
    return f"leave the calendar as it is ({action.outcome}{why})"


_WORDS: Mapping[type, Callable[[Any], str]] = {
    Keep: _keep,
    FileInto: _fileinto,
    Redirect: _redirect,
    RedirectList: _redirect_list,
    Discard: lambda _: "discard it",
    Reject: _reject,
    Snooze: _snooze,
    Vacation: _vacation,
    Notify: _notify,
    Piped: _piped,
    ProcessCalendar: _processcalendar,
    Remember: lambda _: "remember that it was seen",
}
