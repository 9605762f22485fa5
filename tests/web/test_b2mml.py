"""The example of docs/standards/b2mml.md, done with curl against the server as it is put together."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mes.access.types import Role
from mes.definitions.service import put_definitions
from mes.definitions.types import DefinitionSpec, SegmentSpec
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from mes.orders.queries import get_operations_request
from standards.isa95.b2mml import read_document
from standards.isa95.b2mml.source import BYTES_MAX
from tests.support.plants import BENCH
from tests.web.cast import hire
from tests.web.site import Site

PAGE = Path(__file__).parents[2] / "docs" / "standards" / "b2mml.md"


@dataclass(frozen=True)
class Door:
    site: Site
    token: str


@pytest.fixture(scope="module")
def door(site: Site) -> Door:
    database = site.database
    database.write_now(put_materials, actor=None, specs=[MaterialSpec("CB-100", "pcs")])
    steps = (SegmentSpec("PACK", "WM-BENCH", BENCH),)
    database.write_now(put_definitions, actor=None, specs=[DefinitionSpec("CB-100-ROUTE", "CB-100", steps)])
    return Door(site, hire(database, "iris", Role.integration).token)


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_example_of_the_docs_works(door: Door, tmp_path: Path) -> None:
    (tmp_path / "order.xml").write_text(block("xml"), "utf-8")
    environment = {**os.environ, "LINESIDE": door.site.address, "TOKEN": door.token}
    codes = []
    for _ in range(2):
        done = subprocess.run(["sh", "-c", block("sh")], cwd=tmp_path, env=environment, capture_output=True, check=True)
        answer = read_document(done.stdout)
        assert answer.root == "AcknowledgeOperationsSchedule"
        codes += [c.value("ChangeStatus", "Code") for c in answer.verb.all("ResponseCriteria")]
    assert codes == ["created", "unchanged"]
    database = door.site.database
    order = database.read_now(get_operations_request, operations_request_id="PO-2001", now=database.clock())
    assert (order.material_id, order.quantity, order.priority) == ("CB-100", 50, 60)


def test_a_body_over_the_limit_is_refused_before_it_is_read(door: Door) -> None:
    headers = {"content-type": "application/xml", "authorization": f"Bearer {door.token}"}
    answer = httpx.post(f"{door.site.address}/b2mml", content=b" " * (BYTES_MAX + 1), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


def test_a_signed_in_browser_cannot_use_it(door: Door) -> None:
    """Only a bearer token counts, so a page of another site has nothing to borrow."""
    with door.site.client("MIA") as browser:
        answer = browser.post("/b2mml", content=b"<a/>", headers={"content-type": "application/xml"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
