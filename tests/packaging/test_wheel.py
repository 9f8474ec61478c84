"""The package: what a wheel holds, and that twistd finds the plugin in it."""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent.parent


def run(*words, cwd=ROOT, **environ):
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | environ,
    )
    if done.returncode:
        raise AssertionError(f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


class WheelTests(SynchronousTestCase):
    """Built once from the checkout."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        source = cls.folder / "source"
        for name in ("mailsuite", "twisted"):
            leave = shutil.ignore_patterns("__pycache__", "dropin.cache")
            shutil.copytree(ROOT / name, source / name, ignore=leave)
        for name in ("setup.cfg", "pyproject.toml", "README.rst", "LICENSE"):
            shutil.copy(ROOT / name, source)
        run(
            *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
            *("--outdir", cls.folder, source),
        )
        (cls.wheel,) = cls.folder.glob("*.whl")

    def test_contents(self):
        """The plugin, the type marker and every room are in it; no tests are."""
        names = zipfile.ZipFile(self.wheel).namelist()
        self.assertIn("twisted/plugins/mailsuite_plugin.py", names)
        self.assertIn("mailsuite/py.typed", names)
        self.assertIn("mailsuite/tap.py", names)
        rooms = {p.name for p in (ROOT / "mailsuite").iterdir() if p.is_dir()}
        packed = {name.split("/")[1] for name in names if name.startswith("mailsuite/")}
        self.assertEqual(rooms - packed - {"__pycache__"}, set())
        self.assertEqual([name for name in names if name.startswith("tests")], [])
        self.assertNotIn("twisted/__init__.py", names)
        self.assertNotIn("twisted/plugins/__init__.py", names)

    def test_twistd(self):
        """Installed elsewhere, ``twistd --help`` lists it from any folder."""
        home = self.folder / "venv"
        venv.create(home, with_pip=False)
        (site,) = home.glob("lib/python3*/site-packages")
        with zipfile.ZipFile(self.wheel) as wheel:
            wheel.extractall(site)
        (own,) = {Path(p) for p in sys.path if p.endswith("site-packages")} or {None}
        (site / "borrowed.pth").write_text(f"{own}\n", "utf-8")
        script = "from twisted.scripts.twistd import run; run()"
        python = home / "bin" / "python"
        shown = run(python, "-c", script, "--help", cwd="/", PYTHONPATH="")
        self.assertIn("mailsuite", shown)
        shown = run(python, "-c", script, "mailsuite", "--help", cwd="/", PYTHONPATH="")
        self.assertIn("--config", shown)


class CheckoutTests(SynchronousTestCase):
    """The same from a checkout."""

    def test_twistd(self):
        """``twistd --help`` lists it."""
        script = "from twisted.scripts.twistd import run; run()"
        self.assertIn("mailsuite", run(sys.executable, "-c", script, "--help"))

    def test_command(self):
        """The console script answers."""
        script = "from mailsuite.cli.main import main; main()"
        self.assertIn("demo", run(sys.executable, "-c", script, "--help"))
