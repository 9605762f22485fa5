"""Refusals for the sake of security do not get better by trying again soon, and each is told in words.

A machine's server may lock an account after some wrong passwords and fills its list of rejected certificates with every
try, so these are tried again slowly.
"""

from __future__ import annotations

from typing import Final

from asyncua import ua

from opcua_bridge.refusals import PasswordInClear, SecretMissing, SecurityRefusal

_CODES: Final = ua.StatusCodes
CERTIFICATE_RETRY_S: Final = (10.0, 60.0)
"""First and longest pause after a refusal about certificates or policies."""
USER_RETRY_S: Final = (30.0, 300.0)
"""The same after a refusal of the user: accounts are locked for less."""
USER_CODES: Final = {
    _CODES.BadUserAccessDenied: "the server does not let this user in",
    _CODES.BadIdentityTokenRejected: "the server does not accept this user name, password or user certificate",
    _CODES.BadIdentityTokenInvalid: "the server does not take this kind of user",
    _CODES.BadUserSignatureInvalid: "the server does not accept the signature of the user's certificate",
}
OWN_CERTIFICATE: Final = "the server does not accept this bridge's certificate; approve it at the machine"
CERTIFICATE_CODES: Final = {
    _CODES.BadSecurityChecksFailed: OWN_CERTIFICATE,
    _CODES.BadCertificateUntrusted: OWN_CERTIFICATE,
    _CODES.BadCertificateInvalid: "the server cannot read this bridge's certificate, or does not accept it",
    _CODES.BadCertificateTimeInvalid: "the server says that this bridge's certificate is not valid now: compare clocks",
    _CODES.BadCertificateIssuerTimeInvalid: "the server says that the issuer's certificate is not valid now",
    _CODES.BadCertificateHostNameInvalid: "the server does not accept the host name in this bridge's certificate",
    _CODES.BadCertificateUriInvalid: "the server does not accept the application URI in this bridge's certificate",
    _CODES.BadCertificateUseNotAllowed: "the server says that this bridge's certificate is for another use",
    _CODES.BadCertificateIssuerUseNotAllowed: "the server says that the issuer's certificate is for another use",
    _CODES.BadCertificateRevocationUnknown: "the server cannot tell whether this bridge's certificate is revoked",
    _CODES.BadCertificateIssuerRevocationUnknown: "the server cannot tell whether the issuer's certificate is revoked",
    _CODES.BadCertificateRevoked: "the server says that this bridge's certificate is revoked",
    _CODES.BadCertificateIssuerRevoked: "the server says that the issuer of this bridge's certificate is revoked",
    _CODES.BadCertificateChainIncomplete: "the server does not know who issued this bridge's certificate",
    _CODES.BadCertificatePolicyCheckFailed: "this bridge's certificate does not meet the server's policy",
    _CODES.BadSecurityPolicyRejected: "the server no longer takes this security policy",
    _CODES.BadSecurityModeRejected: "the server no longer takes this security mode",
    _CODES.BadNoValidCertificates: "the server has no valid certificate of its own",
}


def is_user_refusal(error: BaseException) -> bool:
    return isinstance(error, PasswordInClear | SecretMissing) or _code(error) in USER_CODES


def is_refusal(error: BaseException) -> bool:
    """Whether trying again soon can only do harm."""
    return isinstance(error, SecurityRefusal) or is_user_refusal(error) or _code(error) in CERTIFICATE_CODES


def words_of(error: BaseException) -> str:
    """The error for a person: what it is, and what the server said in the words of OPC UA."""
    code = _code(error)
    words = USER_CODES.get(code) or CERTIFICATE_CODES.get(code)
    return f"{words} ({ua.StatusCode(code).name})" if words else str(error)


def retry_s(error: BaseException, times: int) -> float:
    """How long to wait after the same refusal has come `times` times, from 1."""
    first, longest = USER_RETRY_S if is_user_refusal(error) else CERTIFICATE_RETRY_S
    return min(first * 2.0 ** (times - 1), longest)


def _code(error: BaseException) -> int:
    return int(error.code) if isinstance(error, ua.UaStatusCodeError) else 0
