"""What a server offers in its answer to EHLO or LHLO (RFC 5321 §4.1.1.1)."""

from collections.abc import Mapping

from attrs import Factory, frozen

from mailsuite.wire.smtp.answers import Answer

SIZE_DIGITS = 20  # RFC 1870 §3


@frozen
class Offers:
    """Extensions by upper-case keyword, each with its parameters as they came."""

    keywords: Mapping[str, str] = Factory(dict)

    @classmethod
    def of(cls, answer: Answer) -> "Offers":
        """Read an EHLO answer; its first line is the greeting."""
        keywords: dict[str, str] = {}
        for line in answer.lines[1:]:
            name, _, parameters = line.strip().partition(" ")
            name = name.upper()
            if name.startswith("AUTH="):  # before RFC 2554
                name, parameters = "AUTH", f"{name[5:]} {parameters}"
            if name == "AUTH":
                parameters = f"{keywords.get(name, '')} {parameters}".strip()
            keywords[name] = parameters
        return cls(keywords)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def mechanisms(self) -> frozenset[str]:
        """SASL mechanisms, upper case (RFC 4954 §3)."""
        return frozenset(self.keywords.get("AUTH", "").upper().split())

    @property
    def size(self) -> int:
        """Largest message in octets; 0: no limit told (RFC 1870 §3)."""
        text = self.keywords.get("SIZE", "").strip()
        return int(text) if text.isdecimal() and len(text) <= SIZE_DIGITS else 0
