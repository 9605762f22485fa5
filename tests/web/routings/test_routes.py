"""Routings on a real server, without JavaScript: drawn up as a draft, put into force, changed by the next version."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from mes.access.queries import get_access_policy
from mes.access.service import put_access_policy
from mes.access.signatures.queries import list_signatures
from mes.access.signatures.types import Meaning
from mes.access.types import AccessPolicy, SignedAct
from mes.definitions.queries import ResolvedDefinition, get_definition, read_document
from mes.definitions.service import put_work_masters
from mes.definitions.types import DataType, DefinitionState, Effectivity, MediaType, ParameterLimit, WorkMasterSpec
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from mes.quality.service import put_requirements
from mes.quality.types import RequirementSpec, StepCheck
from tests.support.plants import BENCH, PRESS
from tests.web.routing_factory import picture
from tests.web.site import HTMX, PINS, Site
from web.routings import routes


@pytest.fixture
def route(site: Site) -> str:
    """A routing of its own, begun on screen: one step, a draft."""
    name = f"ROUTE-{uuid4().hex[:8]}"
    form = {"definition_id": name, "material_id": "BOARD", "segment_id": "PACK", "description": "By hand"}
    with site.client("MIA") as mia:
        made = mia.post("/routings", data={**form, "work_master_id": "WM-BENCH", "equipment_id": BENCH})
    assert (made.status_code, made.headers["location"]) == (303, f"/routings/{name}?version=1")
    return name


def seen(site: Site, route: str, label: str = "1") -> ResolvedDefinition:
    return site.database.read_now(get_definition, definition_id=route, version_label=label)


def act(client: httpx.Client, site: Site, route: str, path: str, label: str = "1", **form: object) -> httpx.Response:
    data = {"version": str(seen(site, route, label).version), **form}
    return client.post(f"/routings/{route}/{label}/{path}", data=data)


def said(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_a_draft_is_drawn_up_step_by_step_and_put_into_force(site: Site, route: str) -> None:
    pressing = {"segment_id": "PRESS", "work_master_id": "WM-PRESS", "equipment_id": PRESS, "cycle_unit": "stroke"}
    with site.client("MIA") as mia:
        form = {**pressing, "quantity_per_cycle": "1,5", "after": "PACK:AfterStart", "alternative": BENCH}
        materials = {"material": ["BOARD", ""], "use": ["Produced", "Consumed"], "quantity": ["1", ""]}
        rows = {**materials, "allowance": ["2,5", ""], "substitutes": ["", ""]}
        assert act(mia, site, route, "step", **form, **rows).status_code == 303
        note = {"segment_id": "PRESS", "title": "Close the guard", "text": "Both hands."}
        files = {"document": ("guard.png", picture(), "text/html")}
        url = f"/routings/{route}/1/instruction"
        told = mia.post(url, data={**note, "version": str(seen(site, route).version)}, files=files)
        assert told.status_code == 303, told.text
        step = seen(site, route).segments[1]
        assert (step.quantity_per_cycle_e6, step.after) == (1_500_000, (("PACK", "AfterStart"),))
        assert [place.equipment_id for place in step.alternatives] == [BENCH]
        assert [(m.use, m.allowance_e6) for m in step.materials] == [("Produced", 2_500_000)]
        (shown,) = step.instructions
        kept = site.database.read_now(read_document, sha256=shown.document_sha256)
        assert kept == (MediaType.png, picture())
        page = said(mia.get(f"/routings/{route}"))
        assert "Close the guard" in page
        assert "Draft" in page
        changed = {**pressing, "description": "Press it", "after": "PACK:AfterEnd"}
        act(mia, site, route, "step", **changed)
        assert [i.title for i in seen(site, route).segments[1].instructions] == ["Close the guard"]
        act(mia, site, route, "state", state="Released")
        assert seen(site, route).state is DefinitionState.Released
        assert "In force" in said(mia.get("/routings"))


def test_a_step_has_as_many_materials_in_its_form_as_a_large_board_has(site: Site, route: str) -> None:
    names = [f"PART-{n:04}" for n in range(400)]
    site.database.write_now(put_materials, actor=None, specs=[MaterialSpec(name, "pcs") for name in names])
    pack = {"segment_id": "PACK", "work_master_id": "WM-BENCH", "equipment_id": BENCH}
    rows = {"material": names, "use": ["Consumed"] * 400, "quantity": ["2"] * 400}
    rest = {"allowance": ["0"] * 400, "substitutes": [""] * 400}
    with site.client("MIA") as mia:
        assert act(mia, site, route, "step", **pack, **rows, **rest).status_code == 303
        page = mia.get(f"/routings/{route}/1/step?segment=PACK").text
    assert len(seen(site, route).segments[0].materials) == 400
    assert page.count('list="materials" value="PART-') == page.count('<option value="PART-') == 400


def test_what_was_typed_of_a_step_stays_where_it_is_refused(site: Site, route: str) -> None:
    form = {
        "segment_id": "SOLDER",
        "work_master_id": "WM-PRESS",
        "equipment_id": PRESS,
        "description": "Twice <hot>",
        "quantity_per_cycle": "3",
        "after": "PACK:AfterStart",
        "alternative": BENCH,
        "first_article": "2",
    }
    rows = {"material": ["BOARD", "N0PE ", ""], "use": ["Produced", "Consumed", "Consumed"], "quantity": ["1", "2", ""]}
    rest = {"allowance": ["", "5", ""], "substitutes": ["", "ALSO-NOT", ""]}
    with site.client("MIA") as mia:
        refused = act(mia, site, route, "step", **form, **rows, **rest)
        assert refused.status_code == 422
        assert refused.text.count("There is no such material") == 1
        assert re.findall(r'name="material" list="materials" value="([^"]+)"', refused.text) == ["BOARD", "N0PE"]
        for kept in ('value="SOLDER"', "Twice &lt;hot&gt;", 'value="PACK:AfterStart" selected', 'value="ALSO-NOT"'):
            assert kept in refused.text
        assert f'<option value="{PRESS}" selected>' in refused.text
        assert f'name="alternative" value="{BENCH}" checked' in refused.text
        odd = act(mia, site, route, "step", **form | {"quantity_per_cycle": "some"})
        assert (odd.status_code, 'value="some"' in odd.text) == (422, True)
        stale = mia.post(f"/routings/{route}/1/step", data={"version": "77", **form})
        assert (stale.status_code, 'name="version" value="77"' in stale.text) == (409, True), "nobody's change is lost"
    assert [s.id for s in seen(site, route).segments] == ["PACK"]


def test_what_a_step_has_stays_though_it_is_none_of_what_is_offered(
    site: Site, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a plant with more materials, recipes and places than a form suggests."""
    monkeypatch.setattr(routes, "LIMIT_MAX", 1)
    site.database.write_now(put_materials, actor=None, specs=[MaterialSpec("A-FIRST", "pcs")])
    pack = {"segment_id": "PACK", "work_master_id": "WM-BENCH", "equipment_id": BENCH, "alternative": PRESS}
    row = {"material": "BOARD", "use": "Produced", "quantity": "1", "allowance": "0", "substitutes": ""}
    with site.client("MIA") as mia:
        assert act(mia, site, route, "step", **pack, **row).status_code == 303
        page = mia.get(f"/routings/{route}/1/step?segment=PACK").text
    assert re.findall(r'name="material" list="materials" value="([^"]+)"', page) == ["BOARD"]
    assert 'name="work_master_id" list="recipes" value="WM-BENCH"' in page
    assert f'<option value="{BENCH}" selected>' in page
    assert f'name="alternative" value="{PRESS}" checked' in page


def test_what_is_in_force_is_only_changed_as_a_new_version(site: Site, route: str) -> None:
    with site.client("MIA") as mia:
        act(mia, site, route, "state", state="Released")
        form = {"segment_id": "PACK", "work_master_id": "WM-BENCH", "equipment_id": PRESS}
        refused = act(mia, site, route, "step", **form)
        assert refused.status_code == 409
        assert "This version of the operations definition is fixed" in said_of(refused)
        page = mia.get(f"/routings/{route}?version=1").text
        assert f"/routings/{route}/1/step" not in page
        begun = mia.post(f"/routings/{route}/1/draft", data={})
        assert begun.headers["location"] == f"/routings/{route}?version=2"
        assert act(mia, site, route, "step", "2", **form).status_code == 303
        act(mia, site, route, "state", "2", state="Released")
    assert seen(site, route).segments[0].equipment_id == BENCH
    assert seen(site, route).state is DefinitionState.Obsolete


def test_a_draft_says_how_much_less_or_more_orders_may_deliver(site: Site, route: str) -> None:
    with site.client("MIA") as mia:
        assert "May deliver less no limit, unless the order sets one" in said(mia.get(f"/routings/{route}"))
        to = act(mia, site, route, "tolerance", under_percent=" 2,5 % ", over_percent="0")
        assert "May deliver less up to 2.5 % May deliver more none" in said(mia.get(to.headers["location"]))
        assert (seen(site, route).under_tolerance_bp, seen(site, route).over_tolerance_bp) == (250, 0)
        refused = act(mia, site, route, "tolerance", under_percent="a <few>", over_percent="1001")
        assert refused.status_code == 422
        assert "Type a number, such as 2.5" in refused.text
        assert 'value="a &lt;few&gt;"' in refused.text
        assert 'value="1001"' in refused.text
        for wrong in ("2.125", "-1", "1000.01"):
            page = act(mia, site, route, "tolerance", under_percent="1", over_percent=wrong)
            assert (page.status_code, page.text.count("with at most two decimals</strong>")) == (422, 1)
        act(mia, site, route, "tolerance", under_percent="", over_percent="1e1")
        assert (seen(site, route).under_tolerance_bp, seen(site, route).over_tolerance_bp) == (None, 1_000)
        stale = {"version": "77", "under_percent": "1", "over_percent": "1"}
        assert mia.post(f"/routings/{route}/1/tolerance", data=stale).status_code == 409
        act(mia, site, route, "state", state="Released")
        assert act(mia, site, route, "tolerance", over_percent="5").status_code == 409
        mia.post(f"/routings/{route}/1/draft", data={})
        act(mia, site, route, "tolerance", "2", over_percent="5")
        assert [seen(site, route, label).over_tolerance_bp for label in ("1", "2")] == [1_000, 500]


def test_a_step_tells_its_recipe_whole(site: Site, route: str) -> None:
    name = f"WM-{route}"
    limits = {"torque": ParameterLimit(DataType.decimal, "N·m", Decimal("0.5"), None)}
    ends = Effectivity(until_at=datetime(2031, 1, 2, 12, tzinfo=UTC))
    first = WorkMasterSpec(name, None, "Screw <lids>", {"torque": "0.6"}, limits, ends)
    site.database.write_now(put_work_masters, actor=None, specs=[first])
    with site.client("MIA") as mia:
        step = {"segment_id": "PACK", "work_master_id": name, "equipment_id": BENCH}
        act(mia, site, route, "step", **step)
        page = said(mia.get(f"/routings/{route}"))
        assert re.search(rf"{name} 1 Screw &lt;lids&gt; until .*2 Jan", page), page
        assert "torque 0.6 N·m number, allowed: 0.5 – …" in page
        assert "To have been here, where the station records units" in page
        newer = replace(first, parameters={"torque": "0.7"}, effectivity=Effectivity())
        site.database.write_now(put_work_masters, actor=None, specs=[newer])
        check = RequirementSpec(name, StepCheck.passed)
        site.database.write_now(put_requirements, actor=None, specs=[check])
        page = said(mia.get(f"/routings/{route}"))
        assert "There is a newer version, 2;" in page
        assert "To have passed here" in page
        act(mia, site, route, "step", **step)
        page = said(mia.get(f"/routings/{route}"))
        assert f"{name} 2 Screw" in page
        assert "There is a newer version" not in page


def said_of(page: httpx.Response) -> str:
    return re.sub(r"<[^>]+>", " ", page.text)


def test_a_version_is_put_into_force_for_a_time_of_the_plant(site: Site, route: str) -> None:
    with site.client("MIA") as mia:
        assert act(mia, site, route, "effectivity", from_at="2031-01-01T06:00", until_at="").status_code == 303
        begins = seen(site, route).effectivity.from_at
        assert begins is not None
        assert begins.isoformat().startswith("2031-01-01T0")
        backwards = act(mia, site, route, "effectivity", from_at="2031-01-01T06:00", until_at="2030-01-01T06:00")
        assert backwards.status_code == 422
        act(mia, site, route, "state", state="Released")
        assert "Later" in said(mia.get(f"/routings/{route}"))


def test_the_second_editor_is_told_and_nonsense_is_refused(site: Site, route: str) -> None:
    form = {"segment_id": "PACK", "work_master_id": "WM-BENCH", "equipment_id": BENCH}
    with site.client("MIA") as mia:
        stale = mia.post(f"/routings/{route}/1/step", data={**form, "version": "77"})
        assert stale.status_code == 409
        for wrong in ({"quantity_per_cycle": "many"}, {"after": "PACK:Someday"}, {"equipment_id": "NOWHERE"}):
            assert act(mia, site, route, "step", **{**form, **wrong}).status_code == 422
        assert act(mia, site, route, "drop-step", segment_id="PACK").status_code == 422
        assert act(mia, site, route, "drop-step", segment_id="NONE").status_code == 404


def test_a_supervisor_looks_and_changes_nothing(site: Site, route: str) -> None:
    with site.client("SVEN") as sven:
        page = sven.get(f"/routings/{route}")
        assert "PACK" in said(page)
        assert "<form" not in page.text.replace('<form method="post" action="/signout">', "")
        assert act(sven, site, route, "state", state="Released").status_code == 403
    with site.client("ADA") as ada:
        assert ada.get("/routings").status_code == 403


def test_what_the_plant_marks_is_signed_in_place(site: Site, route: str) -> None:
    policy = AccessPolicy(signed_acts=frozenset({SignedAct.release_definition}))
    before = site.database.read_now(get_access_policy)
    site.database.write_now(put_access_policy, actor=None, policy=policy, version=before.version)
    with site.client("MIA") as mia:
        url, form = f"/routings/{route}/1/state", {"version": str(seen(site, route).version), "state": "Released"}
        asked = mia.post(url, data=form)
        assert asked.status_code == 403
        assert "This has to be signed" in asked.text
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
        assert fields.keys() == {"version", "state", "signature_of"}
        typed = fields | {"signature_meaning": "approved", "signature_pin": "000000", "signature_code": ""}
        wrong = mia.post(url, data=typed)
        assert (wrong.status_code, "PIN, password or code is wrong." in wrong.text) == (403, True)
        typed |= {"signature_pin": PINS["MIA"]}
        other = mia.post(url, data=typed | {"signature_of": "0" * 64})
        assert "It has changed meanwhile" in other.text
        part = mia.post(url, data=form, headers=HTMX)
        assert 'role="dialog"' in part.text
        assert "<html" not in part.text
        assert seen(site, route).state is DefinitionState.Draft
        assert mia.post(url, data=typed).status_code == 303
    assert seen(site, route).state is DefinitionState.Released
    (kept,) = site.database.read_now(list_signatures, subject=f"operations-definition/{route}").items
    assert (kept.principal_id, kept.meaning, kept.act) == ("MIA", Meaning.approved, "release-definition")
    now = site.database.read_now(get_access_policy).version
    site.database.write_now(put_access_policy, actor=None, policy=before, version=now)
