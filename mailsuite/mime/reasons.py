"""What status codes (RFC 3463) mean to somebody who only wrote a letter."""

from collections.abc import Sequence

_MEANINGS = {
    "failed": "Your message could not be delivered to this address, and the server"
    " has given up.",
    "delayed": "Your message has not been delivered to this address yet. You need"
    " not send it again.",
    "delivered": "Your message was delivered to this address.",
    "relayed": "Your message was passed on to a server that does not report what"
    " becomes of it.",
    "expanded": "Your message was delivered to a list or alias, which passed it on.",
}

_SUBJECTS = {
    "failed": "Your message could not be delivered",
    "delayed": "Your message is delayed",
    "relayed": "Your message was passed on",
    "expanded": "Your message was delivered",
    "delivered": "Your message was delivered",
}

_ADVICE = {
    "1.1": "There is no such mailbox. Check the spelling of the address.",
    "1.2": "The part after the @ does not exist or takes no mail. Check its spelling.",
    "1.10": "The part after the @ takes no mail at all. Ask for another address.",
    "1.8": "The other server did not accept your address as sender. Ask your"
    " postmaster.",
    "2.1": "The mailbox is closed for now. Ask the recipient in another way.",
    "2.2": "The mailbox is full. Try again in some days, or tell the recipient in"
    " another way.",
    "2.3": "Your message is larger than this recipient accepts. Send less, or a link"
    " to what you meant to attach.",
    "3.4": "Your message is too large for the other server. Send less, or a link to"
    " what you meant to attach.",
    "4.1": "The other server did not answer. Try again later.",
    "4.4": "No server could be found for this domain. Check its spelling, or try"
    " again later.",
    "4.6": "The message went in circles between servers. Tell the postmaster of the"
    " recipient's domain.",
    "4.7": "The other server could not be reached for too long. Try again later.",
    "6.7": "The other server cannot take addresses outside of ASCII. Ask for another"
    " address.",
    "7.1": "The other server refused the message by its rules. Ask the recipient or"
    " your postmaster.",
}
_BY_CLASS = {
    "1": "Check the spelling of the address.",
    "2": "Ask the recipient in another way.",
    "3": "The other server has a fault. Try again later.",
    "4": "The way to the other server is disturbed. Try again later.",
    "5": "The servers did not understand each other. Ask your postmaster.",
    "6": "The other server cannot read a message of this form. Send it in another"
    " form.",
    "7": "The other server refused the message by its rules. Ask the recipient or"
    " your postmaster.",
}
_OTHERWISE = "If you do not know what to do, ask your postmaster and pass this on."


def subject(actions: Sequence[str]) -> str:
    """Give the subject for the worst of several actions."""
    for action, text in _SUBJECTS.items():
        if action in actions:
            return text
    return _SUBJECTS["failed"]


def meaning(action: str) -> str:
    """Say what happened."""
    return _MEANINGS.get(action, _MEANINGS["failed"])


def advice(action: str, status: str) -> str:
    """Say what the writer can do; nothing when nothing is to be done."""
    if action != "failed":
        return ""
    _, _, detail = status.partition(".")
    return _ADVICE.get(detail) or _BY_CLASS.get(detail[:1], _OTHERWISE)
