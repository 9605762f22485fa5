"""Hot SQL of webhooks; `?` stands for a parameter on both databases."""

from __future__ import annotations

from typing import Any, Final

from mes.exchange.webhooks.types import Message
from mes.kernel.uow import UnitOfWork, marks

_DUE: Final = """
SELECT d.pk, d.webhook_pk, w.failures
FROM webhook_delivery d JOIN webhook w ON w.pk = d.webhook_pk
WHERE d.state = 0 AND d.next_at_us <= ? AND d.claimed_until_us <= ? AND w.active AND w.blocked_until_us <= ?
  AND NOT EXISTS (
    SELECT 1 FROM webhook_delivery e
    WHERE e.webhook_pk = d.webhook_pk AND e.subject = d.subject AND e.state = 0 AND e.seq < d.seq
  )
"""
"""What may go now: of each subject of a webhook its oldest, where nobody has it in hand."""

_MESSAGES: Final = """
SELECT d.pk, d.webhook_pk, w.url, w.private_addresses, w.sealed_secret, w.sealed_old_secret, w.old_secret_until_us,
  o.event_id, o.type, o.seq, o.subject, o.payload, o.occurred_at_us
FROM webhook_delivery d JOIN webhook w ON w.pk = d.webhook_pk JOIN outbox_event o ON o.seq = d.seq
"""


def load_due(uow: UnitOfWork, *, busy: tuple[int, ...], limit: int) -> list[tuple[int, int, int]]:
    """What may go now, oldest first, as (delivery, webhook, failures in a row); nothing of webhooks in `busy`."""
    others = f"AND d.webhook_pk NOT IN ({marks(busy)})" if busy else ""
    sql = f"{_DUE} {others} ORDER BY d.seq LIMIT ?"
    rows = uow.driver_query(sql, (uow.now_us, uow.now_us, uow.now_us, *busy, limit))
    return [(row[0], row[1], row[2]) for row in rows]


def claim(uow: UnitOfWork, pks: tuple[int, ...], *, until_us: int) -> None:
    """Nobody else takes these before `until_us`."""
    sql = f"UPDATE webhook_delivery SET claimed_until_us = ? WHERE pk IN ({marks(pks)})"  # noqa: S608
    uow.driver_execute(sql, (until_us, *pks))


def load_messages(uow: UnitOfWork, pks: tuple[int, ...]) -> tuple[Message, ...]:
    """What is to be sent, in the order of the outbox."""
    rows = uow.driver_query(f"{_MESSAGES} WHERE d.pk IN ({marks(pks)}) ORDER BY o.seq", pks)
    return tuple(_message(row, uow.now_us) for row in rows)


def _message(row: Any, now_us: int) -> Message:
    pk, webhook_pk, url, private, secret, old, old_until_us, *event = row
    secrets = (bytes(secret), bytes(old)) if old is not None and old_until_us > now_us else (bytes(secret),)
    return Message(pk, webhook_pk, url, bool(private), secrets, event[0], event[1], event[2], *event[3:])
