"""What the plant wants done where Lineside leaves it the choice."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import select

from mes.equipment.queries import POLICY_ID, get_plant_policy
from mes.equipment.tables import PlantPolicyRow
from mes.equipment.types import PlantPolicy, PutOutcome
from mes.kernel.errors import VersionConflict
from mes.kernel.uow import UnitOfWork


def put_plant_policy(uow: UnitOfWork, *, policy: PlantPolicy, version: int | None = None) -> PutOutcome:
    """Put a policy in force. `version`: the one the caller saw (0: none yet), None to not mind. `version-conflict`."""
    present = get_plant_policy(uow.session)
    if version is not None and version != present.version:
        raise VersionConflict(f"It is at version {present.version}, not {version}.")
    if present.version and replace(policy, version=present.version) == present:
        return PutOutcome.Unchanged
    row = uow.session.exec(select(PlantPolicyRow).where(PlantPolicyRow.id == POLICY_ID)).first()
    if row is None:
        row = PlantPolicyRow(id=POLICY_ID, when_away="", first_article_for="")
        uow.session.add(row)
    row.when_away, row.first_article_for = policy.when_away.value, policy.first_article_for.value
    uow.flush()
    uow.emit(
        "equipment.plant-policy-put.v1",
        topics=["board"],
        subject="plant-policy",
        payload={"when_away": row.when_away, "first_article_for": row.first_article_for},
    )
    return PutOutcome.Updated if present.version else PutOutcome.Created
