"""What leaves us is signed: ours by both keys, what passes through never."""

import os

import dkim
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mailsuite.directory import memory
from mailsuite.events.memory import Events
from mailsuite.interfaces.signing import ISigner
from mailsuite.mailauth.dkim import headers
from mailsuite.mailauth.settings import Signing
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import UsageError
from mailsuite.net.lanes import Lane
from mailsuite.relay.content import BLOCK_OCTETS, Content
from mailsuite.relay.signing import Signatures, Terms, checked
from tests.support import arc as chains
from tests.support.opendkim import opendkim

NOW = chains.NOW
USER = {"user": "ann@ours.test", "role": "submission"}
STRANGER = {"role": "smtp", "arc": "none", "dmarc": "pass"}

MESSAGE = (
    b"Received: from x\r\n\tby y\r\n"
    b"From: Ann <ann@ours.test>\r\nTo: bob@far.test\r\nSubject: one\r\n two\r\n"
    b"Date: Mon, 20 Nov 2023 10:00:00 +0000\r\n"
    b"\r\nHello \r\n\r\n.dot\r\n\r\n"
)


class OnTheSpot:
    """A lane that works at once."""

    def run(self, call, *args):
        done = Deferred()
        done.callback(call(*args))
        return done

    def stop(self):
        pass


def directory(*domains):
    """A directory of these domains."""
    return memory.make({f"ann@{name}": "x" for name in domains})


class Signed:
    """Signatures over a directory in memory."""

    def make(self, lane=None, domains=("ours.test", "other.test"), **settings):
        self.directory = directory(*domains)
        self.events = Events()
        terms = Terms(Signing(**settings), "mx.ours.test", "mx.ours.test")
        return Signatures(
            self.directory.keys, lane or OnTheSpot(), lambda: NOW, self.events, terms
        )

    def zone(self, name):
        """What dkimpy asks for a key's record."""
        for domain in ("ours.test", "other.test", "mx.ours.test"):
            for key in self.directory.keys.published(domain):
                if key.name == name.decode().rstrip("."):
                    return key.record.encode()
        return None

    def verified(self, message, count=2):
        """Every signature verifies with dkimpy; gives their d=."""
        found = []
        for n in range(count):
            checking = dkim.DKIM(message)
            self.assertTrue(
                checking.verify(n, dnsfunc=lambda name, timeout=5: self.zone(name))
            )
            found.append(checking.domain.decode())
        return found


class SignedTests(Signed, SynchronousTestCase):
    def signed(self, message=MESSAGE, marks=USER, author="ours.test", signer=None):
        signer = signer or self.make()
        blob = Blob("k", len(message), message)
        return self.successResultOf(
            Deferred.fromCoroutine(signer.signed(blob, marks, author))
        )

    def test_provides(self):
        """It is what the relay asks for."""
        self.assertTrue(verifyObject(ISigner, self.make()))

    def test_both_keys(self):
        """RSA and Ed25519 sign, and dkimpy verifies both."""
        fields = self.signed()
        self.assertEqual(fields.count(b"DKIM-Signature:"), 2)
        self.assertIn(b"a=rsa-sha256", fields)
        self.assertIn(b"a=ed25519-sha256", fields)
        self.assertEqual(self.verified(fields + MESSAGE), ["ours.test", "ours.test"])

    def test_oversigned(self):
        """No field that people see can be added afterwards."""
        fields = self.signed()
        for name in (b"From", b"Subject", b"To", b"Reply-To", b"Content-Type"):
            message = name + b": evil@evil.test\r\n" + fields + MESSAGE
            checking = dkim.DKIM(message)
            valid = checking.verify(0, dnsfunc=lambda name, timeout=5: self.zone(name))
            self.assertFalse(valid, name)

    def test_stranger(self):
        """What passes through is not signed, whatever its From says."""
        self.assertEqual(self.signed(marks=STRANGER), b"")
        self.assertEqual(self.signed(marks={"role": "lmtp"}), b"")

    def test_notice(self):
        """A notice of ours from a name below a domain of ours is signed by that."""
        message = MESSAGE.replace(b"ann@ours.test", b"postmaster@mx.ours.test")
        fields = self.signed(message, marks={"notice": "failed"}, author="")
        self.assertEqual(self.verified(fields + message), ["ours.test"] * 2)

    def test_foreign(self):
        """A From that is not ours is signed with the reverse-path's domain."""
        message = MESSAGE.replace(b"ann@ours.test", b"ann@far.test")
        fields = self.signed(message, author="other.test")
        self.assertEqual(self.verified(fields + message), ["other.test"] * 2)
        self.assertEqual(self.signed(message, author="far.test"), b"")

    def test_doubtful(self):
        """A From that readers may read differently proves only the reverse-path."""
        for value in (
            b"<ann@ours.test> <x@other.test>",
            b"ann@ours.test, x@@other.test",
            b'"x@other.test',
        ):
            message = MESSAGE.replace(b"Ann <ann@ours.test>", value)
            fields = self.signed(message, author="ours.test")
            self.assertNotIn(b"d=other.test", fields, value)

    def test_two_froms(self):
        """Two From fields are not signed at all."""
        self.assertEqual(self.signed(b"From: x@other.test\r\n" + MESSAGE), b"")

    def test_without_from(self):
        """A signature covers From, or there is none."""
        message = MESSAGE.replace(b"From:", b"X-From:")
        self.assertEqual(self.signed(message), b"")
        self.assertEqual(self.events.seen[-1].name, "relay.unsigned")

    def test_off(self):
        """It can be turned off."""
        self.assertEqual(self.signed(signer=self.make(enabled=False)), b"")

    def test_keys_made_when_needed(self):
        """A domain that has no keys gets them with its first message."""
        signer = self.make()
        self.assertEqual(self.directory.keys.signing("ours.test"), ())
        self.assertTrue(self.signed(signer=signer))
        self.assertEqual(len(self.directory.keys.signing("ours.test")), 2)

    def test_rotation(self):
        """A change of keys counts at once; what they signed before still verifies."""
        signer = self.make()
        before = self.signed(signer=signer)
        changes = self.directory.changes
        self.successResultOf(Deferred.fromCoroutine(changes.rotate("ours.test")))
        self.assertEqual(self.signed(signer=signer).count(b"-2;"), 0)
        self.successResultOf(Deferred.fromCoroutine(changes.activate("ours.test")))
        after = self.signed(signer=signer)
        self.assertEqual(after.count(b"-2;"), 2)
        for fields in (before, after):
            self.verified(fields + MESSAGE)

    def test_no_final_line_end(self):
        """What is signed is what is sent: with the line end that it lacks."""
        message = MESSAGE.rstrip(b"\r\n")
        self.verified(self.signed(message) + message + b"\r\n")

    def test_only_a_header(self):
        """A message may have no body."""
        message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n"
        self.verified(self.signed(message) + message + b"\r\n")

    def test_octets(self):
        """8-bit content is signed as it is."""
        message = MESSAGE.replace(b"Hello", "Grüß".encode())
        self.verified(self.signed(message) + message)

    def test_settings(self):
        """Settings that could not work stop the start."""
        for settings in (
            {"oversigned": ("To",)},
            {"signed": ("a b",)},
            {"seal_domain": "a b"},
        ):
            with self.assertRaises(UsageError):
                checked(Signing(**settings))

    def test_in_time(self):
        """Private keys are decoded once: signing 4 KB takes a millisecond."""
        signer = self.make()
        message = MESSAGE + b"x" * 78 * 50
        self.signed(message, signer=signer)
        self.assertEqual(len(signer._signers), 2)
        before = dict(signer._signers)
        self.signed(message, signer=signer)
        self.assertEqual(dict(signer._signers), before)


class OpenDKIMTests(Signed, SynchronousTestCase):
    def test_opendkim(self):
        """Opendkim verifies both signatures, and sees every change."""
        signer = self.make()
        blob = Blob("k", len(MESSAGE), MESSAGE)
        fields = self.successResultOf(
            Deferred.fromCoroutine(signer.signed(blob, USER, "ours.test"))
        )
        keys = self.directory.keys.signing("ours.test")
        self.assertEqual(
            opendkim(fields + MESSAGE, *keys),
            [("pass", "rsa-sha256"), ("pass", "ed25519-sha256")],
        )
        changed = fields + MESSAGE.replace(b"Hello", b"Hallo")
        self.assertEqual({result for result, _ in opendkim(changed, *keys)}, {"fail"})


class SealedTests(Signed, SynchronousTestCase):
    """Mail that is handed on is sealed where the settings say so."""

    RESULTS = (
        b"Authentication-Results: mx.ours.test;\r\n"
        b"\tspf=pass smtp.mailfrom=far.test;\r\n\tdmarc=pass header.from=far.test\r\n"
    )

    def sealed(self, message, marks=STRANGER, **settings):
        settings = {"arc_seal": True} | settings
        blob = Blob("k", len(message), message)
        signer = self.make(**settings)
        work = signer.signed(blob, marks, "far.test")
        return self.successResultOf(Deferred.fromCoroutine(work))

    def test_sealed(self):
        """Dkimpy validates the chain, and reads what we found."""
        message = self.RESULTS + MESSAGE
        fields = self.sealed(message)
        self.assertEqual(
            [line.split(b":")[0] for line in fields.splitlines() if line[:3] == b"ARC"],
            [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"],
        )
        self.assertNotIn(b"DKIM-Signature", fields)
        asked = lambda name, timeout=5: self.zone(name)  # noqa: E731 - a zone
        cv, results, why = dkim.arc_verify(fields + message, dnsfunc=asked)
        self.assertEqual(cv, b"pass", why)
        self.assertIn(b"dmarc=pass", results[0]["aar-value"])
        self.assertEqual(results[0]["as-domain"], b"ours.test")

    def test_off(self):
        """It is off by default."""
        self.assertEqual(self.sealed(self.RESULTS + MESSAGE, arc_seal=False), b"")

    def test_not_judged(self):
        """What we did not judge, we do not vouch for."""
        self.assertEqual(self.sealed(MESSAGE), b"")
        others = self.RESULTS.replace(b"mx.ours.test", b"mx.far.test")
        self.assertEqual(self.sealed(others + MESSAGE), b"")
        forged = self.sealed(self.RESULTS + MESSAGE, marks={"role": "smtp"})
        self.assertEqual(forged, b"")

    def test_ours(self):
        """What is ours is signed and not sealed."""
        fields = self.sealed(self.RESULTS + MESSAGE, marks=USER)
        self.assertNotIn(b"ARC-Seal", fields)

    def test_domain(self):
        """Another domain of ours may seal."""
        fields = self.sealed(self.RESULTS + MESSAGE, seal_domain="other.test")
        self.assertIn(b"d=other.test", fields)


class LargeTests(Signed, TestCase):
    """Large content is read and hashed on a thread, once."""

    def lane(self):
        lane = Lane(reactor, "signing")
        self.addCleanup(lane.stop)
        return lane

    def kept(self, content):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(content)
        return path

    async def test_file(self):
        """A message in a file is signed like one in memory."""
        signer = self.make(self.lane())
        head, body = MESSAGE.split(b"\r\n\r\n", 1)
        content = head + b"\r\n\r\n" + body + b"word  and \tword \r\n" * 200_000
        path = self.kept(content)
        prefix = b"Received: by us\r\n"
        blob = Blob("k", len(prefix) + len(content), None, prefix, path)
        fields = await signer.signed(blob, USER, "ours.test")
        self.verified(fields + prefix + content)
        os.truncate(path, 100_000)
        self.assertEqual(await signer.signed(blob, USER, "ours.test"), fields)

    async def test_edges(self):
        """However header and body lie in prefix, file and blocks, they are found."""
        lane = self.lane()
        for prefix, content in (
            (b"A: 1\r\n", b"B: 2\r\n\r\nbody\r\n"),
            (b"A: 1\r\n", b"\r\nbody\r\n"),
            (b"", b"\r\nbody\r\n"),
            (b"", b"A: 1\r\n"),
            (b"A: 1\r\n\r\nbo", b"dy\r\n"),
            (b"A: 1\r\n", b"B: " + b"x" * (BLOCK_OCTETS - 6) + b"\r\n\r\nbody\r\n"),
            (b"A: 1\r\n", b"B: " + b"x" * 200_000 + b"\r\n\r\n" + b"b" * 100_000),
        ):
            whole = prefix + content
            header, body = headers.split(whole)
            path = self.kept(content)
            for blob in (
                Blob("k", len(whole), content, prefix),
                Blob("k", len(whole), None, prefix, path),
            ):
                read = Content(blob, lane)
                await read.open(None)
                found, start = await read.head()
                self.assertEqual((found, whole[start:]), (header, body))
                for inline in (True, False):
                    got = []
                    await read.pour(got.append, start, inline=inline)
                    self.assertEqual(b"".join(got), body)
                read.prepend(b"X: 0\r\n")
                self.assertEqual(read.blob.size, len(whole) + 6)
                self.assertEqual(
                    await read.block(0),
                    (b"X: 0\r\n" + whole)[: len(await read.block(0))],
                )

    async def test_memory(self):
        """Up to 1 MiB in memory, hashed on the thread."""
        signer = self.make(self.lane())
        message = MESSAGE + b"x" * 998 + b"\r\n" + b" y\r\n" * 100_000
        blob = Blob("k", len(message), message)
        fields = await signer.signed(blob, USER, "ours.test")
        self.verified(fields + message)

    async def test_lost_file(self):
        """A file that cannot be read is the relay's to report."""
        signer = self.make(self.lane())
        blob = Blob("k", 10_000_000, None, b"", "/nonexistent")
        self.assertEqual(await signer.signed(blob, USER, "ours.test"), b"")
