"""Lists that are kept elsewhere (RFC 6134): ``:list``, ``valid_ext_list``.

The world is asked three questions. ``listed`` (list, values ...): the first of the
values that is in the list, or None; a list that is not there holds none. ``lists``
(lists ...): whether all of them are there. ``members`` (list): its members, or None.
Names come with the prefix of registered ones written out.
"""

from collections.abc import Sequence
from itertools import islice

from mailsuite.sieve.actions import Redirect, RedirectList
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.comparators import Comparator
from mailsuite.sieve.errors import Exhausted, Trouble
from mailsuite.sieve.matching import Matcher
from mailsuite.sieve.octets import plain
from mailsuite.sieve.program import Condition, Step, Values, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Tagged, TestShape

REGISTERED = "urn:ietf:params:sieve"
"""What a name that begins with a colon is short for."""
OWN = f"{REGISTERED}:addrbook:default"
"""The owner's address book; the name has no case (RFC 6134 §2.5)."""
NAME_CHARACTERS = 1_000
VALUES = 200  # that one test looks for
MEMBERS = 100  # of a list that mail is redirected to
LISTS = 1  # that one run redirects to


def full(name: str) -> str:
    """The whole name of a list."""
    whole = f"{REGISTERED}{name}" if name.startswith(":") else name
    return OWN if whole.lower() == OWN else whole[:NAME_CHARACTERS]


def listed(bound: Bound, _: Comparator, keys: Values) -> Matcher:
    """``:list``: the keys are names of lists, each has its own way to compare."""
    keeps = "variables" in bound.requires

    def match(run: Run, values: Sequence[str]) -> bool:
        wanted = tuple(islice(dict.fromkeys(map(plain, values)), VALUES))
        run.work(sum(map(len, wanted)) + len(wanted))
        if not wanted:
            return False
        for name in map(plain, texts(run, keys)):
            run.step()
            found = run.ask("listed", full(name), *wanted)
            if found is not None:
                if keeps:
                    run.matched = [found]
                return True
        return False

    return match


def _valid_ext_list(bound: Bound) -> Condition:
    names = bound.values(0)

    def valid_ext_list(run: Run) -> bool:
        run.step()
        return bool(run.ask("lists", *map(full, texts(run, names))))

    return valid_ext_list


def _redirect(bound: Bound) -> Step:
    name = bound.value(0)
    copy = bound.has("copy")
    complete = bound.vocabulary.completed(bound)

    def redirect(run: Run) -> None:
        run.step()
        whole = full(text(run, name))
        members = run.ask("members", whole)
        if members is None:
            raise Trouble(f"line {bound.line}: there is no list {whole}")
        usable = dict.fromkeys(one for one in members if _address(one))
        if not usable:
            raise Trouble(f"line {bound.line}: no addresses are in {whole}")
        if len(usable) > MEMBERS:
            raise Exhausted(f"more than {MEMBERS} addresses are in {whole}")
        each = (complete(run, Redirect(one, at=bound.line)) for one in usable)
        run.act(RedirectList(whole, tuple(each), bound.line), cancels=not copy)
        lists = sum(isinstance(one, RedirectList) for one in run.actions)
        if lists > LISTS:
            raise Exhausted(f"redirects to more than {LISTS} list")

    return redirect


def _address(member: str) -> bool:
    return "@" in member.strip("@") and member.isprintable() and " " not in member


EXTENSION = Extension(
    "extlists",
    tests=(TestShape("valid_ext_list", _valid_ext_list, (Kind.STRINGS,)),),
    tags={"@match": (Tagged("list", group="match"),), "redirect": (Tagged("list"),)},
    matches={"list": listed},
    variants={("redirect", "list"): _redirect},
)
