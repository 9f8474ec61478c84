"""Lists that scripts ask about in a delivery (RFC 6134)."""

import os
import shutil
import tempfile
from pathlib import Path

from attrs import evolve

from mailsuite.delivery.lists import Lists
from mailsuite.directory.state import Listing
from mailsuite.house import sieves
from mailsuite.house.tree import Tree
from mailsuite.model.errors import UsageError
from mailsuite.sieve.members import ENTRY, LIST_OCTETS
from mailsuite.sieve.settings import Sieve
from tests.support.filing import OTHER, SENDER, USER, FilingCase, Now

HEAD = 'require ["fileinto", "mailbox", "extlists", "envelope", "variables"];'
TAG = "tag:example.test,2026:partners"
FROM = f'envelope :list "from" "{TAG}"'


class ListsTests(FilingCase):
    def setUp(self):
        super().setUp()
        self.etc = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.etc)
        self.folder = self.etc / "sieve" / "lists"
        self.folder.mkdir(parents=True)
        self.lists = Lists(Now(), str(self.etc), Sieve())
        self.filing.ground = evolve(self.ground, lists=self.lists)
        self.number = 0

    def write(self, name, text):
        (self.folder / f"{name}.list").write_text(text)

    def annotated(self, account, **lists):
        async def go():
            opened = await self.accounts.open(account)
            changes = {ENTRY + name: text.encode() for name, text in lists.items()}
            await opened.annotate("", changes)
            opened.close()

        self.done(go())

    def holds(self, test):
        """Whether a test is true while a message is delivered."""
        self.number += 1
        self.script(f'{HEAD} if {test} {{ fileinto :create "Yes"; }}')
        return self.deliver(name=f"0G1G{8 * self.number:X}").text == "Yes"

    def test_operators(self):
        """A file is a list of its name, and is read again when it changes."""
        self.assertFalse(self.holds(FROM))
        self.write(TAG, "# ours\nbob@example.org\n")
        self.assertFalse(self.holds(FROM))
        self.write(TAG, f"bob@example.org\n{SENDER.upper()}\n")
        self.assertTrue(self.holds(FROM))
        self.write(TAG, "*@*.example.org\n")
        self.assertTrue(self.holds(FROM))
        os.remove(self.folder / f"{TAG}.list")
        self.assertFalse(self.holds(FROM))

    def test_own(self):
        """The account's address books are its own, by name and in any case."""
        test = 'envelope :list "from" ":addrbook:default"'
        self.annotated(OTHER, default=SENDER)
        self.assertFalse(self.holds(test))
        self.annotated(USER, default="x@y.test", friends=SENDER)
        self.assertFalse(self.holds(test))
        self.assertTrue(self.holds(test.replace("default", "Friends")))
        whole = "urn:ietf:params:sieve:addrbook:friends"
        self.assertTrue(self.holds(test.replace(":addrbook:default", whole)))
        self.write("urn:ietf:params:sieve:addrbook:default", SENDER)
        self.assertFalse(self.holds(test))

    def test_value(self):
        """What was found is the variable ${0} (RFC 6134 §2.2)."""
        self.annotated(USER, default=SENDER)
        self.script(
            f"""{HEAD} if envelope :list "from" [":addrbook:no", ":addrbook:default"] {{
                fileinto :create "${{0}}"; }}"""
        )
        self.assertEqual(self.deliver().text, SENDER)

    def test_valid(self):
        """§2.4: all of them are there; the default one always is."""
        self.write(TAG, "")
        self.assertTrue(self.holds(f'valid_ext_list ["{TAG}", ":addrbook:default"]'))
        for name in (
            ":addrbook:none",
            "partners",
            "../x",
            f"{TAG}.list",
            ":x",
            "",
            "/",
        ):
            self.assertFalse(self.holds(f'valid_ext_list ["{TAG}", "{name}"]'), name)

    def test_no_path(self):
        """No name leads out of the folder."""
        (self.etc / "secret.list").write_text(SENDER)
        (self.folder / ".hidden.list").write_text(SENDER)
        for name in ("../../secret", str(self.etc / "secret"), ".hidden", "."):
            self.assertFalse(self.holds(f'envelope :list "from" "{name}"'), name)

    def test_too_long(self):
        """A file beyond the limit is no list, and the message is kept."""
        self.write(TAG, f"{SENDER}\n" * (LIST_OCTETS // len(SENDER)))
        self.assertFalse(self.holds(FROM))
        self.assertFalse(self.holds(f'valid_ext_list "{TAG}"'))

    def test_file(self):
        """The setting may name a file; another setting counts at once."""
        path = self.etc / "bad.list"
        path.write_text(SENDER)
        self.lists.settings = Sieve(lists=("bad.list", "nowhere"))
        self.assertTrue(self.holds('envelope :list "from" "bad"'))
        self.lists.settings = Sieve(lists=())
        self.assertFalse(self.holds('envelope :list "from" "bad"'))

    def test_missing(self):
        """A setting that names nothing is told at the start; the default may."""
        sieves.load(Tree(sieve=Sieve()), Listing(), "/nowhere")
        with self.assertRaisesRegex(UsageError, "gone: sieve.lists names"):
            sieves.load(Tree(sieve=Sieve(lists=("gone",))), Listing(), str(self.etc))

    def test_redirect(self):
        """§2.3: to every address of the list; domains are nobody's address."""
        self.annotated(USER, team="a@one.test\n*@two.test\nb@three.test\n")
        self.script(f'{HEAD} redirect :list ":addrbook:team";')
        outcome = self.deliver()
        (child,) = outcome.spawn  # the octets are recorded once
        sent = {one.n: str(one.address) for one in child.envelope.recipients}
        self.assertEqual(sent, {0: "a@one.test", 1: "b@three.test"})

    def test_redirect_rate(self):
        """Each address of a list counts; those that do not fit go to nobody."""
        self.filing.reload(Sieve(redirects=5), detail_folders=False)
        self.annotated(USER, team="a@one.test\nb@two.test\nc@three.test\n")
        self.script(f'{HEAD} redirect :list ":addrbook:team";')
        (child,) = self.deliver(name="0G1G8").spawn
        self.assertEqual(len(child.envelope.recipients), 3)
        outcome = self.deliver(name="0G1G10")
        self.assertEqual((outcome.spawn, outcome.text), ((), "INBOX"))
        again = self.deliver(name="0G1G8")  # counted already
        self.assertEqual(len(again.spawn), 1)
        self.script('redirect "far@else.example";')
        self.assertEqual(len(self.deliver(name="0G1G18").spawn), 1)

    def test_redirect_nowhere(self):
        """A list that is not there, or holds no address, sends nothing."""
        self.annotated(USER, all="*@two.test\n")
        for name in (":addrbook:none", ":addrbook:all", TAG):
            self.number += 1
            self.script(f'{HEAD} redirect :list "{name}";')
            outcome = self.deliver(name=f"0G1G{8 * self.number:X}")
            self.assertEqual((outcome.spawn or (), outcome.text), ((), "INBOX"), name)
