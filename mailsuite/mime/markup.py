"""HTML as plain text: what a reader would see of it, in one pass over the text.

Nothing is rendered. Comments, scripts and styles vanish, blocks begin on a new line,
entities become characters. Meant for looking through, and for notices.
"""

import html
import re
from collections.abc import Iterator

_MARK = re.compile(r"<!--|<(/?)([A-Za-z][A-Za-z0-9]{0,20})[^<>]*+>|<[!?/][^<>]*+>")
_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_AROUND = re.compile(r" ?\n ?")
_LINES = re.compile(r"\n{3,}")
_HIDDEN = {
    name: re.compile(f"</{name}", re.IGNORECASE)
    for name in ("script", "style", "title", "noscript", "template")
}
_BLOCKS = frozenset(
    (
        *("address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "figure"),
        *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"),
    )
)
_WIDE = frozenset(("blockquote", "p", "h1", "h2", "h3", "table", "ul", "ol"))


def plain(source: str) -> str:
    """Give the text of an HTML document; lines end with a line feed."""
    text = html.unescape("".join(_pieces(source))).replace("\xa0", " ")
    text = _AROUND.sub("\n", text)
    return _LINES.sub("\n\n", text).strip()


def _pieces(source: str) -> Iterator[str]:
    at = 0
    while mark := _MARK.search(source, at):
        yield _SPACES.sub(" ", source[at : mark.start()])
        at = mark.end()
        name = (mark[2] or "").lower()
        if mark[0] == "<!--":
            end = source.find("-->", at)
            at = len(source) if end < 0 else end + len("-->")
        elif name in _HIDDEN and not mark[1]:
            closing = _HIDDEN[name].search(source, at)
            at = closing.start() if closing else len(source)
        elif name in _BLOCKS:
            yield "\n\n" if name in _WIDE else "\n"
    yield _SPACES.sub(" ", source[at:])
