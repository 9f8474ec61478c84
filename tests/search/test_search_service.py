"""The index follows the mail, and heals when anything of it is killed or removed."""

import os
import shutil
import signal
import tempfile

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mailsuite.events.memory import Events
from mailsuite.interfaces.searching import ISearchIndex
from mailsuite.search.service import SearchService
from mailsuite.search.settings import Search
from tests.support.changes import Changes
from tests.support.patience import PATIENCE_SECONDS

ACCOUNT = "user1@example.test"


def message(subject, text="hello"):
    return (
        f"From: Ann <ann@example.org>\r\nSubject: {subject}\r\n\r\n{text}\r\n"
    ).encode()


def spoil(folder):
    """Overwrite every file of an index."""
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"garbage")


def segments(folder):
    """Files of an index with something in it."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [name for name in names if name.endswith(".seg")]


class SearchTests(TestCase):
    timeout = PATIENCE_SECONDS

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.mail = os.path.join(folder.name, "mail")
        self.indexes = os.path.join(folder.name, "search")
        self.changes = Changes(self.mail)
        self.events = Events()
        self.service = None
        self.start()

    def start(self, **settings):
        wanted = {"settle_seconds": 0.01, "sweep_seconds": 0.2, **settings}
        self.service = SearchService(
            reactor, self.changes, self.events, self.indexes, Search(**wanted)
        )
        self.service.startService()
        self.addCleanup(self.stop)

    async def restart(self):
        await self.service.stopService()
        self.start()

    def stop(self):
        return self.service.stopService() if self.service.running else None

    async def found(self, words, account=ACCOUNT):
        return [hit.uid for hit in await self.service.ask(account, words, 10)]

    async def until(self, check):
        while not await check():
            pause = Deferred()
            reactor.callLater(0.02, pause.callback, None)
            await pause

    async def test_arrivals(self):
        """What arrived is found by its words; all the words must be there."""
        self.assertTrue(ISearchIndex.providedBy(self.service))
        self.changes.add(ACCOUNT, message("apples and pears"))
        self.changes.add(ACCOUNT, message("apples", "plums"))
        self.assertEqual(sorted(await self.found("APPLES")), [101, 102])
        self.assertEqual(await self.found("plums apples"), [102])
        self.assertEqual(await self.found("ann pears"), [101])
        self.assertEqual(await self.found("nothing"), [])
        self.assertEqual(await self.found("..."), [])
        hit = (await self.service.ask(ACCOUNT, "plums", 10))[0]
        self.assertEqual((hit.mailbox, hit.subject), ("INBOX", "apples"))

    async def test_accounts_apart(self):
        """One account's mail is never found in another's."""
        self.changes.add(ACCOUNT, message("secret"))
        self.changes.add("b@example.test", message("other"))
        self.assertEqual(await self.found("secret", "b@example.test"), [])
        self.assertEqual(await self.found("other", "b@example.test"), [101])

    async def test_gone(self):
        """What was removed is found no more, and leaves the index."""
        self.changes.add(ACCOUNT, message("apples"))
        self.assertEqual(await self.found("apples"), [101])
        self.changes.remove(ACCOUNT, 1)
        self.assertEqual(await self.found("apples"), [])

    async def test_goes_on_after_a_restart(self):
        """The cursor lies in the index: only what came meanwhile is read again."""
        for number in range(5):
            self.changes.add(ACCOUNT, message(f"apples {number}"))
        self.assertEqual(len(await self.found("apples")), 5)
        await self.service.stopService()
        shutil.rmtree(os.path.join(self.mail, ACCOUNT, "new"))
        self.changes.add(ACCOUNT, message("pears"))
        self.start()
        self.assertEqual(await self.found("pears"), [106])
        self.assertEqual(len(await self.found("apples")), 5)

    async def test_child_killed(self):
        """A killed child is started again; questions and indexing go on."""
        self.changes.add(ACCOUNT, message("apples"))
        self.assertEqual(await self.found("apples"), [101])
        for pid in self.service.workers.pids:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(await self.found("apples"), [101])
        for pid in self.service.workers.pids:
            os.kill(pid, signal.SIGKILL)
        self.changes.add(ACCOUNT, message("pears"))

        async def pears():
            return await self.found("pears") == [102]

        await self.until(pears)

    async def test_index_removed(self):
        """A removed index is missed by the next question and built again."""
        self.changes.add(ACCOUNT, message("apples"))
        self.assertEqual(await self.found("apples"), [101])
        shutil.rmtree(self.indexes)
        self.assertEqual(await self.found("apples"), [101])

    async def test_sweep(self):
        """A removed index is built again although nobody asks."""
        self.changes.add(ACCOUNT, message("apples"))
        self.assertEqual(await self.found("apples"), [101])
        folder = os.path.join(self.indexes, ACCOUNT)
        shutil.rmtree(folder)

        async def there():
            return segments(folder)

        await self.until(there)

    async def test_index_corrupt(self):
        """A broken index is set aside and built again; other accounts see nothing."""
        self.changes.add(ACCOUNT, message("apples"))
        self.assertEqual(await self.found("apples"), [101])
        await self.service.stopService()
        folder = os.path.join(self.indexes, ACCOUNT)
        spoil(folder)
        self.start()
        self.assertEqual(await self.found("apples"), [101])
        self.assertIn(ACCOUNT + ".corrupt", os.listdir(self.indexes))
        self.assertEqual(len(self.events.of("search.rebuilt")), 1)

    async def test_index_ahead(self):
        """An index that knows more than its account is built again."""
        for number in range(3):
            self.changes.add(ACCOUNT, message(f"apples {number}"))
        self.assertEqual(len(await self.found("apples")), 3)
        del self.changes.logs[ACCOUNT][1:]
        self.changes.tell(ACCOUNT)
        self.assertEqual(await self.found("apples"), [101])

    async def test_moved_file(self):
        """A file that its flags renamed is read where it is now."""
        await self.service.stopService()
        self.changes.add(ACCOUNT, message("apples"))
        home = os.path.join(self.mail, ACCOUNT)
        os.mkdir(os.path.join(home, "cur"))
        os.rename(
            os.path.join(home, "new", "1.m"), os.path.join(home, "cur", "1.m:2,S")
        )
        self.start()
        self.assertEqual(await self.found("apples"), [101])

    async def test_vanished_file(self):
        """A message whose file is nowhere holds up no other."""
        await self.service.stopService()
        self.changes.add(ACCOUNT, message("apples"))
        self.changes.add(ACCOUNT, message("pears"))
        os.unlink(os.path.join(self.mail, ACCOUNT, "new", "1.m"))
        self.start()

        async def pears():
            return await self.found("pears") == [102]

        await self.until(pears)

    async def test_drop(self):
        """A dropped index is built again in the background."""
        self.changes.add(ACCOUNT, message("apples"))
        self.assertEqual(await self.found("apples"), [101])
        await self.service.drop(ACCOUNT)
        self.assertEqual(await self.found("apples"), [101])

    async def test_many(self):
        """More than one batch is indexed, in several commits."""
        await self.service.stopService()
        for number in range(30):
            self.changes.add(ACCOUNT, message(f"apples n{number}"))
        self.start(batch=8)
        self.assertEqual(await self.found("n29"), [130])
        self.assertEqual(await self.found("n0 apples"), [101])
