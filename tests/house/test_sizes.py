"""The house stays small: files, functions and classes, names and words.

Each waiver names the thing and gives its reason in one line.
"""

import ast
import re
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent.parent
MODULE_LINES = 400
FUNCTION_LINES = 40
CLASS_METHODS = 15
CONSTRUCTOR_ARGUMENTS = 6

BANNED_NAMES = {
    "manager",
    "handler",
    "processor",
    "engine",
    "helper",
    "utils",
    "common",
    "base",
    "misc",
}

WAIVED: dict[str, str] = {
    "mailsuite/net/protocol.py:Conversation": "a door's base: what it may override,"
    " what it may call, what Twisted calls",
}
"""``path[:name]`` -> why it may be larger than the rest."""

CATCHES_EXCEPTION: dict[str, str] = {
    "mailsuite/http/site.py": "a door: the unforeseen is 500, logged once",
    "mailsuite/search/account.py": "Whoosh raises anything on a broken index",
    "mailsuite/smtp/door.py": "a door: the unforeseen is answered as temporary",
    "mailsuite/imap/dialogue.py": "a door: the unforeseen is answered as temporary",
    "mailsuite/net/talking.py": "doors: the unforeseen is answered as temporary",
    "mailsuite/net/child.py": "tells the parent what a request raised and serves on",
    "mailsuite/net/tasks.py": "what launched work raised is logged once, there",
    "mailsuite/net/turns.py": "is the reactor: logs who failed, and calls the next",
    "mailsuite/net/endpoints.py": "one door's failure must not end the listening",
    "mailsuite/net/lanes.py": "carries what a call raised to whoever awaits it",
}
"""Modules that may catch Exception -> why: doors, and whoever guards others."""


def modules():
    for folder in ("mailsuite", "twisted"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, str(path.relative_to(ROOT))


@cache
def trees():
    return [(name, ast.parse(path.read_text("utf-8"))) for path, name in modules()]


def teardown_module():
    """Let the trees go: every search for cycles would look through them."""
    trees.cache_clear()


def length(node):
    """Lines of a definition without its docstring and decorators."""
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= first.end_lineno - first.lineno + 1
    return lines


def is_interface(node):
    return any(getattr(base, "id", "") == "Interface" for base in node.bases)


def properties_of(node):
    """Names of the fields an attrs class takes in its constructor."""
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            text = ast.unparse(item)
            if "init=False" not in text and "ClassVar" not in text:
                yield item.target.id, item.value is None


class SizeTests(SynchronousTestCase):
    """Nothing grows beyond what a reader takes in."""

    def check(self, found):
        self.assertEqual(
            [line for line in found if line.split(" ")[0] not in WAIVED], []
        )

    def test_modules(self):
        """No module has more than 400 lines."""
        self.check(
            f"{name} {count}"
            for path, name in modules()
            if (count := len(path.read_text("utf-8").splitlines())) > MODULE_LINES
        )

    def test_functions(self):
        """No function has more than 40 lines without its docstring."""
        self.check(
            f"{name}:{node.name} {length(node)}"
            for name, tree in trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and length(node) > FUNCTION_LINES
        )

    def test_classes(self):
        """No class has more than 15 methods, Twisted's callbacks not counted."""
        self.check(
            f"{name}:{node.name} {count}"
            for name, tree in trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and not is_interface(node)
            and (
                count := sum(
                    isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
                    and not item.name.startswith("__")
                    and "override" not in map(ast.unparse, item.decorator_list)
                    for item in node.body
                )
            )
            > CLASS_METHODS
        )

    def test_constructors(self):
        """No living object is made of more than six parts; values may have more."""
        self.check(
            f"{name}:{node.name} {count}"
            for name, tree in trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and any("define" in ast.unparse(item) for item in node.decorator_list)
            and (count := sum(needed for _, needed in properties_of(node)))
            > CONSTRUCTOR_ARGUMENTS
        )

    def test_promises(self):
        """Every test says what it promises."""
        self.check(
            f"{path.relative_to(ROOT)}:{item.name}"
            for path in sorted((ROOT / "tests").rglob("test_*.py"))
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.ClassDef)
            for item in node.body
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
            and item.name.startswith("test")
            and not ast.get_docstring(item)
        )

    def test_waivers_are_needed(self):
        """A waiver for what no longer exists goes."""
        for place in WAIVED:
            path, _, symbol = place.partition(":")
            text = (ROOT / path).read_text("utf-8")
            self.assertIn(symbol, text)


class NameTests(SynchronousTestCase):
    """A module is a mail noun or the verb of one job."""

    def test_no_empty_words(self):
        """No module is called manager, utils and the like."""
        self.assertEqual(
            [name for path, name in modules() if path.stem in BANNED_NAMES], []
        )

    def test_packages_hold_a_docstring_and_no_code(self):
        """``__init__.py`` says what the room is for, and nothing else."""
        for path, name in modules():
            if path.name == "__init__.py":
                body = ast.parse(path.read_text("utf-8")).body
                self.assertEqual(len(body), 1, name)
                self.assertIsInstance(body[0].value.value, str, name)

    def test_every_module_says_what_it_is_for(self):
        """Every module opens with a docstring."""
        for name, tree in trees():
            self.assertIsNotNone(ast.get_docstring(tree), name)

    def test_exceptions_are_caught_in_named_places(self):
        """Only doors and ``Tasks`` catch what they do not know."""
        found = {
            name
            for name, tree in trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.ExceptHandler)
            and (
                node.type is None
                or ast.unparse(node.type) in {"Exception", "BaseException"}
            )
        }
        self.assertEqual(found, set(CATCHES_EXCEPTION))

    def test_nothing_is_left_for_later(self):
        """No marker of unfinished work stands in the code."""
        words = re.compile(
            r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplementedError)\b"
        )
        for path, name in modules():
            self.assertIsNone(words.search(path.read_text("utf-8")), name)
