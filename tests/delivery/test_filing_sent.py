"""Copies that scripts send on as they ask, and programs that they have run."""

from attrs import evolve

from mailsuite.delivery.ground import Named, System
from mailsuite.model.envelope import JUNK
from mailsuite.policy.answers import reply_to
from mailsuite.sieve.check import check
from mailsuite.sieve.extensions.table import WITH_PROGRAMS
from tests.support.filing import SENDER, USER, FilingCase, letter


class AskedTests(FilingCase):
    """RFC 6009 §6, §7."""

    def sent(self, tags, **more):
        self.script(
            'require ["redirect-dsn", "redirect-deliverby"];'
            f'redirect {tags} "else@where.example";'
        )
        (child,) = self.deliver(**more).spawn
        return child

    def test_plain(self):
        """Without a word of the script the sender stays, and what the sender asked."""
        child = self.sent("", notify="FAILURE", orcpt="rfc822;a@b.c")
        self.assertEqual(str(child.envelope.sender), SENDER)
        (to,) = child.envelope.recipients
        self.assertEqual((to.notify, to.orcpt), ("FAILURE", "rfc822;a@b.c"))
        self.assertEqual(child.expires, 0.0)

    def test_notify(self):
        """With it the owner is told, unless the sender is null."""
        child = self.sent(':notify "NEVER" :ret "HDRS"')
        self.assertEqual(str(child.envelope.sender), USER)
        self.assertEqual(child.envelope.recipients[0].notify, "NEVER")
        self.assertEqual(child.envelope.marks["ret"], "HDRS")
        self.assertIsNone(self.sent(':ret "FULL"', sender="").envelope.sender)

    def test_limits(self):
        """A time limit is a time; in mode return the copy expires then."""
        child = self.sent(":bytimerelative 600")
        until = int(self.now) + 600
        self.assertEqual(child.envelope.marks["by"], f"{until};R")
        self.assertEqual(child.expires, float(until))
        self.assertEqual(str(child.envelope.sender), USER)
        child = self.sent(':bytimerelative 600 :bymode "notify" :bytrace')
        self.assertEqual(child.envelope.marks["by"], f"{until};NT")
        self.assertEqual(child.expires, 0.0)

    def test_handed_on(self):
        """What one script asks for the script of the next recipient sees."""
        self.folder("Late")
        self.script("""
            require ["envelope", "envelope-deliverby", "envelope-dsn", "fileinto"];
            if allof (envelope "bytimerelative" "600", envelope "bymode" "notify",
                      envelope "ret" "HDRS", envelope "envid" "Q+1") {
                fileinto "Late";
            }
        """)
        marks = {"by": f"{int(self.now) + 600};N", "ret": "HDRS", "envid": "Q+2B1"}
        self.deliver(envelope_marks=marks)
        self.assertEqual(self.where(), ["Late"])

    def test_marks(self):
        """What reception judged is what spamtest finds."""
        self.script("""
            require ["spamtest", "fileinto"];
            if spamtest :contains "10 " { fileinto "Spam"; } else { discard; }
        """)
        self.folder("Spam")
        self.deliver(marks={JUNK: "DMARC"})
        self.assertEqual(self.where(), ["Spam"])


class RefusedTests(FilingCase):
    def test_lines(self):
        """A client that waits gets the reason on as many lines (RFC 5429 §2.5)."""
        self.script(
            'require "ereject"; ereject text:\n'
            "AntiSpam engine thinks your message is spam.\n"
            "It is therefore being refused.\n"
            "Please call 1-900-PAY-US if you want to reach us.\n.\n;"
        )
        reply = reply_to(self.deliver())
        self.assertEqual(
            (reply.code, reply.status, reply.text, reply.lines),
            (
                550,
                "5.7.1",
                "AntiSpam engine thinks your message is spam.",
                (
                    "It is therefore being refused.",
                    "Please call 1-900-PAY-US if you want to reach us.",
                ),
            ),
        )
        self.assertEqual(self.where(), [])


class Fake:
    """Programs that are callables."""

    def __init__(self, **programs):
        self.programs = programs

    async def call(self, case, subject):
        _, _, name, given, *arguments = subject
        program = self.programs.get(name)
        return program(given.encode("latin-1"), *arguments) if program else None


class ProgramTests(FilingCase):
    def run_system(self, text, **programs):
        content = text.encode()
        program = check(content, WITH_PROGRAMS)
        self.filing.system = System((Named("one", content, program),))
        self.filing.ground = evolve(self.ground, externals=Fake(**programs))
        return self.deliver(letter(body="a cold anvil"))

    def test_filter(self):
        """What a program made of a message is filed."""
        self.run_system(
            'require "vnd.dovecot.filter"; filter "warm";',
            warm=lambda octets: octets.replace(b"cold", b"warm"),
        )
        (mail,) = self.mail()
        self.assertIn(b"a warm anvil", mail.octets)

    def test_pipe(self):
        """What a program took is not kept; what it did not take is."""
        script = 'require "vnd.dovecot.pipe"; pipe "sink";'
        got = []

        def sink(octets):
            got.append(octets)
            return b""

        self.run_system(script, sink=sink)
        self.assertEqual(self.mail(), [])
        self.assertEqual(len(got), 1)
        self.run_system(script)
        self.assertEqual(self.where(), ["INBOX"])

    def test_users(self):
        """Users' own scripts cannot ask for them."""
        with self.assertRaisesRegex(Exception, "no capability"):
            self.script('require "vnd.dovecot.execute"; execute "x";')
