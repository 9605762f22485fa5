"""REST documents of the audit trail."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mes.access.audit.types import Act


class AuditedActOut(BaseModel):
    """One act. `changes`: documents and columns with before and after; `link`: of the chain of hashes, if there is one.

    `principal_id` null: Lineside itself, or somebody at a prompt, whom `place` names. `address` null: erased, or none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seq: int
    event_id: str
    type: str
    subject: str
    recorded_at: AwareDatetime
    occurred_at: AwareDatetime
    principal_id: str | None
    display_name: str | None
    credential: str
    place: str
    address: str | None
    correlation_id: str
    data: dict[str, Any]
    changes: dict[str, Any]
    link: str | None

    @classmethod
    def of(cls, act: Act) -> AuditedActOut:
        return cls(
            seq=act.seq,
            event_id=act.event_id,
            type=act.type,
            subject=act.subject,
            recorded_at=act.recorded_at,
            occurred_at=act.occurred_at,
            principal_id=act.principal_id,
            display_name=act.display_name,
            credential=act.credential,
            place=act.place,
            address=act.address,
            correlation_id=act.correlation_id,
            data=dict(act.data),
            changes=dict(act.changes),
            link=None if act.link is None else act.link.hex(),
        )
