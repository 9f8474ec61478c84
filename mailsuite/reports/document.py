"""Aggregate reports written (RFC 9990 §3.1 and its schema)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"  # RFC 9990 §6.1
GENERATOR = "mailsuite"

_POLICIES = frozenset(("none", "quarantine", "reject"))


def blocks(
    meta: Mapping[str, Any], published: Mapping[str, Any], rows: Iterable[Sequence[Any]]
) -> Iterator[bytes]:
    """Write a whole report in pieces.

    ``meta`` has org, email, contact, id, begins and ends; ``published`` is a
    :class:`~mailsuite.model.proofs.Policy` as a mapping, with ``discovery``; a row is
    the number of messages and what :func:`~mailsuite.reports.collect.row` made of one.
    """
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<feedback xmlns="%b">\n' % (
        NAMESPACE.encode()
    )
    yield "".join(
        ("<version>1.0</version>\n", _meta(meta), _policy(published))
    ).encode()
    for messages, what in rows:
        yield _record(messages, what).encode()
    yield b"</feedback>\n"


def _element(name: str, value: object) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"


def _inside(name: str, *elements: str) -> str:
    return f"<{name}>{''.join(elements)}</{name}>\n"


def _optional(name: str, value: object) -> str:
    return _element(name, value) if value else ""


def _meta(meta: Mapping[str, Any]) -> str:
    return _inside(
        "report_metadata",
        _element("org_name", meta["org"]),
        _element("email", meta["email"]),
        _optional("extra_contact_info", meta["contact"]),
        _element("report_id", meta["id"]),
        _inside(
            "date_range",
            _element("begin", meta["begins"]),
            _element("end", meta["ends"]),
        ),
        _element("generator", GENERATOR),
    )


def _policy(published: Mapping[str, Any]) -> str:
    """Tags that are not there have their defaults (RFC 9990 §3.1.1.5)."""
    policy = published["p"] if published["p"] in _POLICIES else "none"
    below = published["sp"] if published["sp"] in _POLICIES else policy
    missing = published["np"] if published["np"] in _POLICIES else below
    return _inside(
        "policy_published",
        _element("domain", published["domain"]),
        _optional("discovery_method", published["discovery"]),
        _element("p", policy),
        _element("sp", below),
        _element("np", missing),
        _element("fo", published["fo"] or "0"),
        _element("adkim", "s" if published["adkim"] == "s" else "r"),
        _element("aspf", "s" if published["aspf"] == "s" else "r"),
        _element("testing", "y" if published["testing"] else "n"),
    )


def _record(messages: int, what: Sequence[Any]) -> str:
    ip, action, dkim, spf, override, comment, names, signatures, sent = what
    author, envelope, to = names
    reason = override and _inside(
        "reason", _element("type", override), _optional("comment", comment)
    )
    return _inside(
        "record",
        _inside(
            "row",
            _element("source_ip", ip),
            _element("count", messages),
            _inside(
                "policy_evaluated",
                _element("disposition", action),
                _element("dkim", dkim),
                _element("spf", spf),
                reason,
            ),
        ),
        _inside(
            "identifiers",
            _element("header_from", author),
            _element("envelope_from", envelope),
            _optional("envelope_to", to),
        ),
        _inside("auth_results", *map(_signature, signatures), _sent(sent)),
    )


def _signature(result: Sequence[str]) -> str:
    domain, selector, word, human = result
    if not (domain and selector):
        return ""
    return _inside(
        "dkim",
        _element("domain", domain),
        _element("selector", selector),
        _element("result", word),
        _optional("human_result", human),
    )


def _sent(result: Sequence[str]) -> str:
    domain, word = result
    if not domain:
        return ""
    return _inside(
        "spf",
        _element("domain", domain),
        _element("scope", "mfrom"),
        _element("result", word),
    )
