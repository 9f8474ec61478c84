"""The catalogue and the code agree about events."""

import ast
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.events.catalogue import CATALOGUE

ROOT = Path(__file__).parent.parent.parent / "mailsuite"


def told():
    """(file, name, fields) of every event whose name stands in the call."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "happened"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                fields = {word.arg for word in node.keywords if word.arg}
                yield path.name, node.args[0].value, fields


class UseTests(SynchronousTestCase):
    def test_known(self):
        """Every event that is told stands in the catalogue, with its fields."""
        for file, name, fields in told():
            self.assertIn(name, CATALOGUE, file)
            self.assertLessEqual(fields, set(CATALOGUE[name].fields), (file, name))
