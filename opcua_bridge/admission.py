"""Whether a machine server's certificate is good enough.

What is approved is this very certificate. So nobody else can use it, whatever it says: an expired one, or one made out
for another host, is told and used all the same, because refusing it would stop the records of a factory at midnight.
`strict_certificates` refuses it instead. A certificate that is not approved is refused in any case.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from opcua_bridge.certificate_facts import facts, flaws
from opcua_bridge.refusals import FlawedCertificate, UntrustedServer
from opcua_bridge.tag_map import Endpoint
from opcua_bridge.trust import Trust, TrustState


def admit(trust: Trust, endpoint: Endpoint, certificate: bytes, application_uri: str) -> tuple[str, ...]:
    """What is wrong with it and not refused, in sentences. Raises UntrustedServer or FlawedCertificate."""
    if not certificate:
        raise UntrustedServer("", "the server shows no certificate")
    try:
        content = facts(certificate)
    except ValueError as error:
        raise UntrustedServer("", f"the server's certificate cannot be read: {error}") from error
    host = urlsplit(endpoint.url).hostname or ""
    wrong = list(flaws(content, host=host, application_uri=application_uri, now=trust.now()).values())
    if not trust.is_trusted(certificate):
        mark = trust.remember_rejected(
            certificate, endpoint=endpoint.name, url=endpoint.url, application_uri=application_uri
        )
        raise UntrustedServer(mark, _untrusted(trust, mark, content.subject, wrong))
    if wrong and trust.strict:
        raise FlawedCertificate(f"server certificate {content.thumbprint} ({content.subject}): {'; '.join(wrong)}")
    if content.warning_level(trust.now()):
        wrong.append(f"it ends on {content.ends_at:%Y-%m-%d}")
    return tuple(f"the server's certificate ({content.subject}): {words}" for words in wrong)


def _untrusted(trust: Trust, mark: str, subject: str, wrong: list[str]) -> str:
    about = trust.about(mark)
    state = trust.state(mark)
    if state is TrustState.revoked:
        what = f"trust in the server certificate {mark} ({subject}) was revoked on {about.decided_at}"
    elif state is TrustState.refused:
        what = f"the server certificate {mark} ({subject}) was refused on {about.decided_at}"
    elif about.replaces:
        what = f"the server's certificate has changed: it was {about.replaces}, it is {mark} ({subject})"
    else:
        what = f"the server certificate {mark} ({subject}) is not trusted yet"
    remarks = f"; mind that {'; '.join(wrong)}" if wrong else ""
    return f"{what}{remarks}; compare it at the machine, then: lineside-bridge trust approve {mark[:16]}"
