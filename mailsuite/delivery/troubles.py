"""What is told of scripts that fail: an event each time, the owner once a day."""

from contextlib import suppress

from attrs import define

from mailsuite.delivery.copies import number
from mailsuite.delivery.folders import INBOX
from mailsuite.delivery.ground import Ground, Named
from mailsuite.delivery.letters import Case
from mailsuite.interfaces.mailboxes import LimitReached, NoSuchMailbox
from mailsuite.mime import dates
from mailsuite.model.changes import Draft
from mailsuite.model.errors import NoSpace, OverQuota
from mailsuite.sieve.extensions.imapsieve import MAILBOX

DAY = 86_400.0
TEXT_CHARACTERS = 400  # of what went wrong that are told
TROUBLE = "trouble"
"""Kind of memory: a script's failure was told to its owner."""

_TEXT = """\
From: Mail delivery <postmaster@{host}>
To: <{to}>
Subject: Your mail filter failed
Date: {date}
Message-ID: <{ident}@{host}>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Your Sieve script "{script}" could not be carried out for a message
that {what}:

    {trouble}

The message was kept, as it is without a script. As long as the script
fails you are told once a day.
"""


@define(eq=False)
class Troubles:
    """Tells operators and owners."""

    _ground: Ground

    def happened(self, case: Case, script: Named, trouble: str) -> None:
        """Tell operators."""
        self._ground.events.happened(
            "sieve.failed",
            qid=case.lease.id,
            account=case.account.name,
            script=script.name,
            reason=_plain(trouble),
        )

    async def tell(self, case: Case, script: Named, trouble: str) -> None:
        """Tell the owner by a message in the INBOX, if none of today told so."""
        ground, name = self._ground, case.account.name
        once = case.once(number(TROUBLE, script.name))
        until = ground.wall() + DAY
        with suppress(OverQuota, NoSpace, NoSuchMailbox, LimitReached, OSError):
            fresh = await ground.memories.remember(
                name, TROUBLE, script.name, until, once
            )
            if fresh:
                blob = ground.blobs.kept(self._notice(case, script, trouble))
                await case.account.append(INBOX, [Draft(blob)], once)

    def _notice(self, case: Case, script: Named, trouble: str) -> bytes:
        lease, host = case.lease, self._ground.hostname
        text = _TEXT.format(
            host=host,
            to=case.account.name,
            date=dates.render(self._ground.wall()).decode("ascii"),
            ident=f"{lease.id}.{case.recipient.n}.sieve",
            script=_plain(script.name),
            what=_plain(_where(case)),
            trouble=_plain(trouble),
        )
        return text.replace("\n", "\r\n").encode("utf-8", "replace")


def _where(case: Case) -> str:
    if case.event is None:
        return f"came for {case.recipient.address}"
    return f"lies in {case.event.items[MAILBOX]}"


def _plain(text: str) -> str:
    """A text in one line, without anything that is not to be seen."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return shown[:TEXT_CHARACTERS]
