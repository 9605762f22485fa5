"""Tools wear out and get dirty by the pieces that pass; a machine that would run another program is refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.access.types import Role
from mes.definitions.service import put_definitions, put_work_masters
from mes.definitions.types import DefinitionSpec, SegmentSpec, WorkMasterSpec
from mes.equipment.errors import EquipmentNotFound
from mes.equipment.types import PutOutcome
from mes.genealogy.at_station.queries import find_place_of_tool
from mes.genealogy.may_i.errors import ProgramMissing, UnitRefused
from mes.genealogy.may_i.queries import get_permission
from mes.genealogy.may_i.service import let_program, report_step
from mes.genealogy.may_i.types import Why
from mes.genealogy.queries import get_as_built, get_recall
from mes.genealogy.service import record_genealogy, record_pass
from mes.genealogy.tools.errors import ToolInvalid, ToolNotClean, ToolNotFound, ToolNotMounted, ToolWornOut
from mes.genealogy.tools.queries import get_tool, list_tool_acts, list_tools, list_tools_at
from mes.genealogy.tools.rules import stays_of
from mes.genealogy.tools.service import clean_tool, mount_tool, prolong_tool, put_tool, unmount_tool
from mes.genealogy.tools.types import Spent, ToolAct, ToolSpec
from mes.genealogy.types import Context, NewLot, Recording, Suspects
from mes.kernel.db import Database
from mes.kernel.errors import IdempotencyKeyReused, VersionConflict
from mes.kernel.outbox import list_events
from mes.kernel.sqltypes import to_us
from mes.orders.errors import ReasonMissing
from mes.orders.service import submit_operations_request
from mes.quality.queries import get_unit_results
from mes.quality.types import Verdict
from tests.conftest import SettableClock
from tests.support.plants import BENCH, PRESS
from tests.web.cast import as_, hire_cast

STENCIL = ToolSpec("ST-1", "stencil", life_cycles=5, clean_cycles=3)
NUMBERS = iter(range(10**9))


def do(plant: Database, verb: Any, **more: Any) -> Any:
    return plant.write_now(verb, actor=None, **{"tool_id": "ST-1", "request_id": f"tool-{next(NUMBERS)}", **more})


@pytest.fixture
def stencil(plant: Database) -> Database:
    """ST-1 stands at the bench, where PO-3 is printed with revision 7 of the program P1."""
    plant.write_now(put_tool, actor=None, spec=STENCIL)
    recipe = WorkMasterSpec("WM-B", parameters={"program": "P1", "program_revision": "6"})
    plant.write_now(put_work_masters, actor=None, specs=[recipe])
    step = SegmentSpec("PRINT", "WM-B", BENCH, parameters={"program_revision": "7"})
    plant.write_now(put_definitions, actor=None, specs=[DefinitionSpec("PRINTED", "BOARD", (step,))])
    order = {"id": "PO-3", "quantity": Decimal(5), "operations_definition_id": "PRINTED"}
    plant.write_now(submit_operations_request, actor=None, **order)
    unit = Recording(lots=[NewLot("U9", "BOARD", job_id="PO-3-PRINT")])
    plant.write_now(record_genealogy, actor=None, recording=unit)
    do(plant, mount_tool, equipment_id=BENCH)
    return plant


def passes(plant: Database, count: int, place: str = BENCH) -> None:
    for _ in range(count):
        n = next(NUMBERS)
        passed = {"lot_id": f"P{n}", "equipment_id": place, "material_id": "BOARD"}
        plant.write_now(record_pass, actor=None, request_id=f"pass-{n}", **passed)


def tool(plant: Database) -> tuple[int, int, str, Spent | None]:
    found = plant.read_now(get_tool, tool_id="ST-1", now=plant.clock())
    return found.cycles, found.cycles_since_clean, found.equipment_id, found.spent


def ask(plant: Database, **more: Any) -> tuple[str, str]:
    asked = {"unit_id": "U9", "equipment_id": BENCH, "now_us": to_us(plant.clock()), **more}
    found = plant.read_now(get_permission, **asked)
    return found.why or "", found.other


def test_pieces_that_pass_where_it_stands_are_its_cycles(stencil: Database) -> None:
    passes(stencil, 2)
    passes(stencil, 1, PRESS)
    assert tool(stencil) == (2, 2, BENCH, None)
    for verb in (unmount_tool, clean_tool):
        with pytest.raises(ToolNotMounted):
            do(stencil, verb, equipment_id=PRESS)
    where = {"tool_id": STENCIL.tool_id, "request_id": "out-00001"}
    assert stencil.read_now(find_place_of_tool, **where) == BENCH
    do(stencil, unmount_tool, equipment_id=BENCH, request_id="out-00001")
    assert stencil.read_now(find_place_of_tool, **where) == BENCH
    assert stencil.read_now(find_place_of_tool, tool_id=STENCIL.tool_id, request_id="new-00001") == ""
    passes(stencil, 1)
    assert tool(stencil) == (2, 2, "", None)


def lives(plant: Database) -> list[tuple[str, int | None, bool]]:
    found = plant.read_now(get_tool, tool_id="ST-1", now=plant.clock())
    return [(life.why or "", life.cycles_left, life.over) for life in found.lives]


def test_what_is_left_of_a_tool_is_told(stencil: Database) -> None:
    passes(stencil, 2)
    assert lives(stencil) == [("tool-worn-out", 3, False), ("tool-not-clean", 1, False)]
    passes(stencil, 1)
    assert lives(stencil) == [("tool-worn-out", 2, False), ("tool-not-clean", 0, True)]
    do(stencil, prolong_tool, cycles=4, reason="the order has to go out")
    assert lives(stencil) == [("", 4, False)]
    stencil.write_now(put_tool, actor=None, spec=ToolSpec("ANY"))
    (any_tool,) = stencil.read_now(list_tools, now=stencil.clock(), limit=1).items
    assert (any_tool.spec.tool_id, any_tool.lives) == ("ANY", ())
    assert [one.spec.tool_id for one in stencil.read_now(list_tools_at, equipment_id=BENCH, now=stencil.clock())] == [
        "ST-1"
    ]


def test_what_passed_where_a_tool_stood_was_made_with_it(stencil: Database, clock: SettableClock) -> None:
    def passed(lot_id: str, place: str, **more: Any) -> None:
        asked = {"lot_id": lot_id, "equipment_id": place, "material_id": "BOARD", "request_id": lot_id, **more}
        stencil.write_now(record_pass, actor=None, **asked)
        clock.advance(seconds=1)

    passed("SN-1", BENCH)
    passed("SN-2", PRESS)
    passed("SN-3", BENCH, context=Context(tool="OTHER"))
    do(stencil, mount_tool, equipment_id=PRESS)
    passed("SN-4", BENCH)
    passed("SN-5", PRESS)
    do(stencil, unmount_tool)
    passed("SN-6", PRESS)
    answer = stencil.read_now(get_recall, suspects=Suspects(tool="ST-1"))
    found = {lot for row in answer.tables["affected"].rows for lot in orjson.loads(orjson.dumps(row[-1]))}
    assert found == {"SN-1", "SN-3", "SN-5"}
    there = stencil.read_now(get_recall, suspects=Suspects(tool="ST-1", equipment_id=PRESS))
    assert there.facts["certain"] == 1
    built = {
        name: stencil.read_now(get_as_built, lot_id=name).tables["acts"].rows[-1][9]
        for name in ("SN-1", "SN-3", "SN-4")
    }
    assert built == {"SN-1": "ST-1", "SN-3": "OTHER", "SN-4": ""}


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(ToolAct), st.sampled_from([1, 2])), max_size=12))
def test_a_tool_stands_at_one_place_at_a_time(told: list[tuple[str, ToolAct, int]]) -> None:
    acts = [(tool_id, at, act, place) for at, (tool_id, act, place) in enumerate(told)]
    stays = list(stays_of(acts))
    for tool_id in "AB":
        mine = sorted(stay for stay in stays if stay.tool_id == tool_id)
        times = sorted((stay.from_us, stay.to_us) for stay in mine)
        assert all(before[1] <= after[0] for before, after in pairwise(times))
        assert len(mine) == sum(act is ToolAct.mounted for name, _, act, _ in acts if name == tool_id)


def test_a_dirty_tool_is_refused_until_it_was_cleaned(stencil: Database) -> None:
    passes(stencil, 3)
    assert tool(stencil)[3] is Spent.not_clean
    with pytest.raises(ToolNotClean):
        do(stencil, mount_tool, equipment_id=PRESS)
    do(stencil, clean_tool)
    assert tool(stencil) == (3, 0, BENCH, None)
    do(stencil, mount_tool, equipment_id=PRESS)
    assert tool(stencil)[2] == PRESS


def test_a_worn_tool_goes_on_only_as_long_as_a_supervisor_says(stencil: Database) -> None:
    passes(stencil, 3)
    do(stencil, clean_tool)
    passes(stencil, 2)
    with pytest.raises(ToolWornOut):
        do(stencil, mount_tool, equipment_id=PRESS)
    with pytest.raises(ReasonMissing):
        do(stencil, prolong_tool, cycles=1, reason=" ")
    do(stencil, prolong_tool, cycles=2, reason="last order of this board")
    do(stencil, mount_tool, equipment_id=BENCH)
    passes(stencil, 2)
    assert tool(stencil)[3] is Spent.worn_out
    acts = stencil.read_now(list_tool_acts, tool_id="ST-1")
    assert [act.act for act in acts] == ["mounted", "prolonged", "cleaned", "mounted"]
    assert (acts[1].cycles, acts[1].reason) == (7, "last order of this board")


def test_days_and_hours_count_from_the_first_use(stencil: Database, clock: SettableClock) -> None:
    aging = replace(STENCIL, life_cycles=None, clean_cycles=None, life_days=2, clean_hours=8)
    stencil.write_now(put_tool, actor=None, spec=aging)
    clock.advance(seconds=9 * 3600)
    assert tool(stencil)[3] is None
    passes(stencil, 1)
    clock.advance(seconds=8 * 3600)
    assert tool(stencil)[3] is Spent.not_clean
    do(stencil, clean_tool)
    assert tool(stencil)[3] is None
    clock.advance(seconds=40 * 3600)
    assert tool(stencil)[3] is Spent.worn_out


class TestMayI:
    def test_nobody_works_with_a_spent_tool(self, stencil: Database) -> None:
        assert ask(stencil) == ("", "")
        passes(stencil, 3)
        assert ask(stencil) == (Why.tool_dirty, "ST-1")
        do(stencil, clean_tool)
        assert ask(stencil) == ("", "")
        passes(stencil, 2)
        assert ask(stencil) == (Why.tool_worn, "ST-1")

    @pytest.mark.parametrize(
        ("told", "answer"),
        [
            ({}, ("", "")),
            ({"program": "P1", "program_revision": "7"}, ("", "")),
            ({"program_revision": "8"}, ("program-differs", "P1 7")),
            ({"program": "P2", "program_revision": "7"}, ("program-differs", "P1 7")),
        ],
    )
    def test_the_machine_has_to_run_what_the_step_expects(
        self, stencil: Database, told: dict[str, str], answer: tuple[str, str]
    ) -> None:
        assert ask(stencil, **told) == answer


def test_a_supervisor_lets_a_job_be_made_with_another_program_and_each_verdict_says_so(stencil: Database) -> None:
    told = {"program": "P1", "program_revision": "8"}
    report = {"unit_id": "U9", "equipment_id": BENCH, "verdict": Verdict.passed}
    with pytest.raises(UnitRefused, match="program-differs"):
        stencil.write_now(report_step, actor=None, **report, **told, request_id="step-1")
    let = {"job_id": "PO-3-PRINT", **told, "reason": "8 only mends a comment", "request_id": "let-1"}
    for _ in range(2):
        stencil.write_now(let_program, actor=None, **let)
    assert ask(stencil, **told) == ("", "P1 7")
    assert ask(stencil, program="P1", program_revision="9") == ("program-differs", "P1 7")
    stencil.write_now(report_step, actor=None, **report, **told, request_id="step-1")
    (view,) = stencil.read_now(get_unit_results, unit_id="U9")
    assert (view.flag, view.program, view.program_revision) == ("program-differs", "P1", "8")
    (event,) = (e for e in stencil.read_now(list_events, after=0) if e.type == "genealogy.program-overridden.v1")
    assert (event.payload["wanted"], event.payload["reason"]) == ("P1 7", "8 only mends a comment")
    for wrong, refusal in (({"reason": " "}, ReasonMissing), ({"program_revision": "9"}, IdempotencyKeyReused)):
        with pytest.raises(refusal):
            stencil.write_now(let_program, actor=None, **{**let, **wrong})
    asked = {"job_id": "PO-3-PRINT", "reason": "any", "request_id": "let-2"}
    with pytest.raises(ProgramMissing):
        stencil.write_now(let_program, actor=None, **asked)


def test_what_cannot_be_is_refused_and_a_repeated_act_is_done_once(stencil: Database) -> None:
    for limits in ({"life_cycles": 0}, {"life_days": 36_501}, {"clean_hours": -1}):
        with pytest.raises(ToolInvalid):
            stencil.write_now(put_tool, actor=None, spec=replace(STENCIL, **limits))
    with pytest.raises(ToolNotFound):
        do(stencil, mount_tool, tool_id="ST-2", equipment_id=BENCH)
    with pytest.raises(EquipmentNotFound):
        do(stencil, mount_tool, equipment_id="NOWHERE")
    assert stencil.write_now(put_tool, actor=None, spec=STENCIL) is PutOutcome.Unchanged
    with pytest.raises(VersionConflict):
        stencil.write_now(put_tool, actor=None, spec=STENCIL, version=0)
    for _ in range(2):
        do(stencil, unmount_tool, request_id="unmount-1")
    with pytest.raises(ToolNotMounted):
        do(stencil, unmount_tool)
    with pytest.raises(IdempotencyKeyReused):
        do(stencil, clean_tool, request_id="unmount-1")


async def test_over_http(http: httpx.AsyncClient, stencil: Database) -> None:
    cast = hire_cast(stencil)
    eve, ada, sven = (as_(cast[role]) for role in (Role.engineer, Role.operator, Role.supervisor))
    url = "/api/v1/tools/NOZZLE-4"
    made = await http.put(url, json={"kind": "nozzle", "life_cycles": 10, "version": 0}, headers=eve)
    assert (made.status_code, made.json()["spent"], made.json()["version"]) == (200, "", 1)
    mount = {"act": "mounted", "equipment_id": BENCH, "request_id": "request-1"}
    assert (await http.post(f"{url}/acts", json=mount, headers=ada)).status_code == 204
    passes(stencil, 10)
    assert (await http.get(url, headers=ada)).json()["spent"] == "tool-worn-out"
    again = await http.post(f"{url}/acts", json={**mount, "request_id": "request-2"}, headers=ada)
    assert (again.status_code, again.json()["code"]) == (409, "tool-worn-out")
    more = {"cycles": 5, "reason": "no other here", "request_id": "request-3"}
    assert (await http.post(f"{url}/prolong", json=more, headers=ada)).status_code == 403
    assert (await http.post(f"{url}/prolong", json=more, headers=sven)).status_code == 204
    assert [act["act"] for act in (await http.get(f"{url}/acts", headers=ada)).json()["items"]] == [
        "prolonged",
        "mounted",
    ]
    assert [one["id"] for one in (await http.get("/api/v1/tools", headers=ada)).json()["items"]] == ["NOZZLE-4", "ST-1"]
