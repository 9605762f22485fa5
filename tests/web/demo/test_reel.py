"""The demo's bad reel: it is what the failed boards share, and others of it are with customers."""

from __future__ import annotations

import time

from mes.access.types import Role
from mes.genealogy.finding import list_alike
from mes.genealogy.queries import get_as_built, get_recall, list_shared
from mes.genealogy.types import Suspects
from mes.ingest.service import receive_batch
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from mes.materials.queries import find_lot_hold
from mes.materials.service import hold_lots
from standards.lineside.ingest_v1 import Batch, Sample
from web.demo.history import principal_pk
from web.demo.prepare import _first, load_once
from web.demo.reel import BAD, CUSTOMERS, FAILED, OVEN, QUESTION, REELS, plant_bad_reel, serial

PLANTED_WITHIN_S = 3.0


def test_the_recall_of_the_demo_can_be_told(database: Database) -> None:
    plant = load_once(database)
    operator = principal_pk(database, _first(database, Role.operator))
    began = time.monotonic()
    database.write_now(plant_bad_reel, actor=None, at=database.clock(), operator_pk=operator)
    assert time.monotonic() - began < PLANTED_WITHIN_S

    good = database.read_now(list_alike, failed_ids=FAILED)
    first = database.read_now(list_shared, failed_ids=FAILED, good_ids=good).tables["shared"].rows[0]
    bad = f"{next(name for material, name, *_ in REELS if material == BAD[0])}{BAD[1] + 1:02}"
    assert first[6] == [f"lot {bad}"]
    assert first[2] == len(FAILED)
    assert 0 < first[4] < 20, "some of the bad reel passed the test"

    recall = database.read_now(get_recall, suspects=Suspects(lot_ids=(bad,)))
    assert {row[1] for row in recall.tables["shipments"].rows} == set(CUSTOMERS)
    assert all(serial in QUESTION for serial in FAILED)
    assert len(QUESTION) < 3_500

    told = Batch("today", 1, [Sample("SMT-1-OVEN.Zone1", 110.0, to_us(database.clock()))])
    database.write_now(receive_batch, actor=None, bridge_id=plant.bridges[0].id, batch=told)
    for board, known in ((60, "part"), (150, "all")):
        built = database.read_now(get_as_built, lot_id=serial(board), now_us=to_us(database.clock()))
        table = built.tables["process_values"]
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        zones = {row["tag"]: row for row in rows if row["equipment_id"] == OVEN}
        assert len(zones) == 8
        assert {row["known"] for row in zones.values()} == {known}
        assert 245 < zones["SMT-1-OVEN.Zone7"]["mean"] < 255

    database.write_now(hold_lots, actor=None, lot_ids=["MCU-2609-03"], reason="recall")
    load_once(database)
    assert database.read_now(find_lot_hold, lot_id="MCU-2609-03"), "--keep goes on with what is on hold"
