"""Which of the securities that a server offers is taken.

1. `security = "<policy>"` in the tag map: that one, in the mode given; nothing else.
2. `security = "none"`: none.
3. Nothing given (`auto`): the best offered. SignAndEncrypt before Sign; then Aes256Sha256RsaPss, Aes128Sha256RsaOaep,
   Basic256Sha256. Deprecated policies are never taken. None only from a server that offers nothing better and has never
   been connected to with security; the list of offers comes unprotected, so anybody in between could shorten it.
4. With (3), once connected with a mode, never again with a weaker one; and the list that comes through the secured
   channel (CreateSession, OPC 10000-4 clause 5.7.2) must not hold anything better than what was taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from asyncua import ua
from asyncua.crypto import security_policies

from opcua_bridge.certificate_facts import leaf
from opcua_bridge.refusals import NotOffered
from opcua_bridge.tag_map import Endpoint, Security
from opcua_bridge.trust import Secured

POLICIES: Final[dict[Security, type[security_policies.SecurityPolicy]]] = {
    Security.aes256: security_policies.SecurityPolicyAes256Sha256RsaPss,
    Security.aes128: security_policies.SecurityPolicyAes128Sha256RsaOaep,
    Security.basic256sha256: security_policies.SecurityPolicyBasic256Sha256,
}
"""Best first."""
MODES: Final = ("SignAndEncrypt", "Sign")
"""Best first."""
NONE_URI: Final = security_policies.SecurityPolicyNone.URI
_BY_URI: Final = {policy.URI: name for name, policy in POLICIES.items()}
_RANK: Final = {name: number for number, name in enumerate(POLICIES)}


@dataclass(frozen=True)
class Offer:
    """One way to connect with security."""

    policy: Security
    mode: str
    certificate: bytes
    """Of the server, DER."""
    application_uri: str

    @property
    def rank(self) -> tuple[int, int]:
        """Less is better."""
        return MODES.index(self.mode), _RANK[self.policy]

    def __str__(self) -> str:
        return f"{self.policy} {self.mode}"


def offers_of(endpoints: Iterable[ua.EndpointDescription]) -> list[Offer]:
    """Those the bridge may take; deprecated and unknown ones are left out, as are those without a certificate."""
    found = []
    for described in endpoints:
        policy, mode = _BY_URI.get(described.SecurityPolicyUri), described.SecurityMode.name
        if policy is None or mode not in MODES or not described.ServerCertificate:
            continue
        found.append(Offer(policy, mode, leaf(described.ServerCertificate), described.Server.ApplicationUri or ""))
    return found


def offers_nothing_secured(endpoints: Iterable[ua.EndpointDescription]) -> bool:
    return any(e.SecurityPolicyUri == NONE_URI for e in endpoints)


def chosen(endpoint: Endpoint, endpoints: Sequence[ua.EndpointDescription], before: Secured | None) -> Offer | None:
    """The offer to take, None for no security. Raises NotOffered."""
    offers = offers_of(endpoints)
    if endpoint.security is not Security.auto:
        return _asked_for(endpoint, offers)
    best = min(offers, key=lambda offer: _preference(offer, endpoint), default=None)
    if before is not None and (best is None or MODES.index(best.mode) > MODES.index(before.mode)):
        raise NotOffered(
            f"the server was connected to with {before.policy} {before.mode} and now offers only "
            f'{_listed(offers)}; refused: if that is meant, write security = "none" or a policy into the tag map'
        )
    if best is None and not offers_nothing_secured(endpoints):
        raise NotOffered(
            "the server offers only security policies that are deprecated or that the bridge does not know"
        )
    return best


def _asked_for(endpoint: Endpoint, offers: list[Offer]) -> Offer:
    for offer in offers:
        if offer.policy is endpoint.security and offer.mode == endpoint.mode:
            return offer
    raise NotOffered(f"the server does not offer {endpoint.security} {endpoint.mode}; it offers {_listed(offers)}")


def _preference(offer: Offer, endpoint: Endpoint) -> tuple[bool, tuple[int, int]]:
    """`mode = "Sign"` in the tag map is a wish to be followed."""
    return endpoint.mode == "Sign" and offer.mode != "Sign", offer.rank


def check_untouched(endpoint: Endpoint, taken: Offer, endpoints: Sequence[ua.EndpointDescription]) -> None:
    """Whether the list through the secured channel is the one the choice was made from. Raises NotOffered."""
    if endpoint.security is not Security.auto:
        return
    better = [o for o in offers_of(endpoints) if _preference(o, endpoint) < _preference(taken, endpoint)]
    if better:
        raise NotOffered(f"the list of offers was changed on the way: the server offers {better[0]}, seen was {taken}")


def _listed(offers: list[Offer]) -> str:
    return ", ".join(sorted({str(offer) for offer in offers})) or "no security"
