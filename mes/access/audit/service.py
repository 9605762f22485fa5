"""Verbs of the audit trail."""

from __future__ import annotations

from mes.kernel.uow import UnitOfWork


def begin_chain(uow: UnitOfWork) -> None:
    """The first event of a chain: the writer links it, and whoever writes after it goes on with the chain."""
    uow.emit("access.audit-chain-begun.v1", topics=(), subject="audit-chain", payload={})
