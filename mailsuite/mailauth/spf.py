"""SPF (RFC 7208) for both identities of an SMTP session, on the suite's resolver.

Reading of records is :mod:`~mailsuite.mailauth.spfpolicy`, evaluation
:mod:`~mailsuite.mailauth.spfwalk`, limits :mod:`~mailsuite.mailauth.spflookups`.
"""

from ipaddress import ip_address

import spf

from mailsuite.interfaces.resolving import IResolver
from mailsuite.mailauth.labels import ascii_name
from mailsuite.mailauth.spflookups import Answers, Lookups, Receiver
from mailsuite.mailauth.spfpolicy import Reader
from mailsuite.mailauth.spfwalk import Walk
from mailsuite.model.address import Address
from mailsuite.model.proofs import SPF, Result

DEFAULT = Receiver()


async def check(
    ip: str,
    helo: str,
    sender: Address | None,
    resolver: IResolver,
    receiver: Receiver = DEFAULT,
) -> tuple[SPF, SPF]:
    """Check HELO and MAIL FROM; ``sender`` None is the null reverse-path.

    For that, MAIL FROM is ``postmaster`` at the HELO name (RFC 7208 §2.4).
    """
    clock = receiver.clock
    answers = Answers(resolver, receiver, began=clock() if clock else 0.0)
    greeted = await _identity(answers, ip, helo, Address("postmaster", helo), "helo")
    if sender is None:
        return greeted, _as_sender(greeted)
    if receiver.clock is not None:
        answers.began = receiver.clock()
    return greeted, await _identity(answers, ip, helo, sender, "mailfrom")


async def mailfrom(
    ip: str,
    helo: str,
    sender: Address,
    resolver: IResolver,
    receiver: Receiver = DEFAULT,
) -> SPF:
    """Check MAIL FROM alone; HELO was checked by itself, with no sender."""
    clock = receiver.clock
    answers = Answers(resolver, receiver, began=clock() if clock else 0.0)
    return await _identity(answers, ip, helo, sender, "mailfrom")


def _as_sender(greeted: SPF) -> SPF:
    note = "the sender is empty: the greeting's policy decides (RFC 7208 §2.4)"
    return SPF(
        greeted.result,
        "mailfrom",
        greeted.domain,
        greeted.mechanism,
        greeted.explanation,
        (note, *greeted.steps),
    )


async def _identity(
    answers: Answers, ip: str, helo: str, sender: Address, scope: str
) -> SPF:
    domain = ascii_name(sender.domain)
    if domain is None or "." not in domain:
        # RFC 7208 §4.3: malformed, a literal or a single label.
        step = f"{sender.domain[:255]!r} is no domain that can have a policy"
        return SPF(Result.NONE, scope, sender.domain, steps=(step,))
    try:
        client = str(ip_address(ip.partition("%")[0]))
    except ValueError:
        step = f"{ip!r} is no IP address"
        return SPF(Result.NONE, scope, domain, steps=(step,))
    reader = Reader(client, helo, sender.local or "postmaster", domain)
    reader.facts(answers.receiver.name, answers.receiver.now)
    return await _walked(Walk(reader, Lookups(answers, reader.A)), domain, scope)


async def _walked(walk: Walk, domain: str, scope: str) -> SPF:
    try:
        answer = await walk.host(domain)
    except spf.TempError as error:
        walk.steps.append(f"{error}: temperror")
        return SPF(Result.TEMPERROR, scope, domain, steps=tuple(walk.steps))
    except spf.PermError as error:
        walk.steps.append(f"{error}: permerror")
        return SPF(
            Result.PERMERROR, scope, domain, error.mech or "", steps=tuple(walk.steps)
        )
    text = await walk.explanation(answer)
    if text:
        walk.steps.append(f"{answer.domain} explains: {text}")
    return SPF(answer.result, scope, domain, answer.mechanism, text, tuple(walk.steps))
