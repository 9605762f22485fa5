"""Who follows the outbox, and how far each is."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlmodel import Session

from mes.exchange.archive.types import Follower
from mes.exchange.erp.tables import ErpConnection
from mes.exchange.webhooks.tables import Webhook, WebhookDelivery

_ERP: Final = ErpConnection.__table__  # type: ignore[attr-defined]
_HOOK: Final = Webhook.__table__  # type: ignore[attr-defined]
_DELIVERY: Final = WebhookDelivery.__table__  # type: ignore[attr-defined]


def last_follower(session: Session) -> Follower | None:
    """Who is furthest behind; whoever is switched off follows, too, and a delivery needs its event."""
    oldest = select(func.min(_DELIVERY.c.seq) - 1).where(_DELIVERY.c.webhook_pk == _HOOK.c.pk).scalar_subquery()
    hooks = session.execute(select(_HOOK.c.id, _HOOK.c.seq, oldest)).all()
    erps = session.execute(select(_ERP.c.id, _ERP.c.seq)).all()
    found = [
        *(Follower(f"webhook {row[0]}", row[1] if row[2] is None else min(row[1], row[2])) for row in hooks),
        *(Follower(f"ERP connection {row[0]}", row[1]) for row in erps),
    ]
    return min(found, key=lambda follower: follower.seq, default=None)
