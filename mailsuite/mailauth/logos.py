"""Whether a logo may be shown: SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman).

An SVG can carry programs, make requests and grow without end; what is let through
here can do none of these.
"""

import zlib
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

LOGO_OCTETS = 65_536  # unpacked; the profile recommends 32 KiB
ELEMENTS = 5_000

_SVG = "{http://www.w3.org/2000/svg}"
_HREFS = frozenset({"href", "{http://www.w3.org/1999/xlink}href"})
_ALLOWED = frozenset(
    {
        *("svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse"),
        *("line", "polyline", "polygon", "text", "textArea", "tspan", "tbreak"),
        *("use", "linearGradient", "radialGradient", "stop", "solidColor"),
    }
)
"""Without script, style, image, foreignObject, links, sound and animation."""


class Unfit(Exception):  # noqa: N818 - an answer about the peer's file
    """The text says why the logo is not shown."""


def unpacked(octets: bytes) -> bytes:
    """Undo gzip (SVGZ), within bounds. :raises Unfit: it cannot be undone."""
    if not octets.startswith(b"\x1f\x8b"):
        if len(octets) > LOGO_OCTETS:
            raise Unfit(f"the logo has more than {LOGO_OCTETS} octets")
        return octets
    inflating = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = inflating.decompress(octets, LOGO_OCTETS + 1)
    except zlib.error as error:
        raise Unfit("the logo is no gzip file") from error
    if len(plain) > LOGO_OCTETS or not inflating.eof:
        raise Unfit(f"the logo unpacks to more than {LOGO_OCTETS} octets")
    return plain


def checked(octets: bytes) -> bytes:
    """Give the plain SVG if it is fit. :raises Unfit: it is not."""
    plain = unpacked(octets)
    try:
        root = fromstring(plain, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unfit("the logo is no safe XML") from error
    if root.tag != f"{_SVG}svg":
        raise Unfit("the logo is no SVG")
    if root.get("baseProfile") != "tiny-ps" or root.get("version") != "1.2":
        raise Unfit("the logo is not SVG Tiny PS 1.2")
    if "x" in root.attrib or "y" in root.attrib:
        raise Unfit("the logo is placed by x or y")
    titles = root.findall(f"{_SVG}title")
    if len(titles) != 1 or not (titles[0].text or "").strip():
        raise Unfit("the logo has no title")
    for number, element in enumerate(root.iter()):
        if number >= ELEMENTS:
            raise Unfit(f"the logo has more than {ELEMENTS} elements")
        _check(element)
    return plain


def _check(element: Element) -> None:
    tag = element.tag
    if not tag.startswith(_SVG) or tag.removeprefix(_SVG) not in _ALLOWED:
        raise Unfit(f"the logo has an element {tag.rpartition('}')[2][:40]!r}")
    for name, value in element.attrib.items():
        local = name.rpartition("}")[2].lower()
        if name in _HREFS or local == "href":
            if not value.strip().startswith("#"):
                raise Unfit("the logo refers to something outside")
        elif local.startswith("on") or local == "base" or "\\" in value:
            raise Unfit(f"the logo has an attribute {local[:40]!r}")
        elif "url(" in value.lower().replace(" ", "") and not _inside(value):
            raise Unfit("the logo refers to something outside")


def _inside(value: str) -> bool:
    """Whether every ``url()`` stays within the file."""
    places = value.lower().replace(" ", "").replace("'", "").replace('"', "")
    return all(part.startswith("#") for part in places.split("url(")[1:])
