"""Mailboxes that are made, renamed and deleted, and where their mail lies."""

import contextlib
import ctypes
import errno
from random import Random

from mailsuite.interfaces.mailboxes import BadName, MailboxExists, NoSuchMailbox
from mailsuite.model.flags import FLAGGED
from mailsuite.store import maildir
from mailsuite.store.names import below, directory, parents
from tests.contracts.mailboxes import MESSAGE, draft
from tests.store.test_store_outside import StoreCase

NAMES = ("One", "Two", "Six", "One/In", "Two/In", "Six/In/Deep")
STEPS = 250


class FolderTests(StoreCase):
    """A mailbox's directory is that of its name."""

    def contents(self):
        """Folders and what their messages end with."""
        found = {}
        for path in self.root.iterdir():
            if path.name.startswith(".") and (path / "cur").is_dir():
                files = [*(path / "new").iterdir(), *(path / "cur").iterdir()]
                found[path.name] = [file.read_bytes() for file in files]
        return found

    def test_name_moved(self):
        """A name that lost its mail, and was renamed, gets a directory when it is made."""

        async def go(account, inbox):
            _ = await account.create("Old/Below")
            await account.remove("Old")
            await account.rename("Old", "New")
            _ = await account.create("New")
            _ = await account.append("New", [draft()])
            found = self.contents()
            self.assertNotIn(".Old", found)
            self.assertEqual(found[".New"], [MESSAGE])
            _ = await account.create("Old")
            _ = await account.append("Old", [draft(MESSAGE + b"other\r\n")])
            self.assertEqual(self.contents()[".New"], [MESSAGE])

        return self.run_with_store(go)

    def test_name_occupied(self):
        """A mailbox gets the directory of its new name, whatever others put there."""

        async def go(account, inbox):
            _ = await account.create("Old")
            _ = await account.append("Old", [draft()])
            path = self.root / ".New" / "cur"
            path.mkdir(parents=True)
            (path / "1700000000.x:2,").write_bytes(b"other")
            await account.rename("Old", "New")
            self.assertEqual(len(list((self.root / ".New" / "new").iterdir())), 1)
            self.assertEqual(len(list((self.root / ".New-2" / "cur").iterdir())), 1)
            names = {row.name for row in await account.mailboxes()}
            self.assertLessEqual({"New", "New-2"}, names)
            await self.house.stop()
            _ = await self.inbox()

        return self.run_with_store(go)

    def test_plain_file_system(self):
        """So it does where the file system knows no rename that spares what is there."""

        def lacking(*_):
            ctypes.set_errno(errno.EINVAL)
            return -1

        async def go(account, inbox):
            self.patch(maildir._libc, "renameat2", lacking)
            _ = await account.create("Old")
            (self.root / ".New").mkdir()
            await account.rename("Old", "New")
            self.assertEqual(self.contents()[".New"], [])
            self.assertNotIn(".Old", self.contents())
            self.assertTrue((self.root / ".New-2").is_dir())
            with self.assertRaises(FileExistsError):
                maildir.rename(str(self.root / ".New"), str(self.root / ".New-2"))
            await self.house.stop()
            _ = await self.inbox()

        return self.run_with_store(go)

    def test_letters(self):
        """Letters in the names of files mean the same after a mailbox was made anew."""

        async def go(account, inbox):
            _ = await account.create("Box/Below")
            _ = await account.append("Box", [draft(MESSAGE, "$Junk")])
            told = (self.root / ".Box/dovecot-keywords").read_text()
            await account.remove("Box")
            _ = await account.create("Box")
            _ = await account.append("Box", [draft(MESSAGE, "$Junk", FLAGGED)])
            [name] = self.house.files(".Box")
            self.assertTrue(name.endswith(":2,Fa"), name)
            self.assertEqual((self.root / ".Box/dovecot-keywords").read_text(), told)

        return self.run_with_store(go)

    def test_any_order(self):
        """Whatever is made, renamed and deleted, mail lies in its mailbox alone."""

        async def go(account, inbox):
            random, model = Random(7), Model()
            for step in range(STEPS):
                what, names = random.choice(CHANGES), random.choices(NAMES, k=2)
                with contextlib.suppress(BadName, MailboxExists, NoSuchMailbox):
                    await what(account, model, *names, MESSAGE + b"%d\r\n" % step)
                rows = await account.mailboxes()
                there = {row.name for row in rows if row.selectable and not row.use}
                self.assertEqual(there, {"INBOX", *model.selectable()})
                found = self.contents()
                for name, content in model.selectable().items():
                    self.assertEqual(
                        sorted(found.pop(directory(name))), sorted(content)
                    )
                self.assertEqual(found, {directory(r.name): [] for r in rows if r.use})

        return self.run_with_store(go)


class Model:
    """Messages by mailbox; None for a mere name."""

    def __init__(self):
        self.mail = {}

    def selectable(self):
        return {name: mail for name, mail in self.mail.items() if mail is not None}

    def levels(self, name):
        for level in parents(name):
            _ = self.mail.setdefault(level, [])


async def created(account, model, name, _other, _content):
    _ = await account.create(name)
    model.mail[name] = []
    model.levels(name)


async def removed(account, model, name, _other, _content):
    await account.remove(name)
    del model.mail[name]
    if any(below(one, name) for one in model.mail):
        model.mail[name] = None


async def renamed(account, model, name, other, _content):
    await account.rename(name, other)
    for old in list(model.mail):
        if old == name or below(old, name):
            model.mail[other + old[len(name) :]] = model.mail.pop(old)
    model.levels(other)


async def appended(account, model, name, _other, content):
    _ = await account.append(name, [draft(content)])
    model.mail[name].append(content)


CHANGES = (created, removed, renamed, appended)
