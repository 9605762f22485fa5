"""Refusals for the sake of security: a person has to decide or to change something."""

from __future__ import annotations

from standards.lineside.health_v1 import Trouble


class SecurityRefusal(Exception):
    """The bridge does not connect like this; a person has to decide or to change something."""

    trouble = Trouble.security


class UntrustedServer(SecurityRefusal):
    """The machine server's certificate is not approved; `thumbprint` says which."""

    trouble = Trouble.untrusted

    def __init__(self, thumbprint: str, words: str = "") -> None:
        super().__init__(words or f"server certificate {thumbprint} is not trusted")
        self.thumbprint = thumbprint


class FlawedCertificate(SecurityRefusal):
    """Approved, but something is wrong with it and the settings are strict."""


class NotOffered(SecurityRefusal):
    """The server does not offer the security that is asked for, or no longer what it once did."""


class PasswordInClear(SecurityRefusal):
    """The password would go over the network readable."""


class SecretMissing(SecurityRefusal):
    """There is no password or key where the tag map says it is."""
