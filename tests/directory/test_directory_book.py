"""The address book: what each address stands for."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory import memory
from mailsuite.directory.book import Rules
from mailsuite.directory.names import checked_user, guessed, parse
from mailsuite.directory.settings import Settings
from mailsuite.interfaces.directory import Alias, Local, Remote, Unknown
from mailsuite.model.address import Address
from mailsuite.model.errors import UsageError


def made(**options):
    return memory.make(
        {"ann@example.test": "a", "Bob@example.test": "b"},
        {"info@example.test": ["ann@example.test", "x@elsewhere.test"]},
        **options,
    )


class LoginTests(SynchronousTestCase):
    def test_guessed(self):
        """What finds the same account is counted as one name when it is guessed at."""
        book = made().directory._state.book
        for text in (
            "ANN@Example.Test",
            "a\u00adn\u00adn@example.test",
            "\uff41nn@example.test",
            "ann@exam\u00adple.test",
            "ann@exam\u2064ple.test",
            "ann@example.test.",
        ):
            self.assertEqual(book.login(text).name, "ann@example.test")
            self.assertEqual(guessed(text), "ann@example.test")
        self.assertEqual(guessed("A\u00adNN"), "ann")
        self.assertEqual(guessed("\x00\ud800@"), "\x00\ud800@")


class ResolveTests(SynchronousTestCase):
    def ask(self, text, **options):
        local, _, domain = text.partition("@")
        book = made(**options).directory._state.book
        return book.resolve(Address(local, domain))

    def test_account(self):
        """An account is found in any letter case."""
        self.assertEqual(self.ask("ANN@Example.Test"), Local("ann@example.test"))

    def test_trailing_dot(self):
        """A domain written with its root dot is the same."""
        self.assertEqual(self.ask("ann@example.test."), Local("ann@example.test"))

    def test_alias(self):
        """An alias gives its targets."""
        targets = (Address("ann", "example.test"), Address("x", "elsewhere.test"))
        self.assertEqual(self.ask("info@example.test"), Alias(targets))

    def test_subaddress(self):
        """A subaddress is the account's, with its detail (RFC 5233)."""
        self.assertEqual(
            self.ask("ann+Lists+x@example.test"), Local("ann@example.test", "lists+x")
        )

    def test_subaddress_off(self):
        """Without a delimiter there are no subaddresses."""
        found = self.ask("ann+x@example.test", settings=Settings(delimiter=""))
        self.assertEqual(found, Unknown())

    def test_leading_delimiter(self):
        """A delimiter in front divides nothing."""
        self.assertEqual(self.ask("+ann@example.test"), Unknown())

    def test_unknown(self):
        """Nobody of that name."""
        self.assertEqual(self.ask("eve@example.test"), Unknown())

    def test_remote(self):
        """Another server's domain."""
        self.assertEqual(self.ask("ann@elsewhere.test"), Remote())

    def test_catch_all(self):
        """The catch-all takes what nobody else has."""
        found = self.ask(
            "eve@example.test", catch_all={"example.test": "bob@example.test"}
        )
        self.assertEqual(found, Alias((Address("bob", "example.test"),)))

    def test_postmaster(self):
        """Postmaster is always deliverable (RFC 5321 §4.5.1), to the first user."""
        self.assertEqual(self.ask("Postmaster@example.test"), Local("ann@example.test"))

    def test_own_name(self):
        """Reports come from our own name's postmaster, who can be written to."""
        book = made().directory._state.book
        book.rules = Rules(hostname="mx.example.test")
        found = book.resolve(Address("postmaster", "MX.example.test"))
        self.assertEqual(found, Local("ann@example.test"))
        self.assertEqual(book.resolve(Address("ann", "mx.example.test")), Remote())

    def test_bare_postmaster(self):
        """RCPT TO:<Postmaster> without a domain too."""
        self.assertEqual(self.ask("postmaster"), Local("ann@example.test"))

    def test_postmaster_setting(self):
        """The setting names who gets it."""
        found = self.ask("abuse@example.test", settings=Settings(postmaster="p@x.test"))
        self.assertEqual(found, Alias((Address("p", "x.test"),)))

    def test_postmaster_is_itself(self):
        """A setting that names the address itself makes no circle."""
        found = self.ask(
            "postmaster@example.test",
            settings=Settings(postmaster="postmaster@example.test"),
        )
        self.assertEqual(found, Local("ann@example.test"))

    def test_literal(self):
        """Our own address literal means the first domain (RFC 5321 §4.1.3)."""
        settings = Settings(literals=("192.0.2.1",))
        self.assertEqual(
            self.ask("ann@[192.0.2.1]", settings=settings), Local("ann@example.test")
        )
        self.assertEqual(self.ask("ann@[192.0.2.1]"), Remote())

    def test_percent(self):
        """``%`` and ``!`` route nothing."""
        self.assertEqual(self.ask("ann%elsewhere.test@example.test"), Unknown())
        self.assertEqual(self.ask("elsewhere.test!ann@example.test"), Unknown())

    def test_idna(self):
        """U-labels and A-labels are one domain."""
        book = memory.make({"ann@bücher.test": "a"}).directory._state.book
        known = Local("ann@xn--bcher-kva.test")
        self.assertEqual(book.resolve(Address("ann", "BÜCHER.test")), known)
        self.assertEqual(book.resolve(Address("ann", "xn--bcher-kva.test")), known)

    def test_odd_locals(self):
        """Whatever stands in a local part, an answer comes and no exception."""
        for local in ("", "+", "a" * 5000, "\0", "../../x", "\ud800", '"', "a b"):
            self.assertEqual(self.ask(f"{local}@example.test"), Unknown())


class SenderTests(SynchronousTestCase):
    def may(self, user, sender):
        book = made(
            catch_all={"example.test": "bob@example.test"}
        ).directory._state.book
        return book.speaks_for(user, parse(sender))

    def test_own(self):
        """One may send as oneself, and as a subaddress."""
        self.assertTrue(self.may("ann@example.test", "Ann@example.test"))
        self.assertTrue(self.may("ann@example.test", "ann+x@example.test"))

    def test_alias(self):
        """One may send as an alias that leads to oneself, others may not."""
        self.assertTrue(self.may("ann@example.test", "info@example.test"))
        self.assertFalse(self.may("bob@example.test", "info@example.test"))

    def test_foreign(self):
        """Not as another user, another domain, or through a catch-all."""
        self.assertFalse(self.may("ann@example.test", "bob@example.test"))
        self.assertFalse(self.may("ann@example.test", "ann@elsewhere.test"))
        self.assertFalse(self.may("bob@example.test", "any@example.test"))

    def test_circle(self):
        """Aliases in a circle end the search."""
        book = made().directory._state.book
        ann, info = Address("ann", "example.test"), Address("info", "example.test")
        row = book.aliases["info@example.test"]
        book.aliases["a@example.test"] = type(row)("a", ("info@example.test",), "")
        book.aliases["info@example.test"] = type(row)("i", ("a@example.test",), "")
        self.assertFalse(book.speaks_for(str(ann), info))


class NameTests(SynchronousTestCase):
    def test_refused(self):
        """Names that could be a path, an option or a header make no user."""
        for local in ("", ".a", "a.", "a..b", "a/b", "a\\b", "a\nb", "a@b", "é" * 40):
            with self.assertRaises(UsageError):
                checked_user(Address(local, "example.test"))

    def test_domains(self):
        """Nor do words that are no domain."""
        for domain in ("", "-a.test", "a..test", "a b", "../x", "[127.0.0.1]", "a\0"):
            with self.assertRaises(UsageError):
                parse(f"ann@{domain}")
