"""Hand-written SQL of the edge's hot reads. `?` is a parameter on both databases."""

from __future__ import annotations

from typing import Final

from mes.edge.errors import BridgeNotFound
from mes.edge.types import BridgeView
from mes.kernel.uow import UnitOfWork

_BRIDGE: Final = "SELECT pk, id, description, last_seen_at_us, silent_since_us, bindings_mark FROM bridge WHERE id = ?"


def load_bridge(uow: UnitOfWork, bridge_id: str) -> BridgeView:
    """One bridge; `bridge-not-found`."""
    rows = uow.driver_query(_BRIDGE, (bridge_id,))
    if not rows:
        raise BridgeNotFound(f"There is no bridge {bridge_id!r} in this plant.")
    return BridgeView(*rows[0])
