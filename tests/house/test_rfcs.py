"""``docs/rfcs.tsv`` and the code agree about the RFCs."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent.parent
TABLE = ROOT / "docs" / "rfcs.tsv"
CITED = re.compile(r"\bRFC (\d{3,5})\b")


def rows():
    for line in TABLE.read_text("utf-8").splitlines()[1:]:
        number, state, title = line.split("\t")
        yield int(number), state, title


def cited():
    found = {}
    for path in sorted((ROOT / "mailsuite").rglob("*.py")):
        for number in CITED.findall(path.read_text("utf-8")):
            found.setdefault(int(number), path.name)
    return found


class RFCTests(SynchronousTestCase):
    """The index of RFCs is neither short nor boastful."""

    def test_rows_are_well_formed(self):
        """Each row has a number, yes, part or no, and a title, in order."""
        numbers = [number for number, _, _ in rows()]
        self.assertEqual(numbers, sorted(set(numbers)))
        for number, state, title in rows():
            self.assertIn(state, {"yes", "part", "no"}, number)
            self.assertTrue(title.strip(), number)

    def test_what_the_code_cites_is_in_the_table(self):
        """No module leans on an RFC that the table does not know."""
        known = {number for number, _, _ in rows()}
        missing = {n: where for n, where in cited().items() if n not in known}
        self.assertEqual(missing, {})

    def test_what_the_table_claims_is_cited(self):
        """An RFC that is built, wholly or in part, is cited where it is built."""
        built = {number for number, state, _ in rows() if state != "no"}
        self.assertEqual(built - set(cited()), set())
