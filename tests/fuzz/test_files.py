"""Files of others, damaged: each is read, or refused as its reader refuses; nothing else ever comes of one."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mes.exchange.history_files import Unreadable as HistoryUnreadable
from mes.exchange.history_files.reading import read_rows
from mes.exchange.plant_file import KnownPlant, PlantFileInvalid, check_plant_file
from mes.exchange.result_files.reading import Unreadable as ResultsUnreadable
from mes.exchange.result_files.reading import read_results
from opcua_bridge.tag_map import MapError, TagMapRefused, parse_tag_map
from tests.fuzz.damage import damaged, damaged_bytes
from tests.mes.exchange.test_plant_file import RICH

TAG_MAP: Final = """\
[namespaces]
sim = "urn:lineside:simulator"
[[endpoint]]
name = "simulator"
url = "opc.tcp://127.0.0.1:48400/lineside/"
security = "none"
publishing_interval_ms = 100
keep_alive_s = 1.0
events = [{ tag = "{source}.Alarm", node = "i=2253", active = "sim;Active" }]
job_target = [
  { equipment = "SMT-1", driver = "plain-tags", prefix = "sim;s=SMT-1" },
  { equipment = "TEST-1", driver = "isa95-job-control", receiver = "sim;s=T.Control", responses = "sim;s=T.Results" },
]
ask = [{ equipment = "TEST-1", prefix = "sim;s=TEST-1.MayI" }]
tag = [
  { tag = "SMT-1.State", node = "sim;s=SMT-1.State", class = "state" },
  { tag = "SMT-1.Good", node = "nsu=urn:x;s=SMT-1.Good", class = "counter" },
]
"""
AT: Final = "2026-03-02T08:00:00Z"
RESULTS: Final = f"""\
result_id,unit_id,equipment_id,verdict,at,defect_code,position,test,value,low,high
R1,SN-1,BENCH,failed,{AT},BRIDGED,R7,,,,
R2,SN-2,BENCH,passed,{AT},,,Voltage,5.01,4.9,5.1
"""
RESULTS_JSON: Final = json.dumps(
    [{"result_id": "R1", "unit_id": "SN-1", "equipment_id": "BENCH", "verdict": "passed", "at": AT, "measurements": []}]
)
HISTORY: Final = f"""\
row,lot_id,material_id,quantity,kind,parent_id,child_id,at,equipment_id,sequence,parameters
lot,L-1,BOARD,5,lot,,,,,,
pass,SN-1,,,,,,{AT},PRESS,7,"{{""t"": 1}}"
link,,,1,consumed,L-1,SN-1,{AT},,,
"""
HISTORY_JSON: Final = "\n".join(
    json.dumps(row)
    for row in (
        {"row": "lot", "lot_id": "L-1", "material_id": "BOARD", "quantity": 5, "kind": "lot"},
        {"row": "link", "parent_id": "L-1", "child_id": "SN-1", "at": AT, "kind": "consumed"},
    )
)


@given(damaged(TAG_MAP))
def test_a_tag_map_is_sound_or_every_fault_is_named(text: str) -> None:
    errors: list[MapError] | None = None
    try:
        parse_tag_map(text)
    except TagMapRefused as refused:
        errors = refused.errors
    assert errors is None or (errors and all(e.code and 0 <= e.line <= text.count("\n") + 1 for e in errors))


@given(damaged(RICH))
def test_a_plant_file_is_sound_or_every_fault_has_a_line(text: str) -> None:
    for known in (None, KnownPlant()):
        lines = [1]
        try:
            check_plant_file(text, filename="p.yaml", known=known)
        except PlantFileInvalid as invalid:
            lines = [int(error.where.rpartition(":")[2]) for error in invalid.errors]
        assert lines == sorted(lines)
        assert lines[0] >= 1


@given(damaged_bytes(RICH.encode()))
def test_bytes_of_a_plant_file_are_text_or_refused(data: bytes) -> None:
    with suppress(PlantFileInvalid):
        check_plant_file(data, filename="p.yaml", known=KnownPlant())


@given(st.one_of(*(damaged(text).map(str.encode) | damaged_bytes(text.encode()) for text in (RESULTS, RESULTS_JSON))))
def test_a_file_of_results_is_lines_and_refused_lines(data: bytes) -> None:
    for name in ("r.csv", "r.json"):
        with suppress(ResultsUnreadable):
            found = read_results(data, filename=name, source="ICT")
            numbers = [*(line.number for line in found.lines), *(row.line for row in found.refused)]
            assert all(number >= 1 for number in numbers)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(*(damaged(text).map(str.encode) | damaged_bytes(text.encode()) for text in (HISTORY, HISTORY_JSON))))
def test_a_file_of_history_is_facts_and_faults_in_order(tmp_path: Path, data: bytes) -> None:
    for name in ("h.csv", "h.jsonl"):
        path = tmp_path / name
        path.write_bytes(data)
        lines = []
        with suppress(HistoryUnreadable):
            for row in read_rows(path):
                assert (row.fact is None) is (row.fault is not None)
                lines.append(row.line)
        assert lines == sorted(lines)
