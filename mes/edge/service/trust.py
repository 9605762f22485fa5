"""What a person decides about the certificate of a machine's server; the bridge carries it out."""

from __future__ import annotations

from typing import Final

from mes.edge.errors import CertificateDecided
from mes.edge.queries import get_bridge, get_certificate
from mes.edge.service.bridges import put_command
from mes.kernel.uow import UnitOfWork
from standards.lineside.commands_v1 import CommandKind, TrustAction

TRUST_WITHIN_US: Final = 120_000_000
"""A bridge that is away so long has not heard of it, and does not hear of it later."""


def decide_certificate(uow: UnitOfWork, *, bridge_id: str, thumbprint: str, action: TrustAction) -> str:
    """Ask a bridge to approve, reject or revoke a certificate it has told of; answers the command's id.

    Who decided what is in the event of the command. `bridge-not-found`, `certificate-unknown`, `certificate-decided`.
    """
    found = get_certificate(uow.session, bridge_id=bridge_id, thumbprint=thumbprint, now_us=uow.now_us)
    if action not in found.allowed:
        raise CertificateDecided(f"It is {found.note.state}, or somebody is deciding: {action} does not fit.")
    return put_command(
        uow,
        bridge_pk=get_bridge(uow.session, bridge_id=bridge_id).pk,
        kind=CommandKind.trust,
        payload={"action": action.value, "thumbprint": thumbprint},
        expires_at_us=uow.now_us + TRUST_WITHIN_US,
    )
