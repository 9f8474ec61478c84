"""Section ``[tls]``."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class TLS:
    """The certificate that every door shows.

    Both files are read again at a reload; new connections then use them. A
    certificate that cannot be read at a reload leaves the old one in use.
    """

    certificate: str = setting(
        "", "PEM file with the certificate and its chain; empty: no TLS is offered"
    )
    key: str = setting("", "PEM file with the private key; others must not read it")
