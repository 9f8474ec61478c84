"""Where scripts file: RFC 5490 §3, RFC 8579, RFC 9042 and RFC 8580 by their examples."""

from typing import Any

from attrs import evolve, frozen
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import Question, Wanted
from mailsuite.sieve.extensions import fcc, flags, targets
from mailsuite.sieve.extensions.table import EXTENSIONS
from mailsuite.sieve.shapes import CommandShape, Extension
from mailsuite.sieve.vocabulary import Vocabulary
from tests.support.sieve import errors, octets, run_script

ID = "F6352ae03-b7f5-463c-896f-d8b48ee3"


def filed(script, answers=None, message=None, **more):
    """The actions of a script without their lines."""
    given = {} if message is None else {"message": message}
    plan = run_script(script, answers=answers or {}, **given, **more)
    assert not plan.trouble, plan.trouble
    return [evolve(one, at=0) for one in plan.actions]


def asked(script):
    """The question that a run cannot go on without."""
    try:
        run_script(script)
    except Wanted as wanted:
        return wanted.question
    return None


class MailboxTests(SynchronousTestCase):
    """RFC 5490 §3.1 and §3.2."""

    SCRIPT = """
        require ["fileinto", "mailbox"];
        if mailboxexists "Partners" { fileinto "Partners"; }
        else { discard; }
    """
    EXISTS = Question("mailboxexists", ("Partners",))

    def test_example(self):
        """The mail goes into Partners where there is such a mailbox, else not."""
        there = filed(self.SCRIPT, {self.EXISTS: True})
        self.assertEqual(there, [FileInto("Partners")])
        self.assertEqual(asked(self.SCRIPT), self.EXISTS)
        self.assertNotEqual(filed(self.SCRIPT, {self.EXISTS: False}), there)

    def test_foreseen(self):
        """What a script asks in any case is known when it was checked."""
        self.assertEqual(check(octets(self.SCRIPT)).wanted, (self.EXISTS,))

    def test_all_at_once(self):
        """Several mailboxes are one question; names may come from variables."""
        script = """
            require ["mailbox", "variables"];
            set "v" "b";
            if mailboxexists ["a", "${v}"] { discard; }
        """
        self.assertEqual(asked(script), Question("mailboxexists", ("a", "b")))
        self.assertEqual(check(octets(script)).wanted, ())

    def test_create(self):
        """§3.2: the mailbox is to be made; one mailbox gets one copy all the same."""
        head = 'require ["fileinto", "mailbox"];'
        self.assertEqual(
            filed(head + 'fileinto :create "a"; fileinto "a";'),
            [FileInto("a", create=True)],
        )

    def test_names(self):
        """Control characters and nothing at all name no mailbox: the mail is kept."""
        for name in ("", "a\tb", "x" * 2_000):
            plan = run_script(f'require "fileinto"; fileinto "{name}";')
            self.assertIn("names no mailbox", plan.trouble)
            self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_errors(self):
        """Each tag and test belongs to its capability."""
        self.assertIn("mailbox", errors('require "fileinto"; fileinto :create "a";'))
        self.assertIn("mailbox", errors('if mailboxexists "a" { keep; }'))


class SpecialUseTests(SynchronousTestCase):
    """RFC 8579."""

    HEAD = 'require ["fileinto", "special-use", "mailbox"];'

    def test_exists(self):
        """§3: of any mailbox, or of a certain one."""
        self.assertEqual(
            asked(self.HEAD + r'if specialuse_exists "\\Sent" { keep; }'),
            Question("specialuse_exists", ("", "\\Sent")),
        )
        self.assertEqual(
            asked(self.HEAD + r'if specialuse_exists "In" ["\\A", "\\B"] { keep; }'),
            Question("specialuse_exists", ("In", "\\A", "\\B")),
        )

    def test_example_report(self):
        """§3: what somebody copies into the mailbox for spam is reported.

        As printed the name is looked for with ``:contains``, which sets no variable.
        """
        script = r"""
            require "imapsieve";
            require "special-use";
            require "environment";
            require "variables";

            if environment :contains "imap.mailbox" "*" {
                set "mailbox" "${1}";
            }

            if allof(
                environment "imap.cause" "COPY",
                specialuse_exists "${mailbox}" "\\Junk") {
                redirect "spam-report@example.org";
            }
        """
        items = {"imap.cause": "COPY", "imap.mailbox": "Spam"}
        given = {"environment": items, "event": "COPY", "flags": ()}
        question = Question("specialuse_exists", ("Spam", "\\Junk"))
        meant = script.replace(":contains", ":matches")
        found = filed(meant, {question: True}, **given)
        self.assertEqual([one.address for one in found], ["spam-report@example.org"])
        (kept,) = filed(meant, {question: False}, **given)
        self.assertTrue(kept.implicit)
        given["environment"] = items | {"imap.cause": "APPEND"}
        (kept,) = filed(meant, {question: True}, **given)
        self.assertTrue(kept.implicit)
        given["environment"] = items
        (kept,) = filed(script, **given)
        self.assertTrue(kept.implicit)

    def test_example_fileinto(self):
        """§4: spam goes to the mailbox with the use, or else into Spam."""
        script = self.HEAD + r'fileinto :specialuse "\\Junk" "Spam";'
        self.assertEqual(filed(script), [FileInto("Spam", special_use="\\Junk")])

    def test_empty_name(self):
        """§3: an empty name is that of no mailbox, and not any mailbox."""
        for name in ('""', '"${nothing}"'):
            script = f"""require ["special-use", "variables"];
                if specialuse_exists {name} "\\\\Sent" {{ discard; }}"""
            self.assertEqual(filed(script), [Keep(implicit=True)])

    def test_example_archive(self):
        """§4: filed by its use, and by the name that is there for others."""
        script = self.HEAD + r'fileinto :specialuse "\\Archive" "INBOX/Archive";'
        wanted = FileInto("INBOX/Archive", special_use="\\Archive")
        self.assertEqual(filed(script), [wanted])

    def test_example_create(self):
        """§4.1: it is made with its use where it is not there."""
        script = self.HEAD + r'fileinto :specialuse "\\Junk" :create "Spam";'
        wanted = FileInto("Spam", special_use="\\Junk", create=True)
        self.assertEqual(filed(script), [wanted])

    def test_example_condition(self):
        r"""§4: where there is an \Archive, mail is filed there."""
        script = (
            self.HEAD
            + r"""
            if specialuse_exists "INBOX/Archive" "\\Archive" {
                fileinto :specialuse "\\Archive" "INBOX/Archive"; }"""
        )
        question = Question("specialuse_exists", ("INBOX/Archive", "\\Archive"))
        self.assertEqual(filed(script, {question: False}), [Keep(implicit=True)])
        self.assertEqual(filed(script, {question: True})[0].special_use, "\\Archive")

    def test_errors(self):
        """What cannot be a special use is told."""
        for use in ("Junk", r"\\Ju nk", ""):
            told = errors(self.HEAD + f'fileinto :specialuse "{use}" "a";')
            self.assertIn("special use", told)


class MailboxIdTests(SynchronousTestCase):
    """RFC 9042 §3 to §5."""

    HEAD = 'require ["fileinto", "mailboxid", "mailbox", "special-use"];'

    def test_example_fileinto(self):
        """§4: mail of coyote goes to the mailbox with that identifier."""
        script = f"""{self.HEAD}
            if header :contains ["from"] "coyote" {{
                fileinto :mailboxid "{ID}" "INBOX.harassment";
            }}"""
        self.assertEqual(filed(script), [FileInto("INBOX.harassment", mailbox_id=ID)])

    def test_example_create(self):
        """§4.1: by its name it is made, where no mailbox has the identifier."""
        script = (
            self.HEAD + 'fileinto :mailboxid "Fnosuch" :create "INBOX.no-such-folder";'
        )
        wanted = FileInto("INBOX.no-such-folder", create=True, mailbox_id="Fnosuch")
        self.assertEqual(filed(script), [wanted])

    def test_example_exists(self):
        """§5: another name is used only where the identifier is unknown."""
        script = f"""{self.HEAD}
            if header :contains ["from"] "coyote" {{
                if mailboxidexists "{ID}" {{
                    fileinto :mailboxid "{ID}" "INBOX.name.will.not.be.used";
                }} else {{
                    fileinto "INBOX.harassment";
                }}
            }}"""
        question = Question("mailboxidexists", (ID,))
        found = filed(script, {question: True})
        self.assertEqual(found[0].mailbox_id, ID)
        found = filed(script, {question: False})
        self.assertEqual(found, [FileInto("INBOX.harassment")])

    def test_special_use(self):
        """§4.2: an identifier and a use cannot both say where to file."""
        told = errors(
            self.HEAD + r'fileinto :mailboxid "blah" :specialuse "\\Junk" "Spam";'
        )
        self.assertIn(":specialuse", told)

    def test_no_identifier(self):
        """What cannot be an identifier is told."""
        self.assertTrue(errors(self.HEAD + 'fileinto :mailboxid "a/b" "x";'))


@frozen
class Made:
    """The action of a command that makes a message."""

    fcc: FileInto | None = None
    at: int = 0


def _vacation(bound: Any) -> Any:
    complete = bound.vocabulary.completed(bound)
    return lambda run: run.act(complete(run, Made(at=bound.line)), cancels=False)


MAKING = Vocabulary.of(
    (
        *(one for one in EXTENSIONS if one.name not in {"vacation", "fcc"}),
        Extension("vacation", commands=(CommandShape("vacation", _vacation),)),
        fcc.EXTENSION,
    )
)


class FccTests(SynchronousTestCase):
    """RFC 8580, at a command that makes a message."""

    HEAD = (
        'require ["vacation", "fcc", "mailbox", "imap4flags", "special-use",'
        ' "mailboxid", "variables"];'
    )

    def copy(self, script):
        plan = run_script(self.HEAD + script, vocabulary=MAKING)
        self.assertEqual(plan.trouble, "")
        made = plan.actions[0].fcc
        return made and evolve(made, at=0)

    def test_example(self):
        """§3.1: a copy goes into INBOX.Sent; without the tag there is none."""
        self.assertEqual(
            self.copy('vacation :fcc "INBOX.Sent";'), FileInto("INBOX.Sent")
        )
        self.assertIsNone(self.copy("vacation;"))

    def test_options(self):
        """§3.2: the options of fileinto are about the copy."""
        copy = self.copy(
            'set "v" "Sent"; vacation :fcc "${v}" :create :flags ["\\\\Seen", "x"]'
            ' :specialuse "\\\\Sent";'
        )
        self.assertEqual(
            copy, FileInto("Sent", ("\\Seen", "x"), create=True, special_use="\\Sent")
        )

    def test_flags_of_the_message(self):
        """§3.2: the internal variable is about the message that came, not the copy."""
        self.assertIsNone(self.copy('setflag "x"; vacation :fcc "a";').flags)

    def test_alone(self):
        """§3.2: the options need :fcc, and their own capabilities."""
        for tag in (":create", ':flags "x"', ':specialuse "\\\\Sent"'):
            told = errors(self.HEAD + f"vacation {tag};", MAKING)
            self.assertIn("beside :fcc", told)
        told = errors('require ["vacation","fcc"]; vacation :create :fcc "a";', MAKING)
        self.assertIn("mailbox", told)
        self.assertIn("fcc", errors('require "vacation"; vacation :fcc "a";', MAKING))

    def test_names(self):
        """A bad name of a mailbox is trouble."""
        plan = run_script(self.HEAD + 'vacation :fcc "";', vocabulary=MAKING)
        self.assertIn("names no mailbox", plan.trouble)


class ActionFieldTests(SynchronousTestCase):
    """What other files build upon."""

    def test_shared_tags(self):
        """The tags that may stand beside :fcc are those of fileinto."""
        tags = {tag.name for tag in fcc.EXTENSION.tags["vacation"]}
        own = {flags.FLAGGED, targets.CREATE, targets.SPECIAL_USE, targets.MAILBOX_ID}
        self.assertEqual(tags, {"fcc", *(tag.name for tag in own)})


class RealCopyTests(SynchronousTestCase):
    """RFC 8580 §4 at the commands it is for."""

    def test_vacation_and_notify(self):
        """Both tell delivery where a copy of what they make goes."""
        plan = run_script(
            r"""
            require ["vacation", "fcc", "mailbox", "imap4flags", "enotify"];
            vacation :days 7 :fcc "INBOX.Sent" :create :flags ["\\Seen"] "Gone fishing.";
            notify :fcc "INBOX.Sent" :message "x" "mailto:a@example.com";
            """,
            sender="x@example.org",
            recipient="roadrunner@acme.example.com",
        )
        self.assertEqual(plan.trouble, "")
        first, second = (evolve(one.fcc, at=0) for one in plan.actions[:2])
        self.assertEqual(first, FileInto("INBOX.Sent", ("\\Seen",), create=True))
        self.assertEqual(second, FileInto("INBOX.Sent"))
