"""Roles at places: what counts where (role × act × place: the table of docs/operate/access.md), kept, enforced."""

from __future__ import annotations

from typing import Final

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.access.errors import PermissionMissing, PlacedRolesInvalid
from mes.access.permissions import (
    AT_PLACES,
    LOOKING,
    PLACEABLE,
    ROLE_PERMISSIONS,
    Permission,
    permissions_at,
    placed_of,
    placed_text,
)
from mes.access.queries import find_session, get_principal, list_vouchers
from mes.access.service import create_principal, open_session, set_placed_roles
from mes.access.sign_in import device_at, set_pin_now, vouch_with_pin
from mes.access.types import PlacedRole, Role
from mes.kernel.db import Database
from mes.orders.queries import list_paths
from tests.support.plants import BENCH, CELL, LINE
from tests.web.cast import as_, hire

P = Permission
LINE_2: Final = "LINE-2"
PLACES: Final = {
    "above it": ("SITE",),
    "there": ("SITE", "AREA", LINE_2),
    "below it": ("SITE", "AREA", LINE_2, "CELL"),
    "elsewhere": ("SITE", "AREA", "LINE-3"),
    "no place": (),
}
NOWHERE: Final = frozenset[str]()
EVERYWHERE: Final = frozenset(PLACES)
THERE: Final = frozenset({"there", "below it"})
TABLE: Final = [
    (Role.operator, None, P.operate, EVERYWHERE),
    (Role.operator, None, P.release_jobs, NOWHERE),
    (Role.operator, Role.supervisor, P.operate, EVERYWHERE),
    (Role.operator, Role.supervisor, P.release_jobs, THERE),
    (Role.operator, Role.supervisor, P.override_refusals, THERE),
    (Role.operator, Role.supervisor, P.decide_quality, THERE),
    (Role.operator, Role.supervisor, P.connect_machines, NOWHERE),
    (Role.operator, Role.operator, P.operate, THERE),
    (Role.operator, Role.operator, P.report_results, THERE),
    (Role.operator, Role.operator, P.view_floor, EVERYWHERE),
    (Role.supervisor, Role.supervisor, P.release_jobs, THERE),
    (Role.supervisor, Role.supervisor, P.operate, THERE),
    (Role.supervisor, Role.supervisor, P.read_performance, EVERYWHERE),
    (Role.supervisor, Role.operator, P.release_jobs, EVERYWHERE),
    (Role.engineer, Role.engineer, P.decide_quality, THERE),
    (Role.engineer, Role.engineer, P.manage_master_data, NOWHERE),
    (Role.engineer, Role.supervisor, P.manage_master_data, EVERYWHERE),
    (Role.administrator, Role.supervisor, P.manage_access, EVERYWHERE),
]
"""Role, role at LINE-2, what for → where it counts."""


@pytest.mark.parametrize(("role", "at_line_2", "permission", "expected"), TABLE)
def test_where_a_role_counts(
    role: Role, at_line_2: Role | None, permission: Permission, expected: frozenset[str]
) -> None:
    placed = () if at_line_2 is None else (PlacedRole(LINE_2, at_line_2),)
    counts = {name for name, path in PLACES.items() if permission in permissions_at(role, placed, path)}
    assert counts == expected


placed_roles = st.lists(st.builds(PlacedRole, st.sampled_from("ABC"), st.sampled_from(sorted(PLACEABLE))), max_size=5)


@given(st.sampled_from(Role), placed_roles, st.sets(st.sampled_from("ABCD")))
def test_a_place_never_gives_what_no_role_of_theirs_has(role: Role, placed: list[PlacedRole], path: set[str]) -> None:
    may = permissions_at(role, placed, path)
    assert may <= ROLE_PERMISSIONS[role].union(*(ROLE_PERMISSIONS[one.role] & AT_PLACES for one in placed))
    assert may >= ROLE_PERMISSIONS[role] & LOOKING
    assert permissions_at(role, (), path) == ROLE_PERMISSIONS[role]
    assert may <= permissions_at(role, placed, path | {"A", "B", "C"})
    assert set(placed_of(placed_text(set(placed)))) == set(placed)


def place(database: Database, principal_id: str, *placed: PlacedRole) -> None:
    database.write_now(set_placed_roles, actor=None, principal_id=principal_id, placed=placed)


async def test_roles_at_places_are_kept_and_bind_whoever_vouches(plant: Database) -> None:
    plant.write_now(create_principal, actor=None, principal_id="ada", role=Role.operator, display_name="Ada")
    plant.write_now(create_principal, actor=None, principal_id="box", role=Role.bridge, display_name="Box")
    set_pin_now(plant, actor=None, principal_id="ada", pin="4711")
    plant.write_now(open_session, actor=None, principal_id="ada", session_sha256=b"k" * 32)
    assert "ada" not in [one.principal_id for one in plant.read_now(list_vouchers, permission=P.override_refusals)]
    place(plant, "ada", PlacedRole(LINE, Role.supervisor))
    stored = plant.read_now(find_session, token_sha256=b"k" * 32)
    assert stored is not None
    assert (stored.placed, stored.ended_at_us is not None) == ((PlacedRole(LINE, Role.supervisor),), True)
    assert "ada" in [one.principal_id for one in plant.read_now(list_vouchers, permission=P.override_refusals)]
    for equipment_id, may in ((CELL, True), (BENCH, False)):
        path = plant.read_now(list_paths, job_ids=(), equipment_ids=(equipment_id,))[equipment_id]
        said = vouch_with_pin(
            plant, principal_id="ada", pin="4711", device=device_at("d"), permission=P.override_refusals, path=path
        )
        if may:
            assert (await said).principal_id == "ada"
        else:
            with pytest.raises(PermissionMissing):
                await said
    for wrong in (
        [PlacedRole(LINE, Role.administrator)],
        [PlacedRole("a b", Role.operator)],
        [PlacedRole(f"P{n}", Role.operator) for n in range(51)],
    ):
        with pytest.raises(PlacedRolesInvalid):
            place(plant, "ada", *wrong)
    with pytest.raises(PlacedRolesInvalid):
        place(plant, "box", PlacedRole(LINE, Role.operator))
    place(plant, "ada")
    found = plant.read_now(get_principal, principal_id="ada")
    assert found is not None
    assert found.placed == ()


def test_a_path_is_a_place_and_all_above_it(plant: Database) -> None:
    found = plant.read_now(list_paths, job_ids=("no-job",), equipment_ids=(CELL, BENCH, "nowhere"))
    assert found.keys() == {CELL, BENCH}
    assert found[CELL] == {CELL, LINE, "HALL", "SITE", "ENT"}
    assert LINE not in found[BENCH]


async def test_the_door_asks_at_the_place_of_what_is_done(http: httpx.AsyncClient, plant: Database) -> None:
    erp, sven = hire(plant, "erp", Role.integration), hire(plant, "sven", Role.operator)
    order = {"id": "PO-1", "material_id": "BOARD", "quantity": "50", "due_at": "2026-03-03T08:00:00Z"}
    assert (await http.post("/api/v1/operations-requests", json=order, headers=as_(erp))).status_code == 201
    adam = hire(plant, "adam", Role.administrator)
    placed = {"placed_roles": [{"equipment_id": LINE, "role": "supervisor"}], "version": 1}
    given = await http.patch("/api/v1/principals/sven", json=placed, headers=as_(adam))
    assert given.json()["placed_roles"] == placed["placed_roles"], given.text

    async def release(*jobs: str, by: str = "release") -> tuple[int, str]:
        body = {"versions": {f"PO-1-{job}": 1 if by == "release" else 2 for job in jobs}}
        answer = await http.post(f"/api/v1/job-orders/{by}", json=body, headers=as_(sven))
        return answer.status_code, answer.json()["detail"] if answer.content else ""

    refused = (403, "release-jobs is needed at PRESS; sven is operator.")
    assert await release("PRESS") == refused
    assert await release("LINE", "PRESS") == refused
    assert (await release("NONE"))[0] == 403
    assert await release("LINE") == (204, "")
    assert await release("LINE", by="revoke-release") == (204, "")
    change = {"operations_request_id": "PO-1", "reason": "x", "revision": 1, "priority": 80}
    assert (await http.post("/api/v1/operations-requests/change", json=change, headers=as_(sven))).status_code == 403
    assert (await http.get("/api/v1/equipment", headers=as_(sven))).status_code == 200
    held = {"job_id": "PO-1-PRESS", "version": 1, "reason": "x"}
    assert (await http.post("/api/v1/job-orders/hold", json=held, headers=as_(sven))).status_code == 403
