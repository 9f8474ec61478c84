"""Where a script runs: RFC 5183 and Dovecot's items."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.sieve import errors, holds, run_script

ITEMS = {
    "domain": "example.org",
    "host": "mx.example.org",
    "remote-host": "mail.example.com",
    "remote-ip": "192.0.2.1",
    "version": "1.0",
    "vnd.dovecot.username": "fred",
    "vnd.dovecot.config.sieve": "yes",
    "imap.cause": "APPEND",
}


def fits(test, requires="environment", **items):
    """Whether an environment test is true."""
    return holds(f"environment {test}", requires=requires, environment=ITEMS | items)


class ItemTests(SynchronousTestCase):
    """RFC 5183 §4."""

    def test_standard_items(self):
        """All items of §4.1."""
        for name, value in (
            ("domain", "example.org"),
            ("host", "mx.example.org"),
            ("location", "MDA"),
            ("name", "mailsuite"),
            ("phase", "during"),
            ("remote-host", "mail.example.com"),
            ("remote-ip", "192.0.2.1"),
            ("version", "1.0"),
        ):
            self.assertTrue(fits(f'"{name}" "{value}"'), name)

    def test_told_items_win(self):
        """Whoever runs a script says where."""
        self.assertTrue(fits('"location" "MS"', location="MS"))

    def test_of_other_extensions(self):
        """Items of other extensions are seen by who asks for these."""
        asked = "environment imapsieve"
        self.assertTrue(fits('"imap.cause" "APPEND"', asked))
        self.assertFalse(fits('"imap.cause" "APPEND"'))

    def test_the_default_comparator(self):
        """It is i;ascii-casemap, and the match type is :is."""
        self.assertTrue(fits('"location" "mda"'))
        self.assertFalse(fits('"location" "md"'))

    def test_unknown(self):
        """An item that does not exist fails, whatever it is matched with."""
        self.assertFalse(fits(':contains "item" ""'))
        self.assertFalse(fits(':matches "item" "*"'))
        self.assertTrue(fits(':contains "host" ""'))

    def test_remote_host(self):
        """The RFC's own test; a client whose name is unknown has an empty one."""
        self.assertTrue(fits(':matches "remote-host" "*.example.com"'))
        self.assertTrue(holds('environment "remote-host" ""', requires="environment"))

    def test_count(self):
        """0 for the empty string, 1 otherwise."""
        names = "environment relational comparator-i;ascii-numeric"
        count = ':count "eq" :comparator "i;ascii-numeric"'
        self.assertTrue(fits(f'{count} "host" "1"', names))
        test = f'environment {count} "remote-host" "0"'
        self.assertTrue(holds(test, requires=names))

    def test_not_asked_for(self):
        """The test belongs to its capability."""
        self.assertIn("environment", errors('if environment "host" "x" {}'))


class DovecotTests(SynchronousTestCase):
    """vnd.dovecot.environment."""

    def test_items(self):
        """Its items, and environment is implied."""
        names = "vnd.dovecot.environment"
        self.assertTrue(fits('"vnd.dovecot.username" "fred"', names))
        self.assertTrue(fits('"vnd.dovecot.default-mailbox" "INBOX"', names))
        self.assertTrue(fits('"vnd.dovecot.config.sieve" "yes"', names))

    def test_not_without_it(self):
        """Others do not see them."""
        self.assertFalse(fits(':contains "vnd.dovecot.username" ""'))

    def test_the_example(self):
        r"""``User\${env.vnd.dovecot.username}``: quoting comes first."""
        script = r"""
            require ["variables", "fileinto"];
            require "vnd.dovecot.environment";

            fileinto "User\${env.vnd.dovecot.username}";
        """
        plan = run_script(script, environment=ITEMS)
        self.assertEqual(plan.actions[0].mailbox, "Userfred")

    def test_names(self):
        """Hyphens are underscores; what is not there is empty."""
        script = """
            require ["variables", "fileinto", "vnd.dovecot.environment"];
            fileinto "${env.vnd.dovecot.default_mailbox}-${ENV.Remote_IP}${env.none}";
        """
        plan = run_script(script, environment=ITEMS)
        self.assertEqual(plan.actions[0].mailbox, "INBOX-192.0.2.1")

    def test_read_only(self):
        """They cannot be set."""
        names = 'require ["variables", "vnd.dovecot.environment"];'
        self.assertIn("cannot be set", errors(f'{names} set "env.host" "x";'))

    def test_not_asked_for(self):
        """The namespace belongs to the capability."""
        said = errors('require ["variables", "environment"]; set "a" "${env.host}";')
        self.assertIn("vnd.dovecot.environment", said)
