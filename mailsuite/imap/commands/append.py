"""APPEND (RFC 3501 §6.3.11) with APPENDUID (RFC 4315 §3): octets in blocks.

Lines end with CRLF in the store, whatever a client sent: so every reader, POP3's
LIST and RETR among them, counts and gets the same octets.
"""

from attrs import define

from mailsuite.imap import answers, happening
from mailsuite.imap.answers import No
from mailsuite.imap.talk import Talk
from mailsuite.interfaces.blobs import IBlobWriter
from mailsuite.interfaces.mailboxes import IMailbox, NoSuchMailbox
from mailsuite.model.changes import Draft
from mailsuite.model.errors import NoSpace, OverQuota
from mailsuite.model.ids import MailboxId
from mailsuite.wire.imap.events import Upload

TOO_BIG = b"NO [TOOBIG] The message is larger than is allowed"
_EMPTY = b"NO [CANNOT] The message is empty"
_EPOCH = 0.001  # seconds; a draft's 0 means now
_NUL = b"NO [CANNOT] The message contains NUL"


@define(eq=False)
class Appending:
    """One message on its way in; ``fault`` is what its end will be answered."""

    tag: bytes
    mailbox: MailboxId
    upload: Upload
    writer: IBlobWriter
    fault: bytes = b""
    _cr: bool = False
    """Whether the last block ended with CR."""

    async def write(self, octets: bytes) -> None:
        """Take a block; after a fault the rest is only passed over."""
        if self.fault:
            return
        if b"\0" in octets:
            self.spoil(_NUL)  # RFC 3501 §4.3.1: CHAR8 excludes NUL
            return
        try:
            if not self.writer.write(self._lined(octets)):
                await self.writer.drained()
        except NoSpace as error:
            self.spoil(answers.of(error))

    def _lined(self, octets: bytes) -> bytes:
        """Make a bare LF to CRLF; the one behind a block that ended with CR is none."""
        after, self._cr = self._cr, octets.endswith(b"\r")
        whole = after and octets.startswith(b"\n")
        # count() of one octet takes four times as long
        ends = len(octets) - len(octets.replace(b"\n", b""))
        if ends == octets.count(b"\r\n") + whole:
            return octets
        first = b"\n" if whole else b""
        rest = octets[len(first) :]
        return first + rest.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def spoil(self, fault: bytes) -> None:
        """Nothing is stored; leaves nothing behind."""
        if not self.fault:
            self.fault = fault
            self.writer.abort()

    async def finish(self, talk: Talk) -> bytes:
        """Store the message; durable when the answer is given."""
        if self.fault:
            raise No(self.fault)
        self.fault = b"NO"  # whatever happens, there is no writer to abort now
        blob = await self.writer.close()
        asked = self.upload.append
        date = 0.0 if asked.date is None else asked.date or _EPOCH
        draft = Draft(blob, asked.flags, float(date))
        try:
            done = await talk.account.append(self.mailbox, [draft])
        except NoSuchMailbox:
            raise No(answers.TRYCREATE) from None
        talk.touched(done.mailbox)
        await happening.appended(talk, done)
        return b"OK [APPENDUID %d %d] Done" % (done.uidvalidity, done.uids[0])


async def begin(talk: Talk, upload: Upload) -> Appending:
    """Judge an announced message before it comes. :raises No: it is not wanted."""
    if upload.size > talk.ground.settings.message_octets:
        raise No(TOO_BIG)
    if not upload.size:
        raise No(_EMPTY)
    mailbox = await _target(talk, upload.append.mailbox)
    if upload.waits:
        room = await talk.ground.accounts.room(talk.account.name)
        if not room.holds(upload.size):
            raise OverQuota
    writer = talk.ground.blobs.create(upload.size)
    return Appending(upload.tag, mailbox.id, upload, writer)


async def _target(talk: Talk, name: str) -> IMailbox:
    try:
        return await talk.account.mailbox(name)
    except NoSuchMailbox:
        raise No(answers.TRYCREATE) from None
