"""Answers that say no, as RFC 9457 describes them."""

from http import HTTPStatus

from attrs import frozen

MEDIA_TYPE = "application/problem+json"


@frozen
class Problem(Exception):  # noqa: N818 - an answer to the client
    """``status`` of HTTP (RFC 9110 §15) and a sentence for people."""

    status: int
    detail: str

    def document(self) -> dict[str, object]:
        """The body; ``type`` is left out, which means ``about:blank`` (§4.2.1)."""
        return {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
