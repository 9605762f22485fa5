"""The part of a plant's schema that the live push needs."""

from __future__ import annotations

from mes.access.tables import ApiToken, DeviceLock, KnownDevice, PinCredential, Principal, SignInSession
from mes.kernel.db import Database
from mes.kernel.tables import ActOrigin, ConsumerCursor, IdempotencyKey, OutboxEvent, metadata
from mes.kernel.uow import UnitOfWork

_TABLES = (
    *(OutboxEvent, ActOrigin, ConsumerCursor, IdempotencyKey),
    *(Principal, ApiToken, PinCredential, DeviceLock, KnownDevice, SignInSession),
)


def create_tables(database: Database) -> None:
    """The kernel's and access's tables."""
    database.write_now(_create, actor=None)


def _create(uow: UnitOfWork) -> None:
    metadata.create_all(uow.connection, tables=[metadata.tables[str(table.__tablename__)] for table in _TABLES])
