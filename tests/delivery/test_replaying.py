"""Scripts tried on mail that is there (:mod:`mailsuite.delivery.replaying`)."""

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailsuite.delivery.replaying import Replaying
from mailsuite.http.api.scripts import UIDS
from mailsuite.http.api.scripts import Scripts as Routes
from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import direct
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.interfaces.scripts import IReplay, Script
from tests.support.filing import OTHER, USER, FilingCase, letter

FILE = 'require ["fileinto", "copy"]; if header "subject" "a" { fileinto "Work"; }'
EVERYTHING = """
require ["fileinto", "vacation", "enotify", "mailbox", "duplicate", "copy"];
if duplicate { discard; stop; }
vacation "away";
notify "mailto:x@example.org";
redirect :copy "y@example.org";
fileinto :create :copy "New";
fileinto :copy "Nowhere";
"""


class ReplayingTests(FilingCase):
    def setUp(self):
        super().setUp()
        self.replaying = Replaying(self.accounts, self.filing)
        self.folder("Work")
        for number, subject in enumerate("abc"):
            self.now += 100
            self.deliver(letter(subject), name=f"0G1G20{number}")
        self.before = self.mail(), self.events.of("sieve.failed")

    def tearDown(self):
        """Nothing was done."""
        after = self.mail(), self.events.of("sieve.failed")
        self.assertEqual(list(map(str, after)), list(map(str, self.before)))

    def replay(self, text=None, uids=(1, 2, 3), mailbox="INBOX"):
        script = None if text is None else Script("try", text.encode())
        return self.done(self.replaying.replay(USER, script, mailbox, uids))

    def test_provides(self):
        """What the API asks for is there."""
        verifyObject(IReplay, self.replaying)

    def test_messages(self):
        """Messages since some time, and only in mailboxes that there are."""
        uids = self.done(self.replaying.messages(USER, "INBOX", self.now - 100))
        self.assertEqual(uids, [2, 3])
        work = self.replaying.messages(USER, "None", 0)
        self.failureResultOf(Deferred.fromCoroutine(work), NoSuchMailbox)

    def test_snoozed(self):
        """What would be snoozed is told, and no mailbox is made for it."""
        (row,) = self.replay('require "snooze"; snooze :tzid "UTC" "12:00";', (1,))
        self.assertEqual(row.places, ())
        (deed,) = row.deeds
        told = "snooze it until 2001-09-09T12:00:00Z, and then file it into INBOX"
        self.assertEqual(deed, told)
        subject = ("UTC", "0123456", "43200")
        answer = self.replaying.answer(USER, "awaken", subject)
        self.assertIsNone(self.done(answer))

    def test_places(self):
        """It is told where each message would lie."""
        rows = self.replay(FILE)
        self.assertEqual([row.places for row in rows], [("Work",), *[("INBOX",)] * 2])
        self.assertEqual([row.subject for row in rows], ["a", "b", "c"])
        self.assertEqual(rows[0].sender, "coyote@desert.example.org")
        self.assertEqual(rows[2].date, self.now)

    def test_active(self):
        """Without a script the active one is run, or none."""
        self.assertEqual({row.places for row in self.replay()}, {("INBOX",)})
        self.script(FILE)
        self.assertEqual(self.replay()[0].places, ("Work",))
        self.assertEqual(self.replay("keep;")[0].places, ("INBOX",))

    def test_system(self):
        """The operator's scripts are run around it, as at delivery."""
        self.system(before=['if header "subject" "b" { discard; }'])
        rows = self.replay(FILE)
        self.assertEqual(rows[0].places, ("Work",))
        self.assertEqual((rows[1].places, rows[1].deeds), ((), ("discard it",)))

    def test_deeds(self):
        """What else would be done is told, and not done."""
        (row,) = self.replay(EVERYTHING, [1])
        self.assertEqual(row.places, ("New", "INBOX"))
        told = "; ".join(row.deeds)
        for word in ("reply to the sender", "x@example.org", "on to y@example.org"):
            self.assertIn(word, told)
        self.assertEqual(self.replay(EVERYTHING, [1]), [row])

    def test_trouble(self):
        """A script that fails is told of, to nobody else."""
        (row,) = self.replay('require "variables"; redirect "${x}";', [1])
        self.assertIn("is no address", row.trouble)
        self.assertEqual(row.places, ("INBOX",))
        (row,) = self.replay("if", [1])
        self.assertIn("try: line 1", row.trouble)

    def test_gone(self):
        """Messages that are not there are left out."""
        self.assertEqual([row.uid for row in self.replay(FILE, (9, 2))], [2])

    def test_sender(self):
        """The envelope is what the mailbox knows of it."""
        script = (
            'require ["envelope", "fileinto"];'
            'if allof (envelope "from" "coyote@desert.example.org",'
            f'envelope "to" "{USER}") {{ fileinto "Work"; }}'
        )
        self.assertEqual(self.replay(script, [1])[0].places, ("Work",))

    def test_answers(self):
        """What a script asks for can be asked; nothing is run for that."""

        def answer(*asked):
            return self.done(self.replaying.answer(USER, *asked))

        self.assertIs(answer("mailboxexists", ["Work"]), True)
        self.assertIs(answer("mailboxexists", ["None"]), False)
        for kind in ("program", "script", "duplicate", "content", "nothing"):
            self.assertIs(answer(kind, ["pipe"]), None)


class RouteTests(ReplayingTests):
    """The same over the API."""

    def ask(self, method, *parts, problem=0, query=None, **body):
        routes = Routes(self.made.directory, self.scripts, self.replaying).routes()
        work = direct(routes, method, parts, Asked(query or {}, body))
        result = Deferred.fromCoroutine(work)
        if problem:
            found = self.failureResultOf(result, Problem).value
            self.assertEqual(found.status, problem, found.detail)
            return found.detail
        return self.successResultOf(result)

    def test_scripts(self):
        """Scripts are kept, listed, shown, activated and removed."""
        one = ("scripts", USER, "script")
        made = self.ask("PUT", *one, name="a/b \u00fc", content=FILE)
        self.assertEqual(made["warnings"], [])
        told = self.ask("PUT", *one, name="x", content="kep;", problem=400)
        self.assertIn("line 1, column 1: there is no command kep", told)
        self.assertEqual(
            self.ask("GET", *one, query={"name": "a/b \u00fc"})["content"], FILE
        )
        done = self.ask("PUT", "scripts", USER, active="a/b \u00fc")
        self.assertIs(done["vacation"], False)
        (row,) = self.ask("GET", "scripts", USER)["scripts"]
        self.assertEqual((row["active"], row["octets"]), (True, len(FILE)))
        named = {"name": "a/b \u00fc"}
        self.assertIn("active", self.ask("DELETE", *one, query=named, problem=409))
        self.ask("PUT", "scripts", USER, active="")
        self.ask("DELETE", *one, query=named)
        self.ask("GET", *one, query=named, problem=404)
        self.ask("PUT", "scripts", USER, active="a", problem=404)
        self.ask("PUT", *one, name="a\0", content="keep;", problem=400)
        self.ask("PUT", *one, name="a", content="#" * 200_000, problem=400)
        for number in range(self.settings.scripts):
            self.ask("PUT", *one, name=f"{number}", content="keep;")
        self.ask("PUT", *one, name="more", content="keep;", problem=409)

    def test_accounts(self):
        """Only users of ours have scripts."""
        for name in ("nobody@example.test", "a@else.test"):
            for method, parts in (
                ("GET", ("scripts", name)),
                ("GET", ("vacation", name)),
                ("GET", ("replay", name)),
            ):
                self.ask(method, *parts, problem=404)
        self.ask("GET", "scripts", "nobody", problem=400)

    def test_case(self):
        """However an address is written, it is the same account."""
        self.ask("PUT", "scripts", USER.upper(), "script", name="m", content="keep;")
        self.assertEqual(len(self.ask("GET", "scripts", USER)["scripts"]), 1)
        self.assertEqual(self.ask("GET", "scripts", OTHER)["scripts"], [])

    def test_vacation(self):
        """A vacation is set, shown and cleared."""
        body = {"text": "Away", "begin": "2026-08-01", "addresses": ["u@x.test"]}
        self.assertEqual(self.ask("PUT", "vacation", USER, **body)["warnings"], [])
        told = self.ask("GET", "vacation", USER)["vacation"]
        self.assertEqual((told["begin"], told["active"]), ("2026-08-01", True))
        self.assertEqual(self.ask("DELETE", "vacation", USER)["active"], "")
        self.assertIs(self.ask("GET", "vacation", USER)["vacation"], None)
        self.ask("DELETE", "vacation", USER, problem=409)

    def test_vacation_refused(self):
        """What cannot be is said with the field's name."""
        for wrong, word in (
            ({}, "'text'"),
            ({"text": " "}, "'text'"),
            ({"text": "a" * 10_001}, "'text'"),
            ({"text": "a", "begin": "1.8.2026"}, "'begin'"),
            ({"text": "a", "begin": "2026-08-02", "end": "2026-08-01"}, "last day"),
            ({"text": "a", "addresses": ["nobody"]}, "nobody"),
            ({"text": "a", "addresses": ["a@b.test"] * 101}, "addresses"),
            ({"text": "a", "days": 1000}, "'days'"),
            ({"text": "a", "more": 1}, "more"),
        ):
            self.assertIn(word, self.ask("PUT", "vacation", USER, problem=400, **wrong))

    def test_replay(self):
        """Messages are asked for, then replayed some at a time."""
        self.script(FILE)
        where = ("replay", USER)
        since = {"since": str(int(self.now) - 100), "mailbox": "INBOX"}
        self.assertEqual(self.ask("GET", *where, query=since)["uids"], [2, 3])
        rows = self.ask("POST", *where, uids=[1])["messages"]
        self.assertEqual(rows[0]["places"], ("Work",))
        rows = self.ask("POST", *where, uids=[1], content="discard;")["messages"]
        self.assertEqual(rows[0]["deeds"], ("discard it",))
        rows = self.ask("POST", *where, uids=[1], script="main")["messages"]
        self.assertEqual(rows[0]["places"], ("Work",))
        answer = self.ask(
            "POST", *where, "answer", kind="mailboxexists", subject=["Work"]
        )
        self.assertIs(answer["answer"], True)

    def test_replay_refused(self):
        """What cannot be replayed."""
        where = ("replay", USER)
        self.ask("POST", *where, uids=[1] * (UIDS + 1), problem=400)
        self.ask("POST", *where, uids=[-1], problem=400)
        self.ask("POST", *where, uids=[True], problem=400)
        self.ask("POST", *where, uids=[1], content="kep;", problem=400)
        self.ask("POST", *where, uids=[1], script="none", problem=404)
        self.ask("POST", *where, uids=[1], mailbox="none", problem=404)
        self.ask("GET", *where, query={"mailbox": "none"}, problem=404)
