"""Annotations that scripts ask about in a delivery (RFC 5490 §3.3 to §4.2)."""

from tests.support.filing import OTHER, USER, FilingCase

REPLIES = "/private/vendor/vendor.isode/auto-replies"
URI = "/private/vendor/vendor.isode/notification-uri"
HEAD = 'require ["fileinto", "mailbox", "mboxmetadata", "servermetadata", "variables"];'


class MetadataTests(FilingCase):
    def annotated(self, account, mailbox, changes):
        async def go():
            opened = await self.accounts.open(account)
            await opened.annotate(mailbox, changes)
            opened.close()

        self.done(go())

    def holds(self, test):
        """Whether a test is true while a message is delivered."""
        self.number = getattr(self, "number", 0) + 1
        self.script(f'{HEAD} if {test} {{ fileinto :create "Yes"; }}')
        return self.deliver(name=f"0G1G{8 * self.number:X}").text == "Yes"

    def test_mailbox(self):
        """§3.3: true where the annotation is there and says on, in any case."""
        test = f'metadata :is "INBOX" "{REPLIES}" "on"'
        self.assertFalse(self.holds(test))
        self.annotated(USER, "INBOX", {REPLIES: b"On"})
        self.assertTrue(self.holds(test))
        self.assertTrue(self.holds(test.replace("INBOX", "inbox")))
        self.assertTrue(self.holds(test.replace("private", "PRIVATE")))
        self.assertFalse(self.holds(test.replace("INBOX", "Sent")))
        self.assertFalse(self.holds(test.replace("INBOX", "Nowhere")))
        self.assertFalse(self.holds(test.replace("INBOX", "")))
        self.annotated(USER, "INBOX", {REPLIES: None})
        self.assertFalse(self.holds(test))

    def test_own(self):
        """Never those of another account, and never the account's as a mailbox's."""
        self.annotated(OTHER, "INBOX", {REPLIES: b"on"})
        self.annotated(USER, "", {REPLIES: b"on"})
        for mailbox in ("INBOX", "", f"../{OTHER}/INBOX", "/"):
            test = f'metadata :matches "{mailbox}" "{REPLIES}" "*"'
            self.assertFalse(self.holds(test), mailbox)

    def test_exists(self):
        """§3.4: all annotations of the mailbox; an empty one is there."""
        self.annotated(USER, "INBOX", {"/private/a": b"", "/shared/b": b"x"})
        test = 'metadataexists "INBOX" ["/private/a", "/shared/b"]'
        self.assertTrue(self.holds(test))
        self.assertFalse(self.holds(test.replace("/shared/b", "/shared/c")))
        self.assertFalse(self.holds(test.replace("INBOX", "Nowhere")))

    def test_server(self):
        """§4.1: the value of an annotation of the account, into a variable."""
        self.annotated(USER, "", {URI: "mailto:köln".encode()})
        self.script(
            f"""{HEAD}
            if servermetadata :matches "{URI}" "*:*" {{
                fileinto :create "${{2}}";
            }}"""
        )
        self.assertEqual(self.deliver().text, "köln")
        self.assertFalse(self.holds(f'servermetadata "{URI}" "none"'))

    def test_server_exists(self):
        """§4.2."""
        test = f'servermetadataexists ["{URI}", "/shared/comment"]'
        self.annotated(USER, "", {URI: b"none"})
        self.assertFalse(self.holds(test))
        self.annotated(USER, "", {"/shared/comment": b""})
        self.assertTrue(self.holds(test))

    def test_octets(self):
        """What is no UTF-8 is text with marks for what is missing."""
        self.annotated(USER, "INBOX", {REPLIES: b"o\xffn\0"})
        self.assertTrue(self.holds(f'metadata :matches "INBOX" "{REPLIES}" "o*n*"'))
