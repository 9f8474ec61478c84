"""ihave and error (RFC 5463): scripts that get by with what there is."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.sieve import errors, run_script, trail


def kinds(script, **more):
    """What a script plans, briefly."""
    plan = run_script(script, **more)
    assert not plan.trouble, plan.trouble
    return [getattr(one, "mailbox", type(one).__name__) for one in plan.actions]


class ThereTests(SynchronousTestCase):
    """What ihave asks for, this server has."""

    def test_granted(self):
        """A successful test is as good as require, inside its block."""
        script = 'require "ihave"; if ihave "fileinto" { fileinto "x"; }'
        self.assertEqual(kinds(script), ["x"])

    def test_to_the_end(self):
        """And outside it, to the end of the script (§4, 1)."""
        script = 'require "ihave"; if ihave "fileinto" {} fileinto "x";'
        self.assertEqual(kinds(script), ["x"])

    def test_in_one_test(self):
        """Lists of tests run from left to right and stops early (§4, 5)."""
        script = """
            require "ihave";
            if allof (ihave "date", currentdate "year" "1970") { discard; }
        """
        self.assertEqual(kinds(script), ["Discard"])

    def test_not_evaluated(self):
        """What no ihave has found is a run-time error (§4, 1)."""
        script = """
            require "ihave";
            if allof (false, ihave "fileinto") {}
            fileinto "x";
        """
        plan = run_script(script)
        self.assertIn("line 4: no ihave has found fileinto", plan.trouble)
        self.assertTrue(plan.actions[0].implicit)

    def test_before_the_test(self):
        """What stands above all ihave is checked at once."""
        script = 'require "ihave"; fileinto "x"; if ihave "fileinto" {}'
        self.assertIn("fileinto is not asked for", errors(script))

    def test_tags_and_comparators(self):
        """They are guarded as commands are."""
        script = """
            require ["ihave"];
            if %s ihave ["copy", "comparator-i;ascii-numeric"] {}
            redirect :copy "a@example.org";
            if header :comparator "i;ascii-numeric" "x" "1" { discard; }
        """
        self.assertEqual(kinds(script % ""), ["Redirect", "Keep"])
        plan = run_script(script % "not")
        self.assertEqual(plan.trouble, "")
        plan = run_script(
            script.replace("%s ihave", "allof (false, ihave").replace('"] {}', '"]) {}')
        )
        self.assertIn("no ihave has found copy", plan.trouble)
        only = """
            require "ihave";
            if allof (false, ihave "comparator-i;ascii-numeric") {}
            if header :comparator "i;ascii-numeric" "x" "1" { discard; }
        """
        self.assertIn("i;ascii-numeric", run_script(only).trouble)

    def test_mistakes_are_still_found(self):
        """Names that no ihave excuses are wrong when the script is checked."""
        script = 'require "ihave"; if ihave "fileinto" { filinto "x"; }'
        self.assertIn("did you mean fileinto?", errors(script))
        script = 'require "ihave"; if ihave "fileinto" { fileinto 1; }'
        self.assertIn("a string is expected", errors(script))

    def test_required_and_asked(self):
        """What require names can be used anywhere, and ihave is true (§4, 3)."""
        script = """
            require ["ihave", "fileinto", "variables"];
            fileinto "y";
            if ihave ["fileinto", "variables"] { fileinto "x"; }
        """
        self.assertEqual(kinds(script), ["y", "x"])

    def test_implied(self):
        """What a capability implies comes with it."""
        script = """
            require "ihave";
            if ihave "vnd.dovecot.environment" {
                if environment "phase" "during" { discard; }
            }
        """
        self.assertEqual(kinds(script), ["Discard"])


class MissingTests(SynchronousTestCase):
    """What ihave asks for is unknown here."""

    fancy = """
        require ["ihave", "fileinto"];
        if %s {
            fancy :loud "x" 3 ["a", "b"] { nested; };
        } else {
            fileinto "plain";
        }
    """.replace("{ nested; };", ";")

    def test_commands(self):
        """Unknown commands that a script does not come to are no error."""
        self.assertEqual(kinds(self.fancy % 'ihave "vnd.x.fancy"'), ["plain"])

    def test_reached(self):
        """Those it comes to are: all is kept, with the place."""
        plan = run_script(self.fancy % 'not ihave "vnd.x.fancy"')
        self.assertIn("line 4, column 13: there is no command fancy", plan.trouble)

    def test_blocks(self):
        """Unknown commands may have blocks and tests."""
        script = """
            require ["ihave"];
            if ihave "vnd.x.loop" {
                loop :over "x" (bright :is "a", dark) { keep; whatever; }
            }
            discard;
        """
        self.assertEqual(kinds(script), ["Discard"])

    def test_tests(self):
        """Unknown tests behind a false ihave are not evaluated."""
        script = """
            require "ihave";
            if anyof (allof (ihave "vnd.x.bright", bright "a"), true) { discard; }
        """
        self.assertEqual(kinds(script), ["Discard"])

    def test_tests_that_are_reached(self):
        """Those that are fail the run."""
        script = """
            require "ihave";
            if anyof (ihave "vnd.x.bright", bright "a") { discard; }
        """
        self.assertIn("there is no test bright", run_script(script).trouble)

    def test_tags(self):
        """Unknown tags, match types and comparators of known commands as well."""
        script = """
            require ["ihave", "fileinto"];
            if ihave "vnd.x.fancy" {
                fileinto :glitter "x";
                if header :sounds "subject" "x" { stop; }
                if header :comparator "i;basic;uca=3.1.1;uv=3.2" "subject" "x" { stop; }
            }
            discard;
        """
        self.assertEqual(kinds(script), ["Discard"])

    def test_all_or_nothing(self):
        """One that is missing, and none is granted (§4, 4)."""
        script = """
            require "ihave";
            if ihave ["fileinto", "vnd.x.fancy"] { fileinto "x"; }
        """
        self.assertEqual(kinds(script), ["Keep"])
        plan = run_script(script.replace("if ihave", "if not ihave"))
        self.assertIn("fileinto is not asked for", plan.trouble)

    def test_strings_cannot_change(self):
        """Neither variables nor encoded-character are never granted (§4)."""
        for name in ("variables", "encoded-character"):
            script = f"""
                require ["ihave", "fileinto"];
                if ihave "{name}" {{ discard; }} else {{ fileinto "${{a}}"; }}
            """
            self.assertEqual(kinds(script), ["${a}"])

    def test_a_last_else(self):
        """Behind a command that is unknown the script goes on as it stands."""
        script = """
            require "ihave";
            if not ihave "vnd.x.fancy" { discard; stop; }
            fancy;
        """
        self.assertEqual(kinds(script), ["Discard"])

    def test_constants(self):
        """Capabilities are constant strings."""
        said = errors('require ["ihave", "variables"]; if ihave "${a}" {}')
        self.assertIn("constant", said)


class ErrorTests(SynchronousTestCase):
    """The control ``error`` (RFC 5463 §5)."""

    def test_a_message(self):
        """It fails the run with its message, and all is kept."""
        plan = run_script('require "ihave"; discard;\nerror "no fäncy here";')
        self.assertEqual(plan.trouble, "line 2: no fäncy here")
        self.assertEqual([one.implicit for one in plan.actions], [True])

    def test_belongs_to_ihave(self):
        """Without ihave there is no error."""
        self.assertIn("ihave", errors('error "x";'))


class DebugTests(SynchronousTestCase):
    """vnd.dovecot.debug: both examples of its paper."""

    def test_hello(self):
        """A message when the subject has hello in it."""
        script = """
            require "vnd.dovecot.debug";

            if header :contains "subject" "hello" {
              debug_log "Subject header contains hello!";
            }
        """
        found = trail(script, "Subject: hello you\n\n")
        self.assertIn((5, "debug_log: Subject header contains hello!"), found)
        found = trail(script, "Subject: bye\n\n")
        self.assertFalse([text for _, text in found if "debug_log:" in text])

    def test_envelope(self):
        """The envelope, through variables."""
        script = """
            require ["variables", "envelope", "vnd.dovecot.debug"];

            if envelope :matches "to" "*" { set "to" "${1}"; }
            if envelope :matches "from" "*" { set "from" "${1}"; }

            debug_log "Received message TO=${to} FROM=${from}";
        """
        found = trail(script, sender="a@example.org", recipient="b@example.org")
        self.assertIn(
            (7, "debug_log: Received message TO=b@example.org FROM=a@example.org"),
            found,
        )

    def test_keep_stands(self):
        """It is no action."""
        script = 'require "vnd.dovecot.debug"; debug_log "x";'
        self.assertEqual(kinds(script), ["Keep"])
