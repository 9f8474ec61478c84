"""Reading the configuration: files, environment, and errors that help.

A key comes from the environment (``MAILSUITE_<SECTION>_<KEY>``), else from the
file, else from its default. A text ``file:/path`` stands for that file's content.
Every error of a file is told at once, each with its line and the nearest key.
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import attrs
import cattrs
from attrs import define, field, frozen
from cattrs.errors import BaseValidationError

from mailsuite.house.keylines import KeyLines
from mailsuite.house.tree import SECTIONS, Tree
from mailsuite.model.errors import UsageError, sentence
from mailsuite.model.settings import Described, described

T = TypeVar("T")

PREFIX = "MAILSUITE_"
FILE_OCTETS = 1024 * 1024
SECRET_OCTETS = 64 * 1024


@frozen
class Loaded:
    """A whole configuration and where each key that is no default came from."""

    path: str
    tree: Tree
    sources: Mapping[tuple[str, str], str]


class WrongType(Exception):  # noqa: N818 - says what was expected
    """A value is not of its setting's type; the text names that type."""


def _exactly(kind: type[T], name: str) -> Any:
    def structure(value: object, _: type[T]) -> T:
        if type(value) is not kind:
            raise WrongType(name)
        return value

    return structure


def _number(value: object, _: type) -> float:
    if type(value) not in {int, float}:
        raise WrongType("a number")
    return float(value)  # type: ignore[arg-type]  # its type was looked at


def _texts(value: object, _: type) -> tuple[str, ...]:
    if not isinstance(value, list) or any(type(one) is not str for one in value):
        raise WrongType('a list of texts such as ["a", "b"]')
    return tuple(value)


def _is_texts(kind: object) -> bool:
    return bool(kind == tuple[str, ...])


def _converter() -> cattrs.Converter:
    made = cattrs.Converter(detailed_validation=False)
    made.register_structure_hook(bool, _exactly(bool, "true or false"))
    made.register_structure_hook(int, _exactly(int, "a whole number"))
    made.register_structure_hook(str, _exactly(str, 'a text such as "a"'))
    made.register_structure_hook(float, _number)
    made.register_structure_hook_func(_is_texts, _texts)
    return made


CONVERTER = _converter()


@define(eq=False, repr=False)
class Reader:
    """Reads one file; collects what is wrong instead of stopping at the first."""

    _path: str
    _environ: Mapping[str, str]
    _lines: KeyLines = field(factory=KeyLines)
    _wrong: list[tuple[int, str]] = field(factory=list)
    _sources: dict[tuple[str, str], str] = field(factory=dict)

    def load(self) -> Loaded:
        """Read, check and build. :raises UsageError: one line for each error."""
        text = read_text(self._path)
        self._lines = KeyLines.of(text)
        document = parse(self._path, text)
        self._unknown_sections(document)
        sections = {
            name: self._section(name, kind, document.get(name, {}))
            for name, kind in SECTIONS.items()
        }
        if self._wrong:
            raise UsageError("\n".join(text for _, text in sorted(self._wrong)))
        return Loaded(self._path, Tree(**sections), self._sources)

    def _unknown_sections(self, document: Mapping[str, object]) -> None:
        for name, value in document.items():
            if name not in SECTIONS:
                what = f"[{name}]" if isinstance(value, dict) else repr(name)
                hint = nearest(name, SECTIONS)
                self._report(name, "", f"unknown section {what}{hint}")

    def _section(self, name: str, kind: type, given: object) -> Any:
        if not isinstance(given, dict):
            self._report("", name, f"[{name}] must be a section")
            return None
        fields = {one.key: one for one in described(kind)}
        for key in given.keys() - fields.keys():
            hint = nearest(key, fields)
            self._report(name, key, f"unknown key {key!r} in [{name}]{hint}")
        values = {
            key: self._value(name, one, given)
            for key, one in fields.items()
            if key in given or variable(name, key) in self._environ
        }
        try:
            return kind(**values)
        except (ValueError, TypeError, UsageError) as error:
            self._report(name, "", f"[{name}]: {error}")
            return None

    def _value(self, section: str, one: Described, given: Mapping[str, object]) -> Any:
        name = variable(section, one.key)
        if name in self._environ:
            value: object = from_text(one.type, self._environ[name])
            where, source = f"{name}: ", f"environment {name}"
        else:
            value = given[one.key]
            line = self._lines.line(section, one.key)
            where, source = "", f"{self._path}:{line}"
        self._sources[section, one.key] = source
        try:
            return CONVERTER.structure(_indirect(value), one.type)
        except (WrongType, BaseValidationError, UsageError) as error:
            said = f"must be {error}" if isinstance(error, WrongType) else str(error)
            self._report(section, one.key, f"{where}{one.key!r} in [{section}] {said}")
            return one.default

    def _report(self, section: str, key: str, text: str) -> None:
        line = self._lines.line(section, key)
        self._wrong.append((line, f"{self._path}:{line}: {text}"))


def variable(section: str, key: str) -> str:
    """Give the environment variable that overrides a key."""
    return f"{PREFIX}{section}_{key}".upper()


def from_text(kind: object, text: str) -> object:
    """Read an environment variable's text as a value of this type."""
    if kind is str:
        return text
    if kind == tuple[str, ...]:
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _indirect(value: object) -> object:
    """Put a file's content in place of ``file:/path``."""
    if isinstance(value, str) and value.startswith("file:"):
        return read_text(value.removeprefix("file:"), SECRET_OCTETS).strip()
    return value


def nearest(name: str, known: Mapping[str, object]) -> str:
    """Say which known name was probably meant."""
    close = get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def read_text(path: str, octets: int = FILE_OCTETS) -> str:
    """Give a small file's text. :raises UsageError: it cannot be read."""
    try:
        with open(path, "rb") as file:
            content = file.read(octets + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if len(content) > octets:
        raise UsageError(f"{path}: larger than {octets} octets")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 ({error.reason})") from error


def parse(path: str, text: str) -> dict[str, Any]:
    """Parse TOML. :raises UsageError: with file and line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        line = said.rpartition("line ")[2].partition(",")[0]
        where = f"{path}:{line}" if line.isdecimal() else path
        raise UsageError(f"{where}: {said}") from error


def load(path: str, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read a configuration. :raises UsageError: what is wrong, line by line."""
    try:
        _ = os.stat(path)
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: No such file or directory; mailsuite init ADDRESS makes it,"
            " --config names another"
        ) from error
    except OSError as error:  # it may be there, for others
        raise UsageError(sentence(error)) from error
    return Reader(path, os.environ if environ is None else environ).load()


def values(tree: Tree) -> dict[str, dict[str, Any]]:
    """Give every setting in force, by section and key."""
    return {name: attrs.asdict(getattr(tree, name), recurse=False) for name in SECTIONS}
