"""Recipes on a real server, without JavaScript: made, changed by the next version, put into force for a time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from mes.definitions.queries import WorkMasterView, get_definition, get_work_master
from mes.definitions.service import put_definitions, put_work_masters
from mes.definitions.types import DataType, DefinitionSpec, SegmentSpec, WorkMasterSpec
from mes.orders.following.queries import get_followed
from mes.orders.queries import get_order
from mes.orders.service import submit_operations_request
from tests.support.plants import BENCH
from tests.web.site import Site
from web.routings.recipe_forms import ParameterRow, RecipeForm

ROWS = {
    "was": ["", "", ""],
    "parameter": ["torque", "program", ""],
    "value": ["0,6", "LID-7", ""],
    "data_type": ["decimal", "", ""],
    "unit": ["N·m", "", ""],
    "low": ["0,5", "", ""],
    "high": ["0.9", "", ""],
}


@pytest.fixture
def recipe(site: Site) -> str:
    """A recipe of its own, made on screen."""
    name = f"WM-{uuid4().hex[:8]}"
    with site.client("MIA") as mia:
        made = mia.post("/recipes", data={"recipe_id": name, "description": " Screw lids ", **ROWS})
    assert (made.status_code, made.headers["location"]) == (303, f"/recipes/{name}")
    return name


def seen(site: Site, recipe: str, label: str | None = None) -> WorkMasterView:
    return site.database.read_now(get_work_master, work_master_id=recipe, version_label=label)


def said(page: httpx.Response, status: int = 200) -> str:
    assert page.status_code == status, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_a_recipe_is_made_with_limits_and_told(site: Site, recipe: str) -> None:
    made = seen(site, recipe)
    assert (made.version_label, made.description) == ("1", "Screw lids")
    assert made.parameters == {"torque": "0.6", "program": "LID-7"}
    (limit,) = made.limits.values()
    assert (limit.data_type, limit.unit, str(limit.low), str(limit.high)) == (DataType.decimal, "N·m", "0.5", "0.9")
    with site.client("MIA") as mia:
        page = said(mia.get(f"/recipes/{recipe}"))
        assert "torque 0.6 N·m number, allowed: 0.5 – 0.9" in page
        assert "program LID-7 no limits: no job changes it" in page
        assert "No routing has it yet" in page
        assert recipe in said(mia.get("/recipes"))
        again = mia.post("/recipes", data={"recipe_id": recipe, **ROWS})
        assert "This work master id is taken" in said(again, 409)
        assert 'value="LID-7"' in again.text


def test_a_change_is_a_version_and_what_is_under_way_keeps_its_own(site: Site, recipe: str) -> None:
    route, order = f"ROUTE-{recipe}", f"PO-{recipe}"
    spec = DefinitionSpec(route, "BOARD", (SegmentSpec("SCREW", recipe, BENCH),))
    site.database.write_now(put_definitions, actor=None, specs=[spec])
    asked = {"id": order, "quantity": Decimal(4), "operations_definition_id": route}
    site.database.write_now(submit_operations_request, actor=None, **asked)
    with site.client("MIA") as mia:
        form = mia.get(f"/recipes/{recipe}/change?version=1")
        assert "Begins with what version 1 says" in said(form)
        assert re.search(r'name="low" value="0.5"', form.text)
        rows = {**ROWS, "was": ["program", "torque", ""], "parameter": ["", "torque", "screws"]}
        values = {**rows, "value": ["LID-7", "0.7", "4"], "data_type": ["", "decimal", "integer"]}
        limits = {"unit": ["", "N·m", ""], "low": ["", "0.5", ""], "high": ["", "0.9", "6"]}
        data = {"seen_label": "1", "begun": "1", "description": "Screw lids", **values, **limits}
        made = mia.post(f"/recipes/{recipe}/versions", data=data)
        assert (made.status_code, made.headers["location"]) == (303, f"/recipes/{recipe}")
        assert seen(site, recipe).parameters == {"torque": "0.7", "screws": "4"}
        assert seen(site, recipe, "1").parameters == {"torque": "0.6", "program": "LID-7"}
        stale = mia.post(f"/recipes/{recipe}/versions", data={**data, "description": "Late"})
        assert stale.status_code == 409
        assert 'value="Late"' in stale.text
        same = mia.post(f"/recipes/{recipe}/versions", data={**data, "seen_label": "2"})
        assert same.status_code == 303
        assert seen(site, recipe).version_label == "2"
        page = said(mia.get(f"/recipes/{recipe}"))
        assert re.search(r"1 Replaced", page), page
        assert f"{route} Version 1 · SCREW has version 1" in page
        assert "has this version" in said(mia.get(f"/recipes/{recipe}?version=1"))
    assert site.database.read_now(get_definition, definition_id=route).segments[0].work_master_version == "1"
    (job,) = site.database.read_now(get_order, operations_request_id=order, now=datetime.now(UTC)).card.jobs
    followed = site.database.read_now(get_followed, job_id=job.job_id)
    assert (followed.work_master_id, followed.work_master_version) == (recipe, "1")
    assert {p.id: p.value for p in followed.parameters} == {"torque": "0.6", "program": "LID-7"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"value": ["1.4", "LID-7", ""]}, "Give a value between the limits"),
        ({"value": ["much", "LID-7", ""]}, "The value is not of this type"),
        ({"low": ["a <few>", "", ""]}, "Limits are numbers, such as 2.5"),
        ({"parameter": ["torque", "torque", ""]}, "This name stands there twice"),
        ({"unit": ["N·m", "mm", ""]}, "Say what a job may set it to"),
        ({"data_type": ["decimal", "colour", ""]}, "Say what a job may set it to"),
        ({"parameter": ["torque", "", ""]}, "It needs a name"),
        ({"from_at": "2031-01-02T06:00", "until_at": "2031-01-01T06:00"}, "The version would end before it begins"),
        ({"from_at": "soon"}, "The version would end before it begins"),
    ],
)
def test_what_makes_no_sense_stays_in_its_field_and_is_told_there(
    site: Site, recipe: str, change: dict[str, object], told: str
) -> None:
    typed = {"seen_label": "1", "begun": "1", "description": "Kept <words>", **ROWS, **change}
    with site.client("MIA") as mia:
        refused = mia.post(f"/recipes/{recipe}/versions", data=typed)
        assert told in said(refused, 422)
        assert 'value="Kept &lt;words&gt;"' in refused.text
    assert seen(site, recipe).version_label == "1"


def test_a_version_is_in_force_for_a_time_and_older_ones_can_be_begun_with(site: Site, recipe: str) -> None:
    with site.client("MIA") as mia:
        named = {"seen_label": "1", "begun": "1", **ROWS, "description": "Slower", "version_label": "SUMMER-31"}
        mia.post(f"/recipes/{recipe}/versions", data={**named, "from_at": "2031-06-01T06:00"})
        assert "Later" in said(mia.get(f"/recipes/{recipe}"))
        assert "In force" in said(mia.get(f"/recipes/{recipe}?version=1"))
        version = str(seen(site, recipe, "1").version)
        ended = {"version": version, "until_at": "2020-01-01T00:00"}
        assert mia.post(f"/recipes/{recipe}/1/effectivity", data=ended).status_code == 303
        assert "Not in force" in said(mia.get(f"/recipes/{recipe}?version=1"))
        assert mia.post(f"/recipes/{recipe}/1/effectivity", data=ended).status_code == 409
        back = mia.get(f"/recipes/{recipe}/change?version=1")
        assert 'name="seen_label" value="SUMMER-31"' in back.text
        assert 'value="Screw lids"' in back.text
        assert 'value="2020-01-01T00:00"' in back.text
        taken = {**named, "seen_label": "SUMMER-31", "version_label": "1"}
        assert "This version of the work master is fixed" in said(
            mia.post(f"/recipes/{recipe}/versions", data=taken), 409
        )


def test_as_many_parameters_as_rest_takes_fit_in_the_form(site: Site, recipe: str) -> None:
    many = {f"p{n:03}": str(n) for n in range(500)}
    spec = WorkMasterSpec(recipe, None, "Many", many)
    site.database.write_now(put_work_masters, actor=None, specs=[spec])
    with site.client("MIA") as mia:
        form = mia.get(f"/recipes/{recipe}/change").text
        names = ("was", "parameter", "value", "low", "high", "unit")
        rows = {name: re.findall(rf'name="{name}" value="([^"]*)"', form) for name in names}
        data = {"seen_label": "2", "begun": "2", "description": "Other", "data_type": [""] * 503, **rows}
        assert mia.post(f"/recipes/{recipe}/versions", data=data).status_code == 303
    assert (seen(site, recipe).version_label, seen(site, recipe).parameters) == ("3", many)


def test_a_supervisor_looks_and_changes_nothing(site: Site, recipe: str) -> None:
    with site.client("SVEN") as sven:
        page = sven.get(f"/recipes/{recipe}")
        assert "torque" in said(page)
        assert "/change" not in page.text
        assert "<form" not in page.text.replace('<form method="post" action="/signout">', "")
        assert "/new-recipe" not in sven.get("/recipes").text
        assert sven.get("/new-recipe").status_code == 403
    with site.client("ADA") as ada:
        assert ada.get("/recipes").status_code == 403


def test_rows_without_anything_and_rows_taken_out_are_left_out() -> None:
    rows = [ParameterRow("", "a", "1", "", "", "", ""), ParameterRow("b", " ", "2", "decimal", "mm", "1", "3")]
    form = RecipeForm("R", " x ", "", "", "", [*rows, ParameterRow("", "", " ", "", "", "", "")])
    assert form.spec(ZoneInfo("UTC")) == WorkMasterSpec("R", None, "x", {"a": "1"})
    assert replace(form, version_label=" A ").spec(ZoneInfo("UTC")).version_label == "A"
