"""Scripts and messages as people have them, by a seed: what is drawn is plain text.

The words of scripts and messages come from the same small stock, so that tests are
true about as often as not. Everything here means the same to every Sieve engine
that keeps to the RFCs.
"""

import random
from base64 import b64encode
from collections.abc import Callable, Sequence
from email.utils import formatdate

from attrs import define, field

NAMES = ("ann", "bob", "carl", "dora+lists", "eve-2", "frank.n", "O'Hara", "root")
DOMAINS = ("example.org", "Example.NET", "mail.example.com", "shop.test", "b.example")
WORDS = (
    "offer",
    "Hello",
    "invoice",
    "[dev]",
    "meeting",
    "RE:",
    "12",
    "3.5",
    "caf\u00e9",
)
WORDS += ("\u00dcber", "100%", "a*b", "x?y", "back\\slash", "Sale!", "7", "007", "")
FIELDS = ("Subject", "X-Spam-Score", "List-Id", "X-Priority", "From", "To", "Comments")
MORE_FIELDS = ("Cc", "Received", "Received", "Subject", "X-Spam-Score", "List-Id")
MORE_FIELDS += ("X-Priority", "Comments", "Sender")
FOLDERS = ("INBOX", "lists/dev", "Junk", "Archiv \u00fc", "a", "lists/shop", "Trash")
FLAGS = ("\\Seen", "\\Flagged", "$Label1", "todo", "\\Answered", "Work")
RELATIONS = ("gt", "ge", "lt", "le", "eq", "ne")
CAPABILITIES = (
    "fileinto", "copy", "envelope", "encoded-character", "relational", "subaddress",
    "comparator-i;ascii-numeric", "imap4flags", "variables", "body", "regex", "date",
    "index", "reject", "vacation", "vacation-seconds", "enotify", "editheader",
    "environment", "ihave", "foreverypart", "mime", "extracttext", "mailbox",
)  # fmt: skip
PATTERNS = ("*", "*{}*", "{}*", "*{}", "?*a{}*", "*\\\\**", "{}", "*[*]*", "?????*")
REGEXES = ("^{}", "{}$", ".*", "([a-z]+)@([a-z.]+)", "[0-9]+", "(off|inv)", "a{{2,}}|3")
ZONES = ("+0000", "-0800", "+0530", "+0100")


def quoted(text: str) -> str:
    """A quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@define(eq=False)
class Pairs:
    """Draws one pair after another."""

    _seed: int
    _dice: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._dice = random.Random(self._seed)

    def pair(self) -> tuple[bytes, bytes]:
        """A script and a message."""
        dice = self._dice
        copied = frozenset(one for one in FOLDERS[1:] if dice.random() < 0.4)
        script = Scripts(dice, copied, dice.random() < 0.5).script()
        message = Messages(dice).message()
        return script.encode(), message


@define(eq=False)
class Scripts:
    """Draws a script."""

    dice: random.Random
    copied: frozenset[str]
    """Folders that ``:copy`` is written for, each time."""
    edits: bool
    """Whether the header is edited; else sizes are looked at."""
    depth: int = 0

    def script(self) -> str:
        """The whole of it."""
        dice = self.dice
        asked = ", ".join(map(quoted, CAPABILITIES))
        lines = [f"require [{asked}];"]
        if dice.random() < 0.5:
            lines.append(f'set "a" {self.text()};')
        lines += [self.command() for _ in range(dice.randint(1, 6))]
        if dice.random() < 0.1:
            lines.append(dice.choice(self._endings()))
        return "\n".join(lines) + "\n"

    def _endings(self) -> Sequence[str]:
        return (
            f"reject {quoted(self.word() or 'no')};",
            f"vacation :days {self.dice.randint(1, 30)} {quoted('I am away')};",
            f"vacation :seconds 60 :subject {self.text()} {quoted('away')};",
        )

    def word(self) -> str:
        return self.dice.choice(WORDS)

    def text(self) -> str:
        """A string, perhaps with variables in it."""
        word = self.word()
        drawn = self.dice.random()
        if drawn < 0.15:
            word = f"{word}${{a}}"
        elif drawn < 0.25:
            word = f"${{{self.dice.randint(0, 3)}}}"
        elif drawn < 0.3:
            word = "${hex: 41 62}" + word
        return quoted(word)

    def texts(self, draw: Callable[[], str]) -> str:
        """One string or a list of them."""
        if self.dice.random() < 0.6:
            return draw()
        return "[" + ", ".join(draw() for _ in range(self.dice.randint(1, 3))) + "]"

    def field(self) -> str:
        name = self.dice.choice(FIELDS)
        return quoted(self.dice.choice((name, name.lower(), name.upper())))

    def author(self) -> str:
        return quoted(self.dice.choice(("from", "to", "cc", "Sender", "resent-from")))

    # Commands.

    def command(self) -> str:
        """One command, with what is in it."""
        drawn = self.dice.random()
        if drawn < 0.5 and self.depth < 3:
            return self.branches()
        return self.dice.choice(self._commands())

    def _commands(self) -> Sequence[str]:
        dice = self.dice
        name = dice.choice(FOLDERS)
        folder = quoted(name)
        copy = ":copy " if name in self.copied else ""
        flags = f":flags {self.texts(self.flag)} " if dice.random() < 0.3 else ""
        to = quoted(f"{dice.choice(('x', 'y.z'))}@{dice.choice(DOMAINS)}")
        change = dice.choice((":lower", ":upper", ":lowerfirst", ":upperfirst",
                              ":length", ":quotewildcard", ":upper :lowerfirst"))  # fmt: skip
        return (
            f"fileinto {copy}{flags}{folder};",
            f"fileinto :create {copy}{folder};",
            'fileinto :copy "lists/${a}x";',
            f"redirect {dice.choice(('', ':copy '))}{to};",
            f"keep {flags};",
            "discard;",
            "stop;",
            f"set {dice.choice(('', change))} {quoted(dice.choice('ab'))} {self.text()};",
            f"{dice.choice(('addflag', 'setflag', 'removeflag'))} {self.texts(self.flag)};",
            f"notify {quoted('mailto:x@example.org')};",
            f"foreverypart {{ {self.part()} {{ fileinto {copy}{folder}; }} }}",
            *(self._edits() if self.edits else ()),
        )  # fmt: skip

    def part(self) -> str:
        """A question about each part of a message."""
        word = self.dice.choice(("text", "html", "image", "plain"))
        return f'if header :mime :contains "content-type" {quoted(word)}'

    def _edits(self) -> Sequence[str]:
        last = self.dice.choice(("", ":last "))
        return (
            f"addheader {last}{self.field()} {self.text()};",
            f"deleteheader {self.field()};",
            f"deleteheader :contains {self.field()} {self.text()};",
        )

    def flag(self) -> str:
        dice = self.dice
        return quoted(
            " ".join(dice.choice(FLAGS) for _ in range(dice.choice((1, 1, 2))))
        )

    def branches(self) -> str:
        """if, elsif and else."""
        made = f"if {self.test()} {self.block()}"
        if self.dice.random() < 0.4:
            made += f"\nelsif {self.test()} {self.block()}"
        if self.dice.random() < 0.4:
            made += f"\nelse {self.block()}"
        return made

    def block(self) -> str:
        inner = Scripts(self.dice, self.copied, self.edits, self.depth + 1)
        made = [inner.command() for _ in range(self.dice.randint(1, 3))]
        return "{\n" + "\n".join(made) + "\n}"

    # Tests.

    def test(self, depth: int = 0) -> str:
        """One test, with those in it."""
        drawn = self.dice.random()
        if drawn < 0.2 and depth < 3:
            name = self.dice.choice(("anyof", "allof"))
            inner = [self.test(depth + 1) for _ in range(self.dice.randint(1, 3))]
            return f"{name} ({', '.join(inner)})"
        if drawn < 0.3 and depth < 3:
            return f"not {self.test(depth + 1)}"
        return self.dice.choice(self._tests())()

    def _tests(self) -> Sequence[Callable[[], str]]:
        return (
            self.header, self.header, self.header, self.address, self.address,
            self.envelope, self.exists, self.body, *(() if self.edits else (self.size,)), self.date,
            self.string, self.hasflag, self.constant,
        )  # fmt: skip

    def match(self, draw: Callable[[], str]) -> tuple[str, str]:
        """A match type with its comparator, and keys for it."""
        dice = self.dice
        drawn = dice.randint(0, 7)
        compare = dice.choice(("", "", ':comparator "i;octet" '))
        if drawn < 2:
            return compare + dice.choice(("", ":is ")), self.texts(draw)
        if drawn < 4:
            return compare + ":contains ", self.texts(draw)
        if drawn == 4:
            return compare + ":matches ", self.texts(self.pattern)
        if drawn == 5:
            expression = dice.choice(REGEXES).format(dice.choice(("[aA]", "Hel", "o")))
            return compare + ":regex ", quoted(expression)
        relation = quoted(dice.choice(RELATIONS))
        numeric = ':comparator "i;ascii-numeric" '
        if drawn == 6:
            return f":count {relation} {numeric}", quoted(str(dice.randint(0, 3)))
        number = quoted(str(dice.choice((0, 3, 7, 12, 100))))
        return f":value {relation} {numeric}", number

    def pattern(self) -> str:
        word = self.word().replace("\\", "").replace("*", "").replace("?", "")
        return quoted(self.dice.choice(PATTERNS).format(word))

    def index(self) -> str:
        if self.dice.random() < 0.85:
            return ""
        return f":index {self.dice.randint(1, 2)} {self.dice.choice(('', ':last '))}"

    def header(self) -> str:
        match, keys = self.match(self.text)
        index = "" if ":count" in match else self.index()
        names = self.field() if index else self.texts(self.field)
        return f"header {index}{match}{names} {keys}"

    def address(self) -> str:
        match, keys = self.match(self.mailbox)
        part = self.dice.choice(("", ":all ", ":localpart ", ":domain "))
        part = self.dice.choice((part, part, ":user ", ":detail "))
        index = self.index()
        names = self.author() if index else self.texts(self.author)
        return f"address {index}{part}{match}{names} {keys}"

    def mailbox(self) -> str:
        dice = self.dice
        name, domain = dice.choice(NAMES), dice.choice(DOMAINS)
        return quoted(dice.choice((name, domain, f"{name}@{domain}", "lists", "a")))

    def envelope(self) -> str:
        match, keys = self.match(self.mailbox)
        part = self.dice.choice(("", ":all ", ":localpart ", ":domain "))
        return (
            f"envelope {part}{match}{quoted(self.dice.choice(('from', 'to')))} {keys}"
        )

    def exists(self) -> str:
        return f"exists {self.texts(self.field)}"

    def size(self) -> str:
        dice = self.dice
        return f"size :{dice.choice(('over', 'under'))} {dice.choice((300, 600, '1K'))}"

    def body(self) -> str:
        match, keys = self.match(self.text)
        if ":count" in match or ":value" in match:
            match, keys = ":contains ", self.texts(self.text)
        how = self.dice.choice((":text ", ':content "text" ', ':content "text/html" '))
        return f"body {how}{match}{keys}"

    def date(self) -> str:
        dice = self.dice
        part = dice.choice(("year", "month", "day", "hour", "weekday", "date", "zone",
                            "julian", "iso8601", "std11", "time", "minute"))  # fmt: skip
        zone = dice.choice(("", ":originalzone ", ':zone "+0200" '))
        relation = f":value {quoted(dice.choice(RELATIONS))} "
        value = dice.choice(("2024", "05", "12", "2024-05-06", "+0000", "-0800", "1"))
        of = dice.choice(("date", "date", "received", "X-None"))
        return f"date {zone}{relation}{quoted(of)} {quoted(part)} {quoted(value)}"

    def string(self) -> str:
        match, keys = self.match(self.text)
        return f"string {match}{self.texts(self.text)} {keys}"

    def hasflag(self) -> str:
        match = self.dice.choice(("", ":contains ", ":is "))
        return f"hasflag {match}{self.texts(self.flag)}"

    def constant(self) -> str:
        return self.dice.choice(("true", "false", 'ihave "fileinto"', 'ihave "no"'))


@define(eq=False)
class Messages:
    """Draws a message."""

    dice: random.Random

    def message(self) -> bytes:
        """The whole of it."""
        dice = self.dice
        head = [self.field(name) for name in ("From", "To", "Subject", "Date")]
        more = [name for name in MORE_FIELDS if dice.random() < 0.3]
        head += [self.field(name) for name in more]
        dice.shuffle(head)
        kept = [one for one in head if dice.random() < 0.97]
        fields, content = self.content()
        whole = "\r\n".join([*kept, *fields, "", content])
        return whole.encode("utf-8")

    def field(self, name: str) -> str:
        """One field with a value that suits it."""
        dice = self.dice
        if name in {"From", "To", "Cc", "Sender"}:
            count = 1 if name in {"From", "Sender"} else dice.randint(1, 3)
            value = ", ".join(self.mailbox() for _ in range(count))
        elif name == "Date":
            value = self.moment()
        elif name == "Received":
            value = f"from x by y with ESMTP;\r\n\t{self.moment()}"
        elif name == "List-Id":
            value = f"{self.words(1)} <dev.{dice.choice(DOMAINS)}>"
        elif name in {"X-Spam-Score", "X-Priority"}:
            value = dice.choice(("3", "12", "007", "1 (High)", "yes", "-4", "5.5", ""))
        else:
            value = self.words(dice.randint(0, 4))
        return f"{dice.choice((name, name, name.lower()))}: {value}"

    def words(self, count: int) -> str:
        """Some words; what is not ASCII is encoded, or folded."""
        dice = self.dice
        made = []
        for _ in range(count):
            word = dice.choice(WORDS)
            if not word.isascii():
                coded = b64encode(word.encode()).decode()
                word = f"=?utf-8?B?{coded}?="
            made.append(word)
        return dice.choice((" ", " ", "\r\n ")).join(made).strip()

    def mailbox(self) -> str:
        dice = self.dice
        local, domain = dice.choice(NAMES), dice.choice(DOMAINS)
        plain = f"{local}@{domain}"
        return dice.choice((
            plain, f"<{plain}>", f"Ann Example <{plain}>", f'"Example, A." <{plain}>',
            f"{plain} (a comment)", f"=?utf-8?Q?=C3=9Cber?= <{plain}>",
        ))  # fmt: skip

    def moment(self) -> str:
        dice = self.dice
        seconds = dice.randint(1_700_000_000, 1_720_000_000)
        return formatdate(seconds)[:-5] + dice.choice(ZONES)

    def content(self) -> tuple[list[str], str]:
        """Fields of MIME and the body."""
        dice = self.dice
        drawn = dice.random()
        if drawn < 0.4:
            return [], self.lines()
        if drawn < 0.7:
            return self.leaf()
        parts = [self.leaf() for _ in range(dice.randint(1, 3))]
        whole = "".join(
            "--cut\r\n" + "\r\n".join([*fields, "", text]) + "\r\n"
            for fields, text in parts
        )
        kind = dice.choice(("mixed", "alternative"))
        fields = [
            "MIME-Version: 1.0",
            f'Content-Type: multipart/{kind}; boundary="cut"',
        ]
        return fields, f"A preamble.\r\n{whole}--cut--\r\nAn epilogue.\r\n"

    def leaf(self) -> tuple[list[str], str]:
        dice = self.dice
        kind = dice.choice(("text/plain", "text/plain", "text/html", "image/png"))
        fields = [f"Content-Type: {kind}; charset=utf-8"]
        text = self.lines()
        if kind == "text/html":
            text = f"<html><body><p>{text}</p></body></html>\r\n"
        if dice.random() < 0.5:
            fields.append("Content-Transfer-Encoding: base64")
            text = b64encode(text.encode()).decode() + "\r\n"
        else:
            fields.append("Content-Transfer-Encoding: 8bit")
        return ["MIME-Version: 1.0", *fields], text

    def lines(self) -> str:
        dice = self.dice
        return "".join(
            " ".join(dice.choice(WORDS) for _ in range(dice.randint(0, 6))) + "\r\n"
            for _ in range(dice.randint(1, 5))
        )
