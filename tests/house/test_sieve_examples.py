"""Every example of the RFCs of Sieve has its test.

``tests/sieve/examples`` holds a table for each RFC: the section, what the example is
about, and the test that runs it with the result that the RFC states. A row for each
example, in the order of the RFC; an example that more tests run has more rows.
"""

import ast
import re
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

TESTS = Path(__file__).parent.parent
TABLES = sorted((TESTS / "sieve" / "examples").glob("*.tsv"))
HEAD = "section\texample\ttest"


def rows(table):
    """Section, example and test of each row; a test is file, class and method."""
    head, *lines = table.read_text("utf-8").splitlines()
    assert head == HEAD, table.name
    for line in lines:
        section, example, test = line.split("\t")
        yield section, example, test


def order(section):
    """Sections as they stand in an RFC: numbers first, then appendices."""
    parts = section.split(".")
    return [(not one.isdigit(), int(one) if one.isdigit() else 0, one) for one in parts]


@cache
def told(file):
    """The docstrings of each test of a file: its own, its class's, the module's."""
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    whole = ast.get_docstring(tree) or ""
    found = {}
    for one in tree.body:
        if isinstance(one, ast.ClassDef):
            for test in one.body:
                if isinstance(test, ast.FunctionDef) and test.name.startswith("test"):
                    docs = [ast.get_docstring(node) or "" for node in (test, one)]
                    found[f"{one.name}.{test.name}"] = "\n".join([*docs, whole])
    return found


def cites(text, rfc, section):
    """Whether a text names the section, and the RFC if the table is that of one."""
    named = re.search(rf"§{re.escape(section)}(?![\d.]*\d)", text)
    return bool(named) and (not rfc.isdigit() or rfc in text)


class ExampleTests(SynchronousTestCase):
    """The tables and the tests agree."""

    def test_tests_exist(self):
        """The test of each example is there, and says which section it is of."""
        for table in TABLES:
            rfc = table.stem.removeprefix("rfc")
            for section, example, test in rows(table):
                file, name = test.split("::")
                place = f"{table.name} {section} {example}: {test}"
                self.assertIn(name, told(file), place)
                self.assertTrue(cites(told(file)[name], rfc, section), place)

    def test_rows_are_well_formed(self):
        """Rows are in the order of the RFC, each once, and none without words."""
        for table in TABLES:
            found = list(rows(table))
            sections = [order(section) for section, _, _ in found]
            self.assertEqual(sections, sorted(sections), table.name)
            self.assertEqual(len(found), len(set(found)), table.name)
            self.assertTrue(all(example.strip() for _, example, _ in found))
