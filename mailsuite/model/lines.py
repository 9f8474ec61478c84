"""Text of strangers on a line for people: in a log, a field, a terminal."""


def printable(text: str) -> str:
    """Put ``?`` for what would end the line or command a terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else "?" for one in text)
