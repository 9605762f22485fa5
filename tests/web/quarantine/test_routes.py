"""Readings that nobody could place, on screen: what, why, what to do; in both languages."""

from __future__ import annotations

import re

import pytest

from mes.edge.service import put_bridge, put_tag_bindings
from mes.edge.types import TagBindingSpec
from mes.genealogy.service import record_genealogy
from mes.genealogy.types import NewLot, Recording
from mes.ingest.service import receive_batch
from mes.kernel.sqltypes import to_us
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from standards.lineside.ingest_v1 import Batch, Sample
from tests.web.lots.test_routes import said
from tests.web.site import Site


@pytest.fixture(scope="module", autouse=True)
def readings(site: Site) -> None:
    """Two serials that nobody knew when they were read."""
    at_us = to_us(site.database.clock())
    tag = TagBindingSpec("READER", "identity", "PRESS", what="unit")
    site.database.write_now(put_bridge, actor=None, bridge_id="EDGE-Q")
    site.database.write_now(put_tag_bindings, actor=None, bridge_id="EDGE-Q", bindings=[tag])
    items = [Sample("READER", serial, at_us + n, at_us + n) for n, serial in enumerate(("SN-1", "SN-2"))]
    site.database.write_now(receive_batch, actor=None, bridge_id="EDGE-Q", batch=Batch("j", 1, items))
    site.database.write_now(put_materials, actor=None, specs=[MaterialSpec("Q-BOARD", "pcs")])
    site.database.write_now(record_genealogy, actor=None, recording=Recording([NewLot("SN-1", "Q-BOARD")]))


def test_a_reading_is_tried_again_or_set_aside(site: Site) -> None:
    with site.client("SVEN") as sven:
        page = sven.get("/quarantine")
        text = said(page)
        assert "SN-1 PRESS – READER" in text
        assert "Nobody has recorded this serial" in text
        second, first = re.findall(r'action="(/quarantine/\d+)/retry"', page.text)
        assert sven.post(f"{second}/retry", data={}).status_code == 409
        assert sven.post(f"{first}/retry", data={}).status_code == 303
        assert sven.post(f"{second}/set-aside", data={"reason": ""}).status_code == 422
        assert sven.post(f"{second}/set-aside", data={"reason": "misread"}).status_code == 303
        assert sven.post(f"{second}/set-aside", data={"reason": "misread"}).status_code == 409
        assert "Every reading has found its place" in said(sven.get("/quarantine"))
