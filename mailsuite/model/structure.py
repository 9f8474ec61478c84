"""The tree of a message's MIME parts, as offsets into its octets."""

from attrs import field

from mailsuite.model.values import value


@value
class Part:
    """One MIME part, or a whole message.

    ``start`` is where its header begins, ``body`` where its body begins, ``end``
    the offset after its last octet; ``octets[start:body]`` ends with the blank
    line. ``lines`` counts the line feeds of the body of a text part or of an
    embedded message, 0 elsewhere.

    ``type``, ``subtype``, ``encoding`` and the names of ``parameters`` and
    ``disposition`` are in lower case; values stand as on the wire (RFC 2231 is
    not decoded). A multipart has at least one child in ``parts``;
    message/rfc822 has exactly one, the embedded message; other parts have none.

    ``basic``, ``envelope`` and ``extension`` are rendered octets of RFC 3501
    from which BODY and BODYSTRUCTURE are put together; ``envelope`` is that of an
    embedded message and empty elsewhere.
    """

    start: int
    body: int
    end: int
    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()
    encoding: str = "7bit"
    lines: int = 0
    disposition: str = ""
    disposition_parameters: tuple[tuple[str, str], ...] = ()
    basic: bytes = field(default=b"", repr=False)
    envelope: bytes = field(default=b"", repr=False)
    extension: bytes = field(default=b"", repr=False)
    parts: tuple["Part", ...] = ()

    @property
    def size(self) -> int:
        """Octets of the body as it lies in the message, encoding included."""
        return self.end - self.body

    @property
    def multipart(self) -> bool:
        """Whether it is divided by boundaries."""
        return self.type == "multipart"

    @property
    def embedded(self) -> bool:
        """Whether its body is a message that was looked into."""
        return self.type == "message" and bool(self.parts)

    def parameter(self, name: str) -> str | None:
        """Value of a Content-Type parameter, None when it is not there."""
        return dict(self.parameters).get(name)
