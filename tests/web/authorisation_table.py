"""Who may call what: one row a route, for every route of the server. A route without a row fails the suite.

A new route gets its row here: the roles for which `sample` must succeed with `status`. Everybody else is refused (401
without a good credential of this plant, 403 with one whose role does not suffice), and refusing writes nothing.
`sample(stage)` makes a fresh request each time; what it needs is made through `stage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from mes.access.oidc.service import remove_identity_provider
from mes.access.types import Role
from mes.genealogy.service import mount_lot, pack_lots, scan_lot
from mes.orders.service import complete_job, pause_job, report_good, split_job
from tests.mes.exchange.b2mml_of import document, request, schedule
from tests.web.stage import Stage

OPERATOR, SUPERVISOR, ENGINEER = Role.operator, Role.supervisor, Role.engineer
ADMINISTRATOR, INTEGRATION, BRIDGE, MONITOR = Role.administrator, Role.integration, Role.bridge, Role.monitor
FLOOR: Final = frozenset({OPERATOR, SUPERVISOR, ENGINEER, ADMINISTRATOR})
RELEASING: Final = frozenset({SUPERVISOR, ADMINISTRATOR})
ENGINEERING: Final = frozenset({ENGINEER, ADMINISTRATOR})
DECIDING: Final = frozenset({SUPERVISOR, ENGINEER, ADMINISTRATOR})
ADMINISTRATION: Final = frozenset({ADMINISTRATOR})
ERP: Final = frozenset({INTEGRATION})
REPORTS: Final = frozenset({SUPERVISOR, ENGINEER, ADMINISTRATOR, INTEGRATION})
EDGE: Final = frozenset({BRIDGE})
LOOKING_AFTER: Final = frozenset({SUPERVISOR, ENGINEER, ADMINISTRATOR})
IMPORTING: Final = frozenset({ENGINEER, ADMINISTRATOR, INTEGRATION})
FOLLOWING: Final = frozenset({ADMINISTRATOR, INTEGRATION})
MONITORING: Final = frozenset({MONITOR, ADMINISTRATOR})
ANYBODY: Final = frozenset(Role)
PUBLIC: Final = None
"""Everybody, signed in or not, of whatever plant."""

SOCKET: Final = "SOCKET"
MOUNT: Final = "MOUNT"


@dataclass(frozen=True)
class Sample:
    """One request. At most one of `json`, `form` and `content`."""

    url: str
    json: Any = None
    form: Mapping[str, Any] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """`method` of a websocket is SOCKET, of mounted files MOUNT; `path` is the route's template."""

    method: str
    path: str
    allowed: frozenset[Role] | None
    sample: Callable[[Stage], Sample]
    status: int = 200

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path


def at(url: str) -> Callable[[Stage], Sample]:
    """A request that needs nothing but its address."""
    return lambda stage: Sample(url)


# --- access and personnel


def _new_principal(stage: Stage) -> Sample:
    return Sample("", json={"id": stage.fresh("new"), "role": "operator", "display_name": "New"})


def _person(stage: Stage) -> dict[str, Any]:
    return {"name": "Somebody", "language": "en", "qualifications": []}


V1: Final = "/api/v1"


def to(url: str, make: Callable[[Stage], Sample]) -> Callable[[Stage], Sample]:
    """The body of one sample, sent to this address."""

    def sample(stage: Stage) -> Sample:
        made = make(stage)
        return Sample(url, made.json, made.form, made.content, made.headers)

    return sample


def _a_provider(url: str) -> Callable[[Stage], Sample]:
    """Where one is named."""

    def sample(stage: Stage) -> Sample:
        stage.name_provider()
        return Sample(url)

    return sample


def no_provider(url: str) -> Callable[[Stage], Sample]:
    """Where none is named."""

    def sample(stage: Stage) -> Sample:
        stage.do(remove_identity_provider)
        return Sample(url)

    return sample


_PROVIDER: Final = {"issuer": "https://id.example", "client_id": "mes", "label": "Company"}


def _provider_of_ours(stage: Stage) -> Sample:
    body = {**_PROVIDER, "label": stage.fresh("Company"), "version": stage.name_provider()}
    return Sample(f"{V1}/identity-provider", json=body)


def _login_name(stage: Stage) -> Sample:
    name = f"{stage.fresh('name')}@plant.example"
    return Sample("/access/elsewhere/name", form={"principal_id": stage.principal(), "login_name": name})


def _provider_form(stage: Stage) -> Sample:
    claims = {"person_claim": "email", "groups_claim": "groups"}
    form = {**_PROVIDER, **claims, "label": stage.fresh("Company"), "version": str(stage.name_provider())}
    return Sample("/access/elsewhere", form=form)


def _placed(url: str) -> Callable[[Stage], Sample]:
    return lambda stage: Sample(
        url, form={"principal_id": stage.principal(), "equipment_id": "HALL", "role": "supervisor"}
    )


def _no_act(_: Stage) -> Sample:
    """A PIN would end the cast's sessions: what is signed is missing."""
    return Sample(f"{V1}/signatures", json={"act_sha256": "", "meaning": "approved", "pin": "4711"})


ACCESS: Final = [
    Row("GET", f"{V1}/principals", ADMINISTRATION, at(f"{V1}/principals")),
    Row("POST", f"{V1}/principals", ADMINISTRATION, to(f"{V1}/principals", _new_principal), 201),
    Row("GET", f"{V1}/principals/{{principal_id}}", ADMINISTRATION, at(f"{V1}/principals/ada")),
    Row(
        "PATCH",
        f"{V1}/principals/{{principal_id}}",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/principals/{s.principal()}", json={"disabled": True, "version": 1}),
    ),
    Row(
        "PUT",
        f"{V1}/principals/{{principal_id}}/pin",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/principals/{s.principal()}/pin", json={"pin": "4711"}),
        204,
    ),
    Row(
        "PUT",
        f"{V1}/principals/{{principal_id}}/password",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/principals/{s.principal()}/password", json={"password": "four words said at a desk"}),
        204,
    ),
    Row("GET", f"{V1}/tokens", ADMINISTRATION, at(f"{V1}/tokens")),
    Row(
        "POST",
        f"{V1}/tokens",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/tokens", json={"principal_id": s.principal(), "label": "ERP"}),
        201,
    ),
    Row(
        "DELETE",
        f"{V1}/tokens/{{token_id}}",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/tokens/{s.token_id()}"),
        204,
    ),
    Row("GET", f"{V1}/sessions", ADMINISTRATION, at(f"{V1}/sessions?principal_id=ada")),
    Row(
        "DELETE",
        f"{V1}/sessions/{{session_id}}",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/sessions/{s.session_id()}"),
        204,
    ),
    Row(
        "DELETE",
        f"{V1}/principals/{{principal_id}}/second-factor",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/principals/{s.second_factor()}/second-factor"),
        204,
    ),
    Row("GET", f"{V1}/badges", ADMINISTRATION, at(f"{V1}/badges")),
    Row(
        "POST",
        f"{V1}/badges",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/badges", json={"principal_id": s.principal(), "badge": s.fresh("badge")}),
        201,
    ),
    Row(
        "DELETE",
        f"{V1}/badges/{{badge_id}}",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/badges/{s.badge_id()}"),
        204,
    ),
    Row("GET", f"{V1}/signatures", FLOOR, at(f"{V1}/signatures")),
    Row("POST", f"{V1}/signatures", FLOOR, _no_act, 422),
    Row("GET", f"{V1}/identity-provider", ADMINISTRATION, _a_provider(f"{V1}/identity-provider")),
    Row("PUT", f"{V1}/identity-provider", ADMINISTRATION, _provider_of_ours),
    Row("DELETE", f"{V1}/identity-provider", ADMINISTRATION, at(f"{V1}/identity-provider"), 204),
    Row(
        "DELETE",
        f"{V1}/principals/{{principal_id}}/identity",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/principals/{s.principal()}/identity"),
        204,
    ),
    Row("GET", f"{V1}/acts", RELEASING, at(f"{V1}/acts")),
    Row("GET", f"{V1}/access-policy", ADMINISTRATION, at(f"{V1}/access-policy")),
    Row(
        "PUT",
        f"{V1}/access-policy",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/access-policy", json={"badge": "off", "version": s.access_policy_version()}),
    ),
    Row("GET", f"{V1}/privacy-policy", ADMINISTRATION, at(f"{V1}/privacy-policy")),
    Row(
        "PUT",
        f"{V1}/privacy-policy",
        ADMINISTRATION,
        lambda s: Sample(
            f"{V1}/privacy-policy",
            json={"performance_by_person": "off", "version": s.privacy_policy_version()},
        ),
    ),
    Row(
        "POST",
        f"{V1}/persons/{{person_id}}/erase",
        ADMINISTRATION,
        lambda s: Sample(f"{V1}/persons/{s.person()}/erase", json={"reason": "asked for"}),
    ),
    Row("GET", f"{V1}/own/sessions", ANYBODY, at(f"{V1}/own/sessions")),
    Row(
        "DELETE",
        f"{V1}/own/sessions/{{session_id}}",
        ANYBODY,
        lambda s: Sample(f"{V1}/own/sessions/{s.session_id()}"),
        204,
    ),
    Row("GET", f"{V1}/persons", FLOOR, at(f"{V1}/persons?personnel_class=SOLDERING&limit=10")),
    Row(
        "POST",
        f"{V1}/persons",
        ENGINEERING,
        lambda s: Sample(f"{V1}/persons", json={"id": s.fresh("person"), **_person(s)}),
        201,
    ),
    Row("GET", f"{V1}/persons/{{person_id}}", FLOOR, lambda s: Sample(f"{V1}/persons/{s.person()}")),
    Row(
        "PUT",
        f"{V1}/persons/{{person_id}}",
        ENGINEERING,
        lambda s: Sample(f"{V1}/persons/{s.person()}", json=_person(s), headers={"if-match": '"1"'}),
    ),
    Row("GET", f"{V1}/personnel-classes", FLOOR, at(f"{V1}/personnel-classes")),
    Row(
        "POST",
        f"{V1}/personnel-classes",
        ENGINEERING,
        lambda s: Sample(f"{V1}/personnel-classes", json={"id": s.fresh("skill")}),
        201,
    ),
    Row(
        "GET",
        f"{V1}/personnel-classes/{{personnel_class_id}}",
        FLOOR,
        lambda s: Sample(f"{V1}/personnel-classes/{s.personnel_class()}"),
    ),
    Row(
        "PUT",
        f"{V1}/personnel-classes/{{personnel_class_id}}",
        ENGINEERING,
        lambda s: Sample(f"{V1}/personnel-classes/{s.personnel_class()}", json={"description": "new", "version": 1}),
    ),
]


# --- master data

BENCH_UNIT: Final = {"level": "WorkUnit", "parent_id": "BENCHES", "confirmation": "manual"}
SEGMENT: Final = {"id": "PACK", "work_master_id": "WM-BENCH", "equipment_id": "BENCH"}
LOT: Final = {"material_id": "BOARD", "quantity": "5", "unit": "pcs"}
DAY: Final = "from_at=2026-03-02T00:00:00Z&to_at=2026-03-03T00:00:00Z"


def _resource(path: str, key: str, make: Callable[[Stage], str], new: Mapping[str, Any], change: Any) -> list[Row]:
    """The four routes of a master data resource: list, create, read, update. Seen by the floor, kept by engineers.

    `change` is the update's body, or makes the whole sample where the version has to be read first.
    """
    collection, one = f"{V1}/{path}", f"{V1}/{path}/{{{key}}}"
    return [
        Row("GET", collection, FLOOR, at(collection)),
        Row("POST", collection, ENGINEERING, lambda s: Sample(collection, json={"id": s.fresh("new"), **new}), 201),
        Row("GET", one, FLOOR, lambda s: Sample(f"{collection}/{make(s)}")),
        Row(
            "PUT",
            one,
            ENGINEERING,
            change if callable(change) else lambda s: Sample(f"{collection}/{make(s)}", json=change),
        ),
    ]


def _lot_disposition(stage: Stage) -> Sample:
    body = {"disposition": "Restricted", "reason": "check", "version": 1}
    return Sample(f"{V1}/material-lots/{stage.lot()}/disposition", json=body)


def _receipt(stage: Stage) -> Sample:
    return Sample("", json={"request_id": stage.fresh("request"), **LOT})


def _changed_bench(stage: Stage) -> Sample:
    bench = stage.bench()
    return Sample(f"{V1}/equipment/{bench}", json={**BENCH_UNIT, "version": stage.version_of_bench(bench)})


def _withdraw_route(stage: Stage) -> Sample:
    route = stage.route()
    body = {"state": "Obsolete", "version": stage.version_of_route(route)}
    return Sample(f"{V1}/operations-definitions/{route}/versions/1/state", json=body)


def _of_draft(stage: Stage, path: str, **body: Any) -> Sample:
    """A request about a draft of its own."""
    route, label, version = stage.draft()
    url = f"{V1}/operations-definitions/{route}/versions/{label}{path}"
    return Sample(url, json={**body, "version": version})


def _policy(stage: Stage) -> Sample:
    return Sample(f"{V1}/plant-policy", json={"when_away": "go-on", "version": stage.policy_version()})


def _calendar(stage: Stage) -> Sample:
    body = {"time_zone": "Europe/Berlin", "version": stage.calendar_version()}
    return Sample(f"{V1}/calendar", json=body)


def _bulk(path: str, who: frozenset[Role], row: Callable[[Stage], dict[str, Any]]) -> Row:
    url = f"{V1}/{path}/bulk"
    return Row("POST", url, who, lambda s: Sample(url, json={"rows": [{"id": s.fresh("new"), **row(s)}]}))


BULK: Final = [
    _bulk("material-definitions", ENGINEERING, lambda _: {"unit": "pcs"}),
    _bulk("material-lots", ENGINEERING, lambda _: LOT),
    _bulk("equipment", ENGINEERING, lambda _: BENCH_UNIT),
    _bulk("persons", ENGINEERING, _person),
    _bulk("operations-definitions", ENGINEERING, lambda _: {"material_id": "BOARD", "segments": [SEGMENT]}),
    _bulk("operations-requests", ERP, lambda _: {"operations_definition_id": "BOARD-ROUTE", "quantity": "50"}),
]
MASTER_DATA: Final = [
    *BULK,
    *_resource("equipment", "equipment_id", Stage.bench, BENCH_UNIT, _changed_bench),
    *_resource(
        "equipment-classes", "equipment_class_id", Stage.equipment_class, {}, {"description": "new", "version": 1}
    ),
    Row("GET", f"{V1}/equipment-tree", FLOOR, at(f"{V1}/equipment-tree")),
    Row("GET", f"{V1}/equipment-status", FLOOR, at(f"{V1}/equipment-status")),
    Row("GET", f"{V1}/equipment/{{equipment_id}}/status", FLOOR, at(f"{V1}/equipment/BENCH/status")),
    Row(
        "GET",
        f"{V1}/equipment/{{equipment_id}}/state-intervals",
        FLOOR,
        at(f"{V1}/equipment/BENCH/state-intervals?{DAY}"),
    ),
    Row("GET", f"{V1}/equipment/{{equipment_id}}/asset-mappings", FLOOR, at(f"{V1}/equipment/BENCH/asset-mappings")),
    Row(
        "POST",
        f"{V1}/equipment/{{equipment_id}}/asset-mappings",
        ENGINEERING,
        lambda s: Sample(f"{V1}/equipment/{s.bench()}/asset-mappings", json={"physical_asset_id": s.asset()}),
    ),
    *_resource("physical-assets", "physical_asset_id", Stage.asset, {}, {"vendor": "Acme", "version": 1}),
    Row("GET", f"{V1}/calendar", FLOOR, at(f"{V1}/calendar")),
    Row("PUT", f"{V1}/calendar", ENGINEERING, _calendar),
    Row("GET", f"{V1}/plant-policy", FLOOR, at(f"{V1}/plant-policy")),
    Row("PUT", f"{V1}/plant-policy", ENGINEERING, _policy),
    Row("GET", f"{V1}/calendar/shifts", FLOOR, at(f"{V1}/calendar/shifts?{DAY}")),
    *_resource("material-definitions", "material_id", Stage.material, {"unit": "pcs"}, {"unit": "pcs", "version": 1}),
    *_resource("material-classes", "material_class_id", Stage.material_class, {}, {"description": "new", "version": 1}),
    Row(
        "GET",
        f"{V1}/material-definitions/{{material_id}}/conversion",
        FLOOR,
        at(f"{V1}/material-definitions/BOARD/conversion?quantity=1&from_unit=pcs&to_unit=pcs"),
    ),
    *_resource("material-lots", "lot_id", Stage.lot, LOT, {**LOT, "disposition": "Restricted", "version": 1}),
    Row("POST", f"{V1}/material-lots/{{lot_id}}/disposition", DECIDING, _lot_disposition),
    Row(
        "GET",
        f"{V1}/material-definitions/{{material_id}}/handling",
        FLOOR,
        at(f"{V1}/material-definitions/BOARD/handling"),
    ),
    Row(
        "PUT",
        f"{V1}/material-definitions/{{material_id}}/handling",
        ENGINEERING,
        lambda s: Sample(f"{V1}/material-definitions/{s.material()}/handling", json={"msl": "3", "version": 0}),
    ),
    Row("GET", f"{V1}/moisture-levels", FLOOR, at(f"{V1}/moisture-levels")),
    Row(
        "PUT",
        f"{V1}/moisture-levels/{{level}}",
        ENGINEERING,
        lambda s: Sample(f"{V1}/moisture-levels/4", json={"floor_life_h": 60, "version": s.version_of_level("4")}),
    ),
    Row("GET", f"{V1}/material-lots/{{lot_id}}/life", FLOOR, lambda s: Sample(f"{V1}/material-lots/{s.lot()}/life")),
    Row(
        "POST",
        f"{V1}/material-lots/{{lot_id}}/storage",
        FLOOR,
        lambda s: Sample(f"{V1}/material-lots/{s.lot()}/storage", json={"storage": "open", "version": 0}),
    ),
    Row(
        "GET",
        f"{V1}/material-lots/{{lot_id}}/storage",
        FLOOR,
        lambda s: Sample(f"{V1}/material-lots/{s.lot()}/storage"),
    ),
    Row(
        "POST",
        f"{V1}/material-lots/{{lot_id}}/expiry",
        RELEASING,
        lambda s: Sample(
            f"{V1}/material-lots/{s.lot()}/expiry", json={"expires_on": "2027-01-31", "reason": "tested", "version": 0}
        ),
    ),
    Row("GET", f"{V1}/lots-running-out", FLOOR, at(f"{V1}/lots-running-out")),
    Row(
        "POST",
        f"{V1}/receipts/proposal",
        FLOOR,
        lambda _: Sample(f"{V1}/receipts/proposal", json={"label": "BOARD"}),
    ),
    Row("POST", f"{V1}/receipts", FLOOR, to(f"{V1}/receipts", _receipt), 201),
    Row("GET", f"{V1}/receipts", FLOOR, at(f"{V1}/receipts")),
    Row("GET", f"{V1}/receipts/{{lot_id}}", FLOOR, lambda s: Sample(f"{V1}/receipts/{s.received()}")),
    Row(
        "GET", f"{V1}/receipts/{{lot_id}}/label.zpl", FLOOR, lambda s: Sample(f"{V1}/receipts/{s.received()}/label.zpl")
    ),
    *_resource("work-masters", "work_master_id", Stage.work_master, {}, {"seen_version_label": "1"}),
    *_resource(
        "operations-definitions",
        "definition_id",
        Stage.route,
        {"material_id": "BOARD", "segments": [SEGMENT]},
        {"material_id": "BOARD", "segments": [SEGMENT], "description": "new", "seen_version_label": "1"},
    ),
    Row(
        "POST",
        f"{V1}/operations-definitions/{{definition_id}}/versions/{{version_label}}/state",
        ENGINEERING,
        _withdraw_route,
    ),
    Row(
        "POST",
        f"{V1}/operations-definitions/{{definition_id}}/versions/{{version_label}}/effectivity",
        ENGINEERING,
        lambda s: _of_draft(s, "/effectivity", until_at="2030-01-01T00:00:00Z"),
    ),
    Row(
        "POST",
        f"{V1}/operations-definitions/{{definition_id}}/versions/{{version_label}}/drafts",
        ENGINEERING,
        lambda s: Sample(f"{V1}/operations-definitions/{s.route()}/versions/1/drafts"),
        201,
    ),
    Row(
        "PUT",
        f"{V1}/operations-definitions/{{definition_id}}/versions/{{version_label}}",
        ENGINEERING,
        lambda s: _of_draft(s, "", material_id="BOARD", segments=[SEGMENT]),
    ),
    Row(
        "POST",
        f"{V1}/work-masters/{{work_master_id}}/versions/{{version_label}}/effectivity",
        ENGINEERING,
        lambda s: Sample(f"{V1}/work-masters/{s.work_master()}/versions/1/effectivity", json={"version": 1}),
    ),
    Row(
        "POST",
        f"{V1}/instruction-documents",
        ENGINEERING,
        lambda s: Sample(f"{V1}/instruction-documents", content=s.picture()),
        201,
    ),
    Row(
        "GET",
        f"{V1}/instruction-documents/{{sha256}}",
        FLOOR,
        lambda s: Sample(f"{V1}/instruction-documents/{s.document()}"),
    ),
    *_resource(
        "scrap-reasons",
        "reason_id",
        Stage.scrap_reason,
        {"description": "Dented"},
        {"description": "Bent", "version": 1},
    ),
]


# --- quality

REPORTING: Final = FLOOR | {INTEGRATION, BRIDGE}


def _result(stage: Stage) -> Sample:
    one = {
        "result_id": stage.fresh("R"),
        "unit_id": stage.fresh("SN"),
        "equipment_id": "BENCH",
        "outcome": "passed",
        "at": "2026-03-02T08:00:00Z",
    }
    return Sample(f"{V1}/test-results", json={"results": [one]})


def _rework(stage: Stage) -> Sample:
    body = {"return_segment_id": "BENCH", "request_id": stage.fresh("request")}
    return Sample(f"{V1}/units/{stage.failed_unit()}/rework", json=body)


def _requirement(stage: Stage) -> Sample:
    body = {"unit_check": "passed", "version": 0}
    return Sample(f"{V1}/quality-requirements/{stage.work_master()}", json=body)


def _step(stage: Stage) -> Sample:
    body = {
        "equipment_id": "BENCH",
        "outcome": "passed",
        "request_id": stage.fresh("request"),
        "done_at": "2026-03-02T07:00:00Z",
    }
    return Sample(f"{V1}/units/{stage.failed_unit()}/steps", json=body)


def _decide_first_article(stage: Stage) -> Sample:
    job = stage.gated_job()
    body = {"job_id": job.job_id, "version": job.version, "outcome": "passed"}
    return Sample(f"{V1}/first-articles/decide", json=body)


def _ask_first_article(stage: Stage) -> Sample:
    job = stage.started_job()
    body = {"job_id": job.job_id, "version": job.version, "reason": "check"}
    return Sample(f"{V1}/first-articles/ask", json=body)


def _clean_tool(stage: Stage) -> Sample:
    return Sample(f"{V1}/tools/{stage.tool()}/acts", json={"act": "cleaned", "request_id": stage.fresh("request")})


def _let_program(stage: Stage) -> Sample:
    body = {
        "job_order_id": stage.job().job_id,
        "program": "P9",
        "reason": "tested",
        "request_id": stage.fresh("request"),
    }
    return Sample(f"{V1}/program-overrides", json=body)


def _prolong_tool(stage: Stage) -> Sample:
    body = {"cycles": 5, "reason": "check", "request_id": stage.fresh("request")}
    return Sample(f"{V1}/tools/{stage.tool()}/prolong", json=body)


def _hold(stage: Stage) -> Any:
    return {"lot_ids": [stage.lot()], "reason": "check"}


QUALITY: Final = [
    *_resource(
        "defect-codes",
        "code_id",
        Stage.defect_code,
        {"description": "Bridged"},
        {"description": "Solder bridge", "version": 1},
    ),
    Row("GET", f"{V1}/quality-requirements", FLOOR, at(f"{V1}/quality-requirements")),
    Row(
        "GET",
        f"{V1}/quality-requirements/{{work_master_id}}",
        FLOOR,
        lambda s: Sample(f"{V1}/quality-requirements/{s.required_work_master()}"),
    ),
    Row("PUT", f"{V1}/quality-requirements/{{work_master_id}}", ENGINEERING, _requirement),
    Row("POST", f"{V1}/test-results", REPORTING, _result),
    Row("GET", f"{V1}/test-results", FLOOR, at(f"{V1}/test-results?verdict=failed&limit=10")),
    Row("GET", f"{V1}/units/{{unit_id}}/results", FLOOR, lambda s: Sample(f"{V1}/units/{s.failed_unit()}/results")),
    Row("GET", f"{V1}/units/{{unit_id}}/open-defects", FLOOR, at(f"{V1}/units/SN-1/open-defects")),
    Row("POST", f"{V1}/units/{{unit_id}}/rework", DECIDING, _rework, 204),
    Row(
        "POST",
        f"{V1}/units/{{unit_id}}/scrap",
        DECIDING,
        lambda s: Sample(f"{V1}/units/{s.failed_unit()}/scrap", json={"request_id": s.fresh("request")}),
        204,
    ),
    Row(
        "GET",
        f"{V1}/units/{{unit_id}}/permission",
        REPORTING,
        lambda s: Sample(f"{V1}/units/{s.failed_unit()}/permission?equipment_id=BENCH"),
    ),
    Row("POST", f"{V1}/units/{{unit_id}}/steps", REPORTING, _step),
    Row("POST", f"{V1}/program-overrides", RELEASING, _let_program, 204),
    Row(
        "GET",
        f"{V1}/first-articles/{{job_id:path}}",
        FLOOR,
        lambda s: Sample(f"{V1}/first-articles/{s.job().job_id}"),
    ),
    Row("POST", f"{V1}/first-articles/decide", DECIDING, _decide_first_article, 204),
    Row("POST", f"{V1}/first-articles/ask", DECIDING, _ask_first_article, 204),
    Row("GET", f"{V1}/tools", FLOOR, at(f"{V1}/tools")),
    Row("GET", f"{V1}/tools/{{tool_id}}", FLOOR, lambda s: Sample(f"{V1}/tools/{s.tool()}")),
    Row("GET", f"{V1}/tools/{{tool_id}}/acts", FLOOR, lambda s: Sample(f"{V1}/tools/{s.tool()}/acts")),
    Row(
        "PUT",
        f"{V1}/tools/{{tool_id}}",
        ENGINEERING,
        lambda s: Sample(f"{V1}/tools/{s.fresh('tool')}", json={"version": 0}),
    ),
    Row("POST", f"{V1}/tools/{{tool_id}}/acts", FLOOR, _clean_tool, 204),
    Row("POST", f"{V1}/tools/{{tool_id}}/prolong", RELEASING, _prolong_tool, 204),
    Row("POST", f"{V1}/quality-holds", DECIDING, lambda s: Sample(f"{V1}/quality-holds", json=_hold(s)), 204),
    Row(
        "POST",
        f"{V1}/quality-holds/release",
        DECIDING,
        lambda s: Sample(f"{V1}/quality-holds/release", json=_hold(s)),
        204,
    ),
    Row(
        "GET",
        f"{V1}/yields/job-orders/{{job_id:path}}",
        FLOOR,
        lambda s: Sample(f"{V1}/yields/job-orders/{s.job().job_id}"),
    ),
    Row("GET", f"{V1}/yields/equipment/{{equipment_id}}", FLOOR, at(f"{V1}/yields/equipment/BENCH?{DAY}")),
]


# --- orders and reports


def _order(stage: Stage) -> Sample:
    return Sample(
        f"{V1}/operations-requests",
        json={"id": stage.fresh("PO"), "operations_definition_id": "BOARD-ROUTE", "quantity": "50"},
    )


def _b2mml(stage: Stage) -> Sample:
    wanted = request(stage.fresh("PO")).replace("<OperationsDefinitionID/>", _ROUTE)
    body = document("ProcessOperationsSchedule", schedule(wanted))
    return Sample("/b2mml", content=body.encode(), headers={"content-type": "application/xml"})


_ROUTE: Final = "<OperationsDefinitionID>BOARD-ROUTE</OperationsDefinitionID>"


def _versions(path: str, job: Any) -> Sample:
    return Sample(f"{V1}/job-orders/{path}", json={"versions": {job.job_id: job.version}})


WHY: Final = "customer called"


def _job_act(path: str, ready: Callable[[Stage], Any], **more: Any) -> Callable[[Stage], Sample]:
    def sample(stage: Stage) -> Sample:
        job = ready(stage)
        return Sample(f"{V1}/job-orders/{path}", json={"job_id": job.job_id, "version": job.version, **more})

    return sample


def _order_act(path: str, **more: Any) -> Callable[[Stage], Sample]:
    def sample(stage: Stage) -> Sample:
        body = {"operations_request_id": stage.job().order_id, "revision": 1, "reason": WHY, **more}
        return Sample(f"{V1}/operations-requests/{path}", json=body)

    return sample


def _merge(stage: Stage) -> Sample:
    job = stage.job()
    part = stage.do(split_job, job_id=job.job_id, version=job.version, quantity=Decimal(2), reason=WHY)
    versions = {job.job_id: job.version + 1, part: 1}
    return Sample(f"{V1}/job-orders/merge", json={"into": part, "versions": versions, "reason": WHY})


def _rework(stage: Stage) -> Sample:
    job = stage.started_job()
    body = {
        "job_id": job.job_id,
        "quantity": "1",
        "reason_id": "scratch",
        "equipment_id": "BENCH",
        "return_segment_id": "PACK",
        "request_id": stage.fresh("request"),
    }
    return Sample(f"{V1}/job-orders/rework", json=body)


def _correction(stage: Stage) -> Sample:
    lines = [{"kind": "good", "quantity": "3"}]
    body = {"job_id": stage.started_job().job_id, "lines": lines, "reason": WHY, "request_id": stage.fresh("request")}
    return Sample(f"{V1}/job-orders/corrections", json=body)


def _sequence(stage: Stage) -> Sample:
    job = stage.job()
    body = {"equipment_id": job.bench, "versions": {job.job_id: job.version}}
    return Sample(f"{V1}/job-orders/sequence", json=body)


def _rest(stage: Stage) -> Sample:
    job = stage.job_with_a_rest()
    return Sample(f"{V1}/job-orders/split-rest", json={"job_id": job.job_id, "version": job.version, "reason": WHY})


def _counted(path: str, **more: Any) -> Callable[[Stage], Sample]:
    def sample(stage: Stage) -> Sample:
        body = {"job_id": stage.started_job().job_id, "quantity": "1", "request_id": stage.fresh("request"), **more}
        return Sample(f"{V1}/job-orders/{path}", json=body)

    return sample


def _settled_count(stage: Stage) -> Sample:
    body = {"job_id": stage.job_to_count().job_id, "quantity_good": "3", "request_id": stage.fresh("request")}
    return Sample(f"{V1}/job-orders/count", json=body)


def _undo_count(stage: Stage) -> Sample:
    job, request_id = stage.started_job(), stage.fresh("request")
    stage.do(report_good, job_id=job.job_id, quantity=Decimal(1), request_id=request_id)
    return Sample(f"{V1}/job-orders/undo-count", json={"request_id": request_id})


def _completed_job(stage: Stage) -> Any:
    return stage.after(complete_job, stage.started_job())


def _paused_job(stage: Stage) -> Any:
    return stage.after(pause_job, stage.started_job())


EXECUTING: Final = [
    Row("POST", f"{V1}/job-orders/start", FLOOR, _job_act("start", Stage.released_job), 204),
    Row("POST", f"{V1}/job-orders/pause", FLOOR, _job_act("pause", Stage.started_job), 204),
    Row("POST", f"{V1}/job-orders/resume", FLOOR, _job_act("resume", _paused_job), 204),
    Row("POST", f"{V1}/job-orders/undo-complete", FLOOR, _job_act("undo-complete", _completed_job), 204),
    Row("POST", f"{V1}/job-orders/good", FLOOR, _counted("good"), 204),
    Row("POST", f"{V1}/job-orders/scrap", FLOOR, _counted("scrap", reason_id="scratch"), 204),
    Row("POST", f"{V1}/job-orders/count", FLOOR, _settled_count, 204),
    Row("POST", f"{V1}/job-orders/undo-count", FLOOR, _undo_count, 204),
]


SUPERVISING: Final = [
    Row("POST", f"{V1}/job-orders/hold", RELEASING, _job_act("hold", Stage.job, reason=WHY), 204),
    Row("POST", f"{V1}/job-orders/lift-hold", RELEASING, _job_act("lift-hold", Stage.held_job), 204),
    Row("POST", f"{V1}/job-orders/split", RELEASING, _job_act("split", Stage.job, quantity="2", reason=WHY), 201),
    Row("POST", f"{V1}/job-orders/split-rest", RELEASING, _rest, 201),
    Row("POST", f"{V1}/job-orders/merge", RELEASING, _merge, 204),
    Row("POST", f"{V1}/job-orders/complete", RELEASING, _job_act("complete", Stage.started_job), 204),
    Row("POST", f"{V1}/job-orders/cancel", RELEASING, _job_act("cancel", Stage.job, reason=WHY), 204),
    Row("POST", f"{V1}/job-orders/rework", FLOOR, _rework, 204),
    Row("POST", f"{V1}/job-orders/corrections", RELEASING, _correction, 204),
    Row("POST", f"{V1}/job-orders/sequence", RELEASING, _sequence, 204),
    Row("POST", f"{V1}/operations-requests/change", RELEASING, _order_act("change", priority=80), 204),
    Row("POST", f"{V1}/operations-requests/cancel", RELEASING, _order_act("cancel"), 204),
    Row(
        "POST", f"{V1}/operations-requests/change-quantity", RELEASING, _order_act("change-quantity", quantity="9"), 204
    ),
    Row("POST", f"{V1}/operations-requests/split", RELEASING, _order_act("split", quantity="2"), 201),
    Row("GET", f"{V1}/dispatch-lists/{{work_center_id}}", FLOOR, at(f"{V1}/dispatch-lists/BENCHES")),
    Row(
        "GET",
        f"{V1}/material-needs",
        FLOOR,
        lambda s: Sample(f"{V1}/material-needs?operations_request_id={s.job().order_id}"),
    ),
]


def _move_job(stage: Stage) -> Sample:
    job = stage.job()
    body = {"version": job.version, "equipment_id": job.bench}
    return Sample(f"{V1}/job-orders/{job.job_id}/move", json=body)


def _set_parameters(stage: Stage) -> Sample:
    job = stage.tuned_job()
    body = {"version": job.version, "values": {"torque": "0.6"}, "reason": WHY}
    return Sample(f"{V1}/job-orders/{job.job_id}/parameters", json=body)


def _start_override(stage: Stage) -> Sample:
    job = stage.released_job()
    body = {"version": job.version, "reason": "Training"}
    return Sample(f"{V1}/job-orders/{job.job_id}/start-override", json=body)


def _move_order(stage: Stage) -> Sample:
    order_id, label = stage.order_with_newer_version()
    body = {"from_version": "1", "to_version": label, "reason": "Better"}
    return Sample(f"{V1}/operations-requests/{order_id}/move", json=body)


ORDERS: Final = [
    *EXECUTING,
    *SUPERVISING,
    Row("POST", f"{V1}/operations-requests", ERP, _order, 201),
    Row("POST", "/b2mml", ERP, _b2mml),
    Row("GET", f"{V1}/operations-requests", REPORTS, at(f"{V1}/operations-requests")),
    Row(
        "GET",
        f"{V1}/operations-requests/{{request_id:path}}",
        REPORTS,
        lambda s: Sample(f"{V1}/operations-requests/{s.job().order_id}"),
    ),
    Row("GET", f"{V1}/job-orders", REPORTS, at(f"{V1}/job-orders")),
    Row("POST", f"{V1}/job-orders/release", RELEASING, lambda s: _versions("release", s.job()), 204),
    Row(
        "POST",
        f"{V1}/job-orders/revoke-release",
        RELEASING,
        lambda s: _versions("revoke-release", s.released_job()),
        204,
    ),
    Row(
        "GET",
        f"{V1}/job-orders/{{job_id:path}}/definition",
        FLOOR,
        lambda s: Sample(f"{V1}/job-orders/{s.job().job_id}/definition"),
    ),
    Row(
        "POST",
        f"{V1}/job-orders/{{job_id:path}}/instructions/{{step}}/acknowledge",
        FLOOR,
        lambda s: Sample(f"{V1}/job-orders/{s.job().job_id}/instructions/1/acknowledge"),
        204,
    ),
    Row("POST", f"{V1}/job-orders/{{job_id:path}}/move", RELEASING, _move_job, 204),
    Row("POST", f"{V1}/job-orders/{{job_id:path}}/parameters", RELEASING, _set_parameters, 204),
    Row("POST", f"{V1}/job-orders/{{job_id:path}}/start-override", RELEASING, _start_override, 204),
    Row("POST", f"{V1}/operations-requests/{{request_id:path}}/move", RELEASING, _move_order),
    Row("GET", f"{V1}/unassigned-counts", REPORTS, at(f"{V1}/unassigned-counts")),
    Row("GET", f"{V1}/operations-performance", REPORTS, at(f"{V1}/operations-performance?after=0")),
]


# --- history

MEASURED: Final = f"bridge_id=box&tag=PRESS.Temperature&{DAY}"
HISTORY: Final = [
    Row("GET", f"{V1}/history/tags", FLOOR, at(f"{V1}/history/tags?equipment_id=PRESS")),
    Row("GET", f"{V1}/history/samples", FLOOR, at(f"{V1}/history/samples?{MEASURED}&limit=10")),
    Row("GET", f"{V1}/history/points", FLOOR, at(f"{V1}/history/points?{MEASURED}&points=100")),
    Row("GET", f"{V1}/history/rollups", FLOOR, at(f"{V1}/history/rollups?{MEASURED}&resolution=hour")),
    Row("GET", f"{V1}/history/last", FLOOR, at(f"{V1}/history/last?limit=10")),
    Row(
        "GET",
        f"{V1}/history/job-records/{{job_id:path}}",
        FLOOR,
        lambda s: Sample(f"{V1}/history/job-records/{s.started_job().job_id}"),
    ),
    Row("GET", f"{V1}/history/retention", FLOOR, at(f"{V1}/history/retention")),
    Row(
        "PUT",
        f"{V1}/history/retention",
        ENGINEERING,
        lambda s: Sample(f"{V1}/history/retention", json={"samples_days": 30, "rollups_days": 400}),
    ),
]


# --- genealogy

GENEALOGY_PATH: Final = f"{V1}/genealogy"


def _genealogy(path: str, body: Callable[[Stage], dict[str, Any]]) -> Callable[[Stage], Sample]:
    return lambda stage: Sample(f"{GENEALOGY_PATH}/{path}", json={"request_id": stage.fresh("request"), **body(stage)})


def _question(path: str) -> Callable[[Stage], Sample]:
    return lambda stage: Sample(f"{GENEALOGY_PATH}/lots/{stage.lot()}/{path}")


def _two_lots(stage: Stage) -> dict[str, Any]:
    return {"parent_id": stage.lot(), "child_id": stage.lot()}


def _one_lot(**more: Any) -> Callable[[Stage], dict[str, Any]]:
    return lambda stage: {"lot_ids": [stage.lot()], **more}


def _in(kind: str, **more: Any) -> Callable[[Stage], dict[str, Any]]:
    return lambda stage: {"lot_ids": [stage.lot()], f"{kind}_id": stage.fresh(kind), **more}


def _mounted(stage: Stage) -> dict[str, Any]:
    return {"equipment_id": stage.bench(), "slot_id": "1", "lot_id": stage.lot()}


def _to_unmount(stage: Stage) -> dict[str, Any]:
    mounted = _mounted(stage)
    stage.do(mount_lot, request_id=stage.fresh("request"), **mounted)
    return {"equipment_id": mounted["equipment_id"], "slot_id": "1"}


def _packed(stage: Stage) -> dict[str, Any]:
    packed = {"container_id": stage.fresh("carton"), "lot_ids": [stage.lot()]}
    stage.do(pack_lots, request_id=stage.fresh("request"), **packed)
    return packed


def _installed(stage: Stage) -> dict[str, Any]:
    lots = _two_lots(stage)
    stage.do(scan_lot, request_id=stage.fresh("request"), **lots)
    return {"unit_id": lots["child_id"], "part_id": lots["parent_id"]}


def _reversal(stage: Stage) -> Sample:
    act = stage.do(scan_lot, request_id=stage.fresh("request"), **_two_lots(stage))
    body = {"request_id": stage.fresh("request"), "reason": "scanned by mistake"}
    return Sample(f"{GENEALOGY_PATH}/acts/{act}/reversal", json=body)


def _difference(stage: Stage) -> Sample:
    return Sample(f"{GENEALOGY_PATH}/difference?first_id={stage.lot()}&second_id={stage.lot()}")


def _body(path: str, make: Callable[[Stage], dict[str, Any]]) -> Callable[[Stage], Sample]:
    return lambda stage: Sample(f"{GENEALOGY_PATH}/{path}", json=make(stage))


_P: Final = GENEALOGY_PATH
GENEALOGY: Final = [
    *(
        Row("GET", f"{_P}/lots/{{lot_id}}/{path}", FLOOR, _question(path))
        for path in ("made-of", "used-in", "shipped", "as-built")
    ),
    Row("GET", f"{_P}/difference", FLOOR, _difference),
    Row("POST", f"{_P}/recall", FLOOR, _body("recall", _one_lot())),
    Row(
        "POST",
        f"{_P}/shared",
        FLOOR,
        _body("shared", lambda s: {"failed_ids": [s.lot()], "good_ids": [s.lot()]}),
    ),
    Row("POST", f"{_P}/recall/holds", DECIDING, _body("recall/holds", _one_lot(reason="bad solder"))),
    Row(
        "POST",
        f"{_P}/recall/release",
        DECIDING,
        _body("recall/release", _one_lot(hold_reason="bad solder", reason="measured")),
    ),
    Row(
        "POST",
        f"{_P}/recordings",
        ENGINEERING,
        _genealogy("recordings", lambda s: {"lots": [{"id": s.fresh("SN"), "material_id": "BOARD"}]}),
        201,
    ),
    Row("POST", f"{_P}/scans", FLOOR, _genealogy("scans", _two_lots), 201),
    Row(
        "POST",
        f"{_P}/passes",
        FLOOR,
        _genealogy("passes", lambda s: {"lot_id": s.lot(), "equipment_id": s.bench()}),
        201,
    ),
    Row("POST", f"{_P}/mounts", FLOOR, _genealogy("mounts", _mounted), 201),
    Row("POST", f"{_P}/unmounts", FLOOR, _genealogy("unmounts", _to_unmount), 201),
    Row(
        "PUT",
        f"{_P}/setups/{{equipment_id}}",
        ENGINEERING,
        lambda s: Sample(f"{GENEALOGY_PATH}/setups/{s.bench()}", json={"materials": {"1": "BOARD"}}),
        204,
    ),
    Row("POST", f"{_P}/packings", FLOOR, _genealogy("packings", _in("container")), 201),
    Row("POST", f"{_P}/unpackings", FLOOR, _genealogy("unpackings", _packed), 201),
    Row("POST", f"{_P}/shipments", FLOOR, _genealogy("shipments", _in("shipment", customer_id="ACME")), 201),
    Row("POST", f"{_P}/moves", FLOOR, _genealogy("moves", _one_lot(equipment_id="BENCH")), 204),
    Row(
        "POST",
        f"{_P}/splits",
        FLOOR,
        _genealogy("splits", lambda s: {"lot_id": s.lot(), "into": {s.fresh("part"): "1"}}),
        201,
    ),
    Row(
        "POST",
        f"{_P}/adjustments",
        RELEASING,
        _genealogy("adjustments", lambda s: {"lot_id": s.lot(), "quantity_left": "1", "reason": "counted"}),
        201,
    ),
    Row("POST", f"{_P}/merges", FLOOR, _genealogy("merges", _in("into")), 201),
    Row("POST", f"{_P}/removals", FLOOR, _genealogy("removals", _installed), 201),
    Row("POST", f"{_P}/acts/{{act}}/reversal", RELEASING, _reversal, 201),
]


# --- bridges


def _batch(stage: Stage) -> Sample:
    content = b'{"journal_id": "%s", "first_seq": 1, "items": []}' % stage.fresh("journal").encode()
    return Sample(f"{V1}/bridge/ingest", content=content)


EDGE_ROWS: Final = [
    Row("POST", f"{V1}/bridge/ingest", EDGE, _batch),
    Row(
        "POST",
        f"{V1}/bridge/health",
        EDGE,
        lambda s: Sample(f"{V1}/bridge/health", content=b'{"at_us": %d}' % next(s.numbers)),
    ),
    Row("GET", f"{V1}/bridge/commands", EDGE, at(f"{V1}/bridge/commands?wait_s=0")),
    Row(
        "POST",
        f"{V1}/bridge/commands/{{command_id}}/result",
        EDGE,
        lambda s: Sample(f"{V1}/bridge/commands/{s.command()}/result", content=b'{"outcome": "refused"}'),
        204,
    ),
    Row("GET", f"{V1}/quarantine", LOOKING_AFTER, at(f"{V1}/quarantine")),
    Row(
        "POST",
        f"{V1}/quarantine/{{reading_id}}/retry",
        DECIDING,
        lambda s: Sample(f"{V1}/quarantine/{s.reading()}/retry"),
        204,
    ),
    Row(
        "POST",
        f"{V1}/quarantine/{{reading_id}}/set-aside",
        DECIDING,
        lambda s: Sample(f"{V1}/quarantine/{s.reading()}/set-aside", json={"reason": "misread"}),
    ),
]


# --- screens


def _act(act: str, ready: Callable[[Stage], Any]) -> Callable[[Stage], Sample]:
    def sample(stage: Stage) -> Sample:
        job = ready(stage)
        return Sample(f"/s/{job.bench}/{act}", form={"job_id": job.job_id, "version": job.version})

    return sample


def _count(what: str, **more: str) -> Callable[[Stage], Sample]:
    def sample(stage: Stage) -> Sample:
        job = stage.started_job()
        counted = {"job_id": job.job_id, "quantity": "1", "request_id": stage.fresh("request"), **more}
        return Sample(f"/s/{job.bench}/{what}", form=counted)

    return sample


def _ask(what: str) -> Callable[[Stage], Sample]:
    def sample(stage: Stage) -> Sample:
        job = stage.started_job()
        return Sample(f"/s/{job.bench}/{what}?job_id={job.job_id}")

    return sample


def _ask_count(stage: Stage) -> Sample:
    job = stage.job_to_count()
    return Sample(f"/s/{job.bench}/count?job_id={job.job_id}")


def _settle(stage: Stage) -> Sample:
    job = stage.job_to_count()
    counted = {"job_id": job.job_id, "quantity": "3", "request_id": stage.fresh("request")}
    return Sample(f"/s/{job.bench}/count", form=counted)


def _undo(stage: Stage) -> Sample:
    job = _completed_job(stage)
    form = {"what": "complete", "job_id": job.job_id, "version": job.version}
    return Sample(f"/s/{job.bench}/undo", form=form)


def _scanned(stage: Stage) -> Sample:
    form = {"scan": stage.lot(), "request_id": stage.fresh("request"), "held": "carton", "held_id": stage.fresh("BOX")}
    return Sample("/s/BENCH/scan", form=form)


def _prolong_form(stage: Stage) -> Sample:
    form = {"tool_id": stage.tool(), "cycles": 5, "reason": "tested", "request_id": stage.fresh("request")}
    return Sample("/tools/prolong", form=form)


def _scan_act(stage: Stage) -> Sample:
    mounted = {"slot_id": "1", "lot_id": stage.lot(), "request_id": stage.fresh("request")}
    return Sample(f"/s/{stage.bench()}/scan/mount", form=mounted)


def _board(act: str, ready: Callable[[Stage], Any]) -> Callable[[Stage], Sample]:
    def sample(stage: Stage) -> Sample:
        job = ready(stage)
        form = {"order_id": job.order_id, "show": "open", "job": f"{job.version}:{job.job_id}"}
        return Sample(f"/board/{act}", form=form)

    return sample


def _regions(prefix: str, url: str, *names: str) -> list[Row]:
    """The region's own routes, where no socket gets through."""
    return [Row("GET", f"{prefix}/{name}", FLOOR, at(f"{url}/{name}")) for name in names]


def _order_page(tail: str = "") -> Callable[[Stage], Sample]:
    return lambda stage: Sample(f"/orders/{stage.job().order_id}{tail}")


def _order_form(act: str, **more: str) -> Callable[[Stage], Sample]:
    form = {"revision": "1", "reason": WHY, **more}
    return lambda stage: Sample(f"/orders/{stage.job().order_id}/{act}", form=form)


def _job_page(stage: Stage) -> Sample:
    job = stage.job()
    return Sample(f"/orders/{job.order_id}/job?job_id={job.job_id}")


def _release_form(stage: Stage) -> Sample:
    job = stage.job()
    return Sample(f"/orders/{job.order_id}/release", form={"job": f"{job.version}:{job.job_id}"})


def _hold_form(stage: Stage) -> Sample:
    job = stage.job()
    form = {"job_id": job.job_id, "version": job.version, "reason": WHY}
    return Sample(f"/orders/{job.order_id}/job/hold", form=form)


def _parameters_form(stage: Stage) -> Sample:
    job = stage.tuned_job()
    form = {"parameter": "torque", "value": "0.6", "was": "0.7", "reason": WHY}
    form |= {"job_id": job.job_id, "version": job.version}
    return Sample(f"/orders/{job.order_id}/parameters", form=form)


def _program_form(stage: Stage) -> Sample:
    job = stage.job()
    form = {"job_id": job.job_id, "request_id": stage.fresh("request"), "reason": WHY, "program": "P9"}
    return Sample(f"/orders/{job.order_id}/program", form=form)


def _first_article_form(stage: Stage) -> Sample:
    job = stage.gated_job()
    form = {"job_id": job.job_id, "version": job.version, "outcome": "passed"}
    return Sample(f"/orders/{job.order_id}/first-article", form=form)


def _ask_form(stage: Stage) -> Sample:
    job = stage.started_job()
    form = {"job_id": job.job_id, "version": job.version, "reason": WHY}
    return Sample(f"/orders/{job.order_id}/first-article/ask", form=form)


def _correct_form(stage: Stage) -> Sample:
    job = stage.started_job()
    form = {"job_id": job.job_id, "request_id": stage.fresh("request"), "reason": WHY, "good": "3", "was_good": "0"}
    return Sample(f"/orders/{job.order_id}/correct", form=form)


def _rework_form(stage: Stage) -> Sample:
    job = stage.started_job()
    form = {"job_id": job.job_id, "request_id": stage.fresh("request"), "quantity": "1", "reason_id": "scratch"}
    return Sample(f"/orders/{job.order_id}/rework", form={**form, "equipment_id": "BENCH", "return_segment_id": "PACK"})


def _sequence_form(stage: Stage) -> Sample:
    job = stage.job()
    form = {"equipment_id": job.bench, "job": f"{job.version}:{job.job_id}"}
    return Sample(f"/dispatch/{job.bench}/sequence", form=form)


def _of_setup(tail: str, **form: str) -> Callable[[Stage], Sample]:
    return lambda stage: Sample(f"/connect/{stage.setup()}{tail}", form=form or None)


PACK: Final = {"segment_id": "PACK"}
NEW_STEP: Final = {"segment_id": "CHECK", "work_master_id": "WM-BENCH", "equipment_id": "BENCH"}


def _new_routing(stage: Stage) -> dict[str, str]:
    return {**NEW_STEP, "definition_id": stage.fresh("route"), "material_id": "BOARD"}


def _drafting(path: str, **form: str) -> Callable[[Stage], Sample]:
    """A request about a draft of its own."""

    def sample(stage: Stage) -> Sample:
        route, label, version = stage.draft()
        url = f"/routings/{route}/{label}/{path}"
        return Sample(url, form={**form, "version": str(version)} if form else None)

    return sample


def _next_recipe(stage: Stage) -> Sample:
    form = {"seen_label": "1", "begun": "1", "description": "Slower"}
    return Sample(f"/recipes/{stage.work_master()}/versions", form=form)


def _recipe_effectivity(stage: Stage) -> Sample:
    form = {"version": "1", "until_at": "2031-01-01T06:00"}
    return Sample(f"/recipes/{stage.work_master()}/1/effectivity", form=form)


def _briefing(path: str, **form: str) -> Callable[[Stage], Sample]:
    """A request about what a job asks of whoever does it."""

    def sample(stage: Stage) -> Sample:
        job = stage.job()
        url = f"/s/{job.bench}/{path}"
        return Sample(url, form={**form, "job_id": job.job_id}) if form else Sample(f"{url}?job_id={job.job_id}")

    return sample


def _allow(stage: Stage) -> Sample:
    job = stage.released_job()
    form = {"job_id": job.job_id, "version": str(job.version), "reason": "Training"}
    return Sample(f"/s/{job.bench}/allow", form=form)


def _course_version(stage: Stage) -> Sample:
    order_id, label = stage.order_with_newer_version()
    form = {"from_label": "1", "to_label": label, "reason": "Better"}
    return Sample(f"/orders/{order_id}/course/version", form=form)


def _course_place(stage: Stage) -> Sample:
    job = stage.job()
    form = {"job_id": job.job_id, "version": str(job.version), "equipment_id": job.bench}
    return Sample(f"/orders/{job.order_id}/course/place", form=form)


def _no_such_code(_: Stage) -> Sample:
    """Nothing is being set up; what proves who it is is missing."""
    return Sample("/account/second-factor/confirm", form={"code": "000000"})


def _new_token(stage: Stage) -> Sample:
    who = stage.principal(Role.integration)
    form = {"principal_id": who, "label": "MES2", "days": "90", "permission": ["read-events"]}
    return Sample("/access/tokens", form=form)


SCREENS: Final = [
    Row("GET", "/", FLOOR, at("/")),
    Row("GET", "/account", FLOOR, at("/account")),
    Row("POST", "/account/sessions/end", FLOOR, lambda s: Sample("/account/sessions/end", form={}), 303),
    Row("POST", "/account/password", FLOOR, lambda s: Sample("/account/password", form={}), 422),
    Row("POST", "/account/second-factor", FLOOR, lambda s: Sample("/account/second-factor", form={}), 422),
    Row("POST", "/account/second-factor/confirm", FLOOR, _no_such_code, 404),
    Row("POST", "/account/second-factor/remove", FLOOR, to("/account/second-factor/remove", _no_such_code), 422),
    Row("GET", "/audit", RELEASING, at("/audit")),
    Row("GET", "/access", ADMINISTRATION, at("/access")),
    Row(
        "POST",
        "/access/sessions/{session_id}/end",
        ADMINISTRATION,
        lambda s: Sample(f"/access/sessions/{s.session_id()}/end"),
        303,
    ),
    Row("GET", "/access/tokens", ADMINISTRATION, at("/access/tokens")),
    Row("GET", "/access/tokens/new", ADMINISTRATION, at("/access/tokens/new?principal_id=iris")),
    Row("POST", "/access/tokens", ADMINISTRATION, _new_token),
    Row("GET", "/access/badges", ADMINISTRATION, at("/access/badges")),
    Row(
        "POST",
        "/access/badges",
        ADMINISTRATION,
        lambda s: Sample("/access/badges", form={"principal_id": s.principal(), "badge": s.fresh("badge")}),
        303,
    ),
    Row(
        "POST",
        "/access/badges/{badge_id}/take",
        ADMINISTRATION,
        lambda s: Sample(f"/access/badges/{s.badge_id()}/take"),
        303,
    ),
    Row("GET", "/access/places", ADMINISTRATION, at("/access/places")),
    Row("POST", "/access/places", ADMINISTRATION, _placed("/access/places"), 303),
    Row("POST", "/access/places/take", ADMINISTRATION, _placed("/access/places/take"), 303),
    Row("GET", "/access/elsewhere", ADMINISTRATION, at("/access/elsewhere")),
    Row("POST", "/access/elsewhere", ADMINISTRATION, _provider_form, 303),
    Row("POST", "/access/elsewhere/name", ADMINISTRATION, _login_name, 303),
    Row("POST", "/access/elsewhere/remove", ADMINISTRATION, at("/access/elsewhere/remove"), 303),
    Row("GET", "/access/policy", ADMINISTRATION, at("/access/policy")),
    Row(
        "POST",
        "/access/privacy",
        ADMINISTRATION,
        lambda s: Sample("/access/privacy", form={"by_person": "off", "version": s.privacy_policy_version()}),
        303,
    ),
    Row(
        "POST",
        "/access/policy",
        ADMINISTRATION,
        lambda s: Sample("/access/policy", form={"badge": "off", "version": str(s.access_policy_version())}),
        303,
    ),
    Row(
        "POST",
        "/access/tokens/{token_id}/revoke",
        ADMINISTRATION,
        lambda s: Sample(f"/access/tokens/{s.token_id()}/revoke"),
        303,
    ),
    *_regions("", "", "home-stations"),
    Row("GET", "/s/{equipment_id}", FLOOR, at("/s/BENCH")),
    *_regions(
        "/s/{equipment_id}", "/s/BENCH", "machine-state", "current-job", "line-cells", "job-queue", "unassigned-counts"
    ),
    Row("GET", "/s/{equipment_id}/scrap", FLOOR, _ask("scrap")),
    Row("GET", "/s/{equipment_id}/good", FLOOR, _ask("good")),
    Row("POST", "/s/{equipment_id}/good", FLOOR, _count("good"), 303),
    Row("POST", "/s/{equipment_id}/scrap", FLOOR, _count("scrap", reason_id="scratch"), 303),
    Row("GET", "/s/{equipment_id}/count", FLOOR, _ask_count),
    Row("POST", "/s/{equipment_id}/count", FLOOR, _settle, 303),
    Row("POST", "/s/{equipment_id}/undo", FLOOR, _undo, 303),
    Row("POST", "/s/{equipment_id}/{act}", FLOOR, _act("start", Stage.released_job), 303),
    Row("GET", "/s/{equipment_id}/scan", FLOOR, at("/s/BENCH/scan")),
    *_regions("/s/{equipment_id}", "/s/BENCH", "station-material", "station-tools", "station-lately"),
    Row("POST", "/s/{equipment_id}/scan", FLOOR, _scanned),
    Row("POST", "/s/{equipment_id}/scan/{act}", FLOOR, _scan_act),
    Row("GET", "/board", FLOOR, at("/board")),
    *_regions("/board", "/board", "board-orders", "board-kanban", "board-gantt"),
    Row("GET", "/board/kanban", FLOOR, at("/board/kanban")),
    Row("GET", "/board/gantt", FLOOR, at("/board/gantt?span=week")),
    Row("GET", "/dispatch/{work_center_id}", FLOOR, at("/dispatch/BENCHES")),
    *_regions("/dispatch/{work_center_id}", "/dispatch/BENCHES", "dispatch-list"),
    Row("POST", "/dispatch/{work_center_id}/sequence", RELEASING, _sequence_form, 303),
    Row("POST", "/board/release", RELEASING, _board("release", Stage.job), 303),
    Row("POST", "/board/revoke", RELEASING, _board("revoke", Stage.released_job), 303),
    Row("GET", "/wall/{area_id}", FLOOR, at("/wall/HALL")),
    *_regions("/wall/{area_id}", "/wall/HALL", "wall-machines", "wall-orders", "wall-totals"),
    Row("GET", "/receive", FLOOR, at("/receive")),
    Row("POST", "/receive/scan", FLOOR, lambda _: Sample("/receive/scan", form={"scan": "BOARD"})),
    Row(
        "POST",
        "/receive",
        FLOOR,
        lambda s: Sample("/receive", form={"request_id": s.fresh("request"), **LOT}),
        303,
    ),
    Row("GET", "/receive/{lot_id}/label", FLOOR, lambda s: Sample(f"/receive/{s.received()}/label")),
    Row("GET", "/receive/{lot_id}/label.zpl", FLOOR, lambda s: Sample(f"/receive/{s.received()}/label.zpl")),
    Row("GET", "/trace", FLOOR, at("/trace?unknown=X")),
    Row("POST", "/trace", FLOOR, lambda _: Sample("/trace", form={"lot": "X"}), 303),
    Row("GET", "/trace/lots/{lot_id}", FLOOR, lambda s: Sample(f"/trace/lots/{s.lot()}?look=drawing")),
    Row("GET", "/trace/lots/{lot_id}/trace-step", FLOOR, lambda s: Sample(f"/trace/lots/{s.lot()}/trace-step")),
    Row("GET", "/trace/lots/{lot_id}/drawn-step", FLOOR, lambda s: Sample(f"/trace/lots/{s.lot()}/drawn-step")),
    Row(
        "POST",
        "/trace/lots/{lot_id}/count",
        RELEASING,
        lambda s: Sample(f"/trace/lots/{s.lot()}/count", form={"request_id": s.fresh("c"), "left": "1", "reason": "x"}),
        303,
    ),
    Row("GET", "/trace/lots/{lot_id}/file", FLOOR, lambda s: Sample(f"/trace/lots/{s.lot()}/file?question=as-built")),
    Row(
        "GET",
        "/trace/units/{lot_id}/difference/file",
        FLOOR,
        lambda s: Sample(f"/trace/units/{s.lot()}/difference/file?other={s.lot()}"),
    ),
    Row(
        "POST",
        "/trace/shared/file",
        FLOOR,
        lambda s: Sample("/trace/shared/file", form={"failed": s.lot(), "good": s.lot()}),
    ),
    Row("GET", "/trace/units/{lot_id}", FLOOR, lambda s: Sample(f"/trace/units/{s.lot()}")),
    Row(
        "GET",
        "/trace/units/{lot_id}/difference",
        FLOOR,
        lambda s: Sample(f"/trace/units/{s.lot()}/difference?other={s.lot()}"),
    ),
    Row("GET", "/trace/recall", FLOOR, at("/trace/recall?lot=X")),
    Row("POST", "/trace/recall", FLOOR, lambda _: Sample("/trace/recall", form={"lots": "X"})),
    Row("POST", "/trace/recall/affected", FLOOR, lambda s: Sample("/trace/recall/affected", form={"lots": s.lot()})),
    Row(
        "POST",
        "/trace/recall/holds",
        DECIDING,
        lambda s: Sample("/trace/recall/holds", form={"lots": s.lot(), "reason": "tested"}),
    ),
    Row(
        "POST",
        "/trace/recall/release",
        DECIDING,
        lambda s: Sample("/trace/recall/release", form={"lots": s.lot(), "hold_reason": "x", "reason": "tested"}),
    ),
    Row("POST", "/trace/recall/file", FLOOR, lambda s: Sample("/trace/recall/file", form={"lots": s.lot()})),
    Row("GET", "/trace/shared", FLOOR, at("/trace/shared")),
    Row(
        "POST",
        "/trace/shared",
        FLOOR,
        lambda s: Sample("/trace/shared", form={"failed": s.lot(), "good": s.lot()}),
    ),
    Row("GET", "/tools", FLOOR, at("/tools")),
    *_regions("/tools", "/tools", "tool-list"),
    Row("POST", "/tools/prolong", RELEASING, _prolong_form, 303),
    Row("GET", "/lots", FLOOR, at("/lots?unknown=X")),
    Row("POST", "/lots", FLOOR, lambda _: Sample("/lots", form={"lot": "X"}), 303),
    *_regions("/lots", "/lots", "lots-running-out"),
    Row("GET", "/lots/{lot_id}", FLOOR, lambda s: Sample(f"/lots/{s.lot()}")),
    Row("GET", "/lots/{lot_id}/lot-life", FLOOR, lambda s: Sample(f"/lots/{s.lot()}/lot-life")),
    Row(
        "POST",
        "/lots/{lot_id}/expiry",
        RELEASING,
        lambda s: Sample(
            f"/lots/{s.lot()}/expiry", form={"expires_on": "2027-01-31", "reason": "tested", "version": 0}
        ),
        303,
    ),
    Row(
        "POST",
        "/lots/{lot_id}/hold",
        DECIDING,
        lambda s: Sample(f"/lots/{s.lot()}/hold", form={"reason": "tested"}),
        303,
    ),
    Row(
        "POST",
        "/lots/{lot_id}/release",
        DECIDING,
        lambda s: Sample(f"/lots/{s.lot()}/release", form={"reason": "tested"}),
        303,
    ),
    Row(
        "POST",
        "/lots/{lot_id}/storage",
        FLOOR,
        lambda s: Sample(f"/lots/{s.lot()}/storage", form={"storage": "open", "version": 0}),
        303,
    ),
    Row("GET", "/orders/{order_id}", FLOOR, _order_page()),
    Row("GET", "/orders/{order_id}/order-head", FLOOR, _order_page("/order-head")),
    Row("GET", "/orders/{order_id}/order-history", FLOOR, _order_page("/order-history")),
    Row("GET", "/orders/{order_id}/order-timeline", FLOOR, _order_page("/order-timeline")),
    Row("GET", "/orders/{order_id}/change", RELEASING, _order_page("/change")),
    Row("GET", "/orders/{order_id}/job", RELEASING, _job_page),
    Row("POST", "/orders/{order_id}/change", RELEASING, _order_form("change", priority="80", due_at=""), 303),
    Row("POST", "/orders/{order_id}/cancel", RELEASING, _order_form("cancel"), 303),
    Row("POST", "/orders/{order_id}/split", RELEASING, _order_form("split", quantity="2"), 303),
    Row("POST", "/orders/{order_id}/release", RELEASING, _release_form, 303),
    Row("POST", "/orders/{order_id}/correct", RELEASING, _correct_form, 303),
    Row("POST", "/orders/{order_id}/rework", RELEASING, _rework_form, 303),
    Row("POST", "/orders/{order_id}/job/{act}", RELEASING, _hold_form, 303),
    Row("POST", "/orders/{order_id}/parameters", RELEASING, _parameters_form, 303),
    Row("POST", "/orders/{order_id}/program", RELEASING, _program_form, 303),
    Row("POST", "/orders/{order_id}/first-article", DECIDING, _first_article_form, 303),
    Row("POST", "/orders/{order_id}/first-article/ask", DECIDING, _ask_form, 303),
    Row("GET", "/bridges", LOOKING_AFTER, at("/bridges")),
    Row("GET", "/quarantine", LOOKING_AFTER, at("/quarantine")),
    Row("POST", "/quarantine/{pk}/retry", DECIDING, lambda s: Sample(f"/quarantine/{s.reading()}/retry", form={}), 303),
    Row(
        "POST",
        "/quarantine/{pk}/set-aside",
        DECIDING,
        lambda s: Sample(f"/quarantine/{s.reading()}/set-aside", form={"reason": "misread"}),
        303,
    ),
    Row("GET", "/bridges/bridge-list", LOOKING_AFTER, at("/bridges/bridge-list")),
    Row("GET", "/bridges/{bridge_id}/endpoint", LOOKING_AFTER, at("/bridges/bert/endpoint?name=plc")),
    Row("GET", "/bridges/{bridge_id}/endpoint-detail", LOOKING_AFTER, at("/bridges/bert/endpoint-detail?name=plc")),
    Row("GET", "/bridges/{bridge_id}/endpoint-gaps", LOOKING_AFTER, at("/bridges/bert/endpoint-gaps?name=plc")),
    Row("GET", "/bridges/{bridge_id}/certificates", LOOKING_AFTER, at("/bridges/bert/certificates")),
    Row("GET", "/bridges/{bridge_id}/bridge-certificates", LOOKING_AFTER, at("/bridges/bert/bridge-certificates")),
    Row("GET", "/bridges/{bridge_id}/certificates/{thumbprint}", LOOKING_AFTER, lambda s: Sample(s.certificate())),
    Row(
        "POST",
        "/bridges/{bridge_id}/certificates/{thumbprint}",
        ENGINEERING,
        lambda s: Sample(s.certificate(), form={"action": "approve"}),
        303,
    ),
    Row("GET", "/connect", LOOKING_AFTER, at("/connect")),
    Row(
        "POST",
        "/connect",
        LOOKING_AFTER,
        lambda s: Sample(
            "/connect",
            form={"bridge_id": "bert", "equipment_id": "PRESS", "name": s.fresh("M"), "url": "opc.tcp://m/"},
        ),
        303,
    ),
    Row("GET", "/connect/{setup_id}", LOOKING_AFTER, _of_setup("")),
    Row("GET", "/connect/{setup_id}/machine-setup", LOOKING_AFTER, _of_setup("/machine-setup")),
    Row("GET", "/connect/{setup_id}/machine-tree", LOOKING_AFTER, _of_setup("/machine-tree?root=")),
    Row("GET", "/connect/{setup_id}/signals", LOOKING_AFTER, _of_setup("/signals")),
    Row("POST", "/connect/{setup_id}/signals", LOOKING_AFTER, _of_setup("/signals", version="1"), 303),
    Row("GET", "/connect/{setup_id}/tree", LOOKING_AFTER, _of_setup("/tree?root=")),
    Row("POST", "/connect/{setup_id}/tree", LOOKING_AFTER, _of_setup("/tree", root=""), 303),
    Row("POST", "/connect/{setup_id}/signal", LOOKING_AFTER, _of_setup("/signal", key="i=1"), 422),
    Row("POST", "/connect/{setup_id}/template", LOOKING_AFTER, _of_setup("/template", template_id="press"), 409),
    Row("POST", "/connect/{setup_id}/{act}", LOOKING_AFTER, _of_setup("/give-up", version="1"), 303),
    Row("GET", "/s/{equipment_id}/instructions", FLOOR, _briefing("instructions")),
    Row("POST", "/s/{equipment_id}/instructions", FLOOR, _briefing("instructions", step="1"), 303),
    Row("GET", "/s/{equipment_id}/allow", RELEASING, _briefing("allow")),
    Row("POST", "/s/{equipment_id}/allow", RELEASING, _allow, 303),
    Row("GET", "/orders/{order_id}/course", RELEASING, _order_page("/course")),
    Row("POST", "/orders/{order_id}/course/version", RELEASING, _course_version, 303),
    Row("POST", "/orders/{order_id}/course/place", RELEASING, _course_place, 303),
    Row("GET", "/documents/{sha256}", FLOOR, lambda s: Sample(f"/documents/{s.document()}")),
    Row("GET", "/routings", LOOKING_AFTER, at("/routings")),
    Row("POST", "/routings", ENGINEERING, lambda s: Sample("/routings", form=_new_routing(s)), 303),
    Row("GET", "/routings/{definition_id}", LOOKING_AFTER, lambda s: Sample(f"/routings/{s.route()}?version=1")),
    Row("GET", "/routings/{definition_id}/{label}/step", ENGINEERING, _drafting("step?segment=PACK")),
    Row("POST", "/routings/{definition_id}/{label}/step", ENGINEERING, _drafting("step", **NEW_STEP), 303),
    Row("POST", "/routings/{definition_id}/{label}/draft", ENGINEERING, _drafting("draft", any="1"), 303),
    Row("POST", "/routings/{definition_id}/{label}/state", ENGINEERING, _drafting("state", state="Released"), 303),
    Row(
        "POST", "/routings/{definition_id}/{label}/effectivity", ENGINEERING, _drafting("effectivity", from_at=""), 303
    ),
    Row(
        "POST",
        "/routings/{definition_id}/{label}/tolerance",
        ENGINEERING,
        _drafting("tolerance", over_percent="5"),
        303,
    ),
    Row("POST", "/routings/{definition_id}/{label}/drop-step", ENGINEERING, _drafting("drop-step", **PACK), 422),
    Row(
        "POST",
        "/routings/{definition_id}/{label}/instruction",
        ENGINEERING,
        _drafting("instruction", **PACK, title="Look"),
        303,
    ),
    Row(
        "POST",
        "/routings/{definition_id}/{label}/drop-instruction",
        ENGINEERING,
        _drafting("drop-instruction", **PACK, number="1"),
        303,
    ),
    Row("GET", "/recipes", LOOKING_AFTER, at("/recipes")),
    Row("POST", "/recipes", ENGINEERING, lambda s: Sample("/recipes", form={"recipe_id": s.fresh("recipe")}), 303),
    Row("GET", "/new-recipe", ENGINEERING, at("/new-recipe")),
    Row("GET", "/recipes/{recipe_id}", LOOKING_AFTER, lambda s: Sample(f"/recipes/{s.work_master()}")),
    Row("GET", "/recipes/{recipe_id}/change", ENGINEERING, lambda s: Sample(f"/recipes/{s.work_master()}/change")),
    Row("POST", "/recipes/{recipe_id}/versions", ENGINEERING, _next_recipe, 303),
    Row("POST", "/recipes/{recipe_id}/{label}/effectivity", ENGINEERING, _recipe_effectivity, 303),
    Row("GET", "/metrics", MONITORING, at("/metrics")),
    Row("GET", "/-/patterns", FLOOR, at("/-/patterns")),
    Row(SOCKET, "/live", FLOOR, at("/live?r=board-orders&show=open")),
]


# --- exchange


def _hook(stage: Stage, **more: Any) -> dict[str, Any]:
    return {"url": "https://hooks.example/b", "event_types": ["orders.*"], **more}


def _erp(**more: Any) -> dict[str, Any]:
    address = {"url": "http://127.0.0.1:9", "plain_http": True, "private_addresses": True}
    return {"kind": "tryton", "database": "plant", "user": "lineside", **address, **more}


def _told_again(connection_id: str, order_id: str) -> Sample:
    return Sample(f"{ERPS}/{connection_id}/tell-again", json={"order_id": order_id})


ERPS: Final = f"{V1}/erp-connections"


def _lots_file(stage: Stage) -> bytes:
    return f"lot,material,qty\n{stage.fresh('filed')},BOARD,1\n".encode()


def _upload(stage: Stage) -> Sample:
    """As a browser sends it."""
    head = 'Content-Disposition: form-data; name="kind"\r\n\r\nmaterial-lots\r\n'
    file = 'Content-Disposition: form-data; name="file"; filename="lots.csv"\r\n\r\n'
    body = f"--x\r\n{head}--x\r\n{file}".encode() + _lots_file(stage) + b"\r\n--x--\r\n"
    return Sample("/imports", content=body, headers={"content-type": "multipart/form-data; boundary=x"})


def _view(stage: Stage, **rows: Any) -> dict[str, Any]:
    return {"taken_at": "2026-01-01T00:00:00Z", **rows}


VIEWS: Final = f"{V1}/reconciliation"
IMPORTS: Final = f"{V1}/imports"
MAPPINGS: Final = f"{V1}/import-mappings"
TABLE_FILES: Final = [
    Row(
        "POST",
        IMPORTS,
        IMPORTING,
        lambda s: Sample(f"{IMPORTS}?as=material-lots&file=lots.csv", content=_lots_file(s)),
    ),
    Row("GET", IMPORTS, IMPORTING, at(IMPORTS)),
    Row("GET", f"{IMPORTS}/{{import_id}}", IMPORTING, lambda s: Sample(f"{IMPORTS}/{s.imported()}")),
    Row("GET", f"{IMPORTS}/{{import_id}}/refused", IMPORTING, lambda s: Sample(f"{IMPORTS}/{s.imported()}/refused")),
    Row("PUT", f"{VIEWS}/orders", IMPORTING, lambda s: Sample(f"{VIEWS}/orders", json=_view(s, orders=[]))),
    Row("PUT", f"{VIEWS}/lots", IMPORTING, lambda s: Sample(f"{VIEWS}/lots", json=_view(s, lots=[]))),
    Row("GET", f"{VIEWS}/{{subject}}", REPORTS, lambda s: Sample(f"{VIEWS}/{s.erp_view()}")),
    Row(
        "GET",
        f"{VIEWS}/{{subject}}/differences",
        REPORTS,
        lambda s: Sample(f"{VIEWS}/{s.erp_view()}/differences"),
    ),
    Row("GET", MAPPINGS, IMPORTING, at(MAPPINGS)),
    Row("GET", f"{MAPPINGS}/{{name}}", IMPORTING, lambda s: Sample(f"{MAPPINGS}/{s.import_mapping()}")),
    Row(
        "PUT",
        f"{MAPPINGS}/{{name}}",
        IMPORTING,
        lambda s: Sample(f"{MAPPINGS}/{s.fresh('new-mapping')}", json={"kind": "persons", "version": 0}),
    ),
    Row("DELETE", f"{MAPPINGS}/{{name}}", IMPORTING, lambda s: Sample(f"{MAPPINGS}/{s.import_mapping()}"), 204),
    Row("GET", "/imports", ENGINEERING, at("/imports")),
    Row("POST", "/imports", ENGINEERING, _upload, 303),
    Row("GET", "/imports/{import_id}", ENGINEERING, lambda s: Sample(f"/imports/{s.waiting_file()}")),
    Row(
        "POST",
        "/imports/{import_id}",
        ENGINEERING,
        lambda s: Sample(
            f"/imports/{s.waiting_file()}", form={"act": "look", "field": "id", "column": "lot", "fixed": ""}
        ),
        303,
    ),
    Row(
        "GET",
        "/imports/{import_id}/refused.csv",
        ENGINEERING,
        lambda s: Sample(f"/imports/{s.imported()}/refused.csv"),
    ),
    Row(
        "POST",
        "/imports/mappings/{name}/remove",
        ENGINEERING,
        lambda s: Sample(f"/imports/mappings/{s.import_mapping()}/remove", form={}),
        303,
    ),
]


def _hook_form() -> dict[str, str]:
    return {"url": "https://hooks.example/b", "event_types": "orders.*"}


def _hook_act(act: str) -> Callable[[Stage], Sample]:
    return lambda stage: Sample(f"/webhooks/{stage.webhook()}/{act}", form={})


def _erp_form(**more: str) -> dict[str, str]:
    home = {"url": "http://127.0.0.1:9", "plain_http": "true", "private_addresses": "true"}
    return {**home, "kind": "tryton", "database": "plant", "user": "lineside", "password": "secret", **more}


def _erp_act(act: str) -> Callable[[Stage], Sample]:
    return lambda stage: Sample(f"/erp/{stage.erp()}/{act}", form={})


ERP_ACTS: Final = {"check": 409, "remove": 303}


def _told_again_form(connection_id: str, order_id: str) -> Sample:
    return Sample(f"/erp/{connection_id}/tell-again", form={"order_id": order_id})


HOOKS: Final = f"{V1}/webhooks"
EXCHANGE: Final = [
    Row("GET", f"{V1}/events", FOLLOWING, at(f"{V1}/events?limit=1")),
    Row("GET", f"{V1}/events/stream", FOLLOWING, at(f"{V1}/events/stream?for_s=0.01")),
    Row("GET", HOOKS, ADMINISTRATION, at(HOOKS)),
    Row("POST", HOOKS, ADMINISTRATION, lambda s: Sample(HOOKS, json=_hook(s, id=s.fresh("new-hook"))), 201),
    Row("GET", f"{HOOKS}/{{webhook_id}}", ADMINISTRATION, lambda s: Sample(f"{HOOKS}/{s.webhook()}")),
    Row(
        "PUT",
        f"{HOOKS}/{{webhook_id}}",
        ADMINISTRATION,
        lambda s: Sample(f"{HOOKS}/{s.webhook()}", json=_hook(s, version=1)),
    ),
    Row("DELETE", f"{HOOKS}/{{webhook_id}}", ADMINISTRATION, lambda s: Sample(f"{HOOKS}/{s.webhook()}"), 204),
    Row("POST", f"{HOOKS}/{{webhook_id}}/secret", ADMINISTRATION, lambda s: Sample(f"{HOOKS}/{s.webhook()}/secret")),
    Row("POST", f"{HOOKS}/{{webhook_id}}/test", ADMINISTRATION, lambda s: Sample(f"{HOOKS}/{s.webhook()}/test")),
    Row(
        "GET",
        f"{HOOKS}/{{webhook_id}}/deliveries",
        ADMINISTRATION,
        lambda s: Sample(f"{HOOKS}/{s.webhook()}/deliveries?state=dead"),
    ),
    Row(
        "POST",
        f"{HOOKS}/{{webhook_id}}/replay",
        ADMINISTRATION,
        lambda s: Sample(f"{HOOKS}/{s.webhook()}/replay", json={}),
    ),
    Row("GET", ERPS, ADMINISTRATION, at(ERPS)),
    Row("POST", ERPS, ADMINISTRATION, lambda s: Sample(ERPS, json=_erp(id=s.fresh("new-erp"), password="secret")), 201),
    Row("GET", f"{ERPS}/{{connection_id}}", ADMINISTRATION, lambda s: Sample(f"{ERPS}/{s.erp()}")),
    Row(
        "PUT",
        f"{ERPS}/{{connection_id}}",
        ADMINISTRATION,
        lambda s: Sample(f"{ERPS}/{s.erp()}", json=_erp(version=1)),
    ),
    Row("DELETE", f"{ERPS}/{{connection_id}}", ADMINISTRATION, lambda s: Sample(f"{ERPS}/{s.erp()}"), 204),
    Row("POST", f"{ERPS}/{{connection_id}}/check", ADMINISTRATION, lambda s: Sample(f"{ERPS}/{s.erp()}/check"), 409),
    Row("GET", f"{ERPS}/{{connection_id}}/orders", ADMINISTRATION, lambda s: Sample(f"{ERPS}/{s.erp()}/orders")),
    Row("GET", f"{ERPS}/{{connection_id}}/materials", ADMINISTRATION, lambda s: Sample(f"{ERPS}/{s.erp()}/materials")),
    Row(
        "POST",
        f"{ERPS}/{{connection_id}}/tell-again",
        ADMINISTRATION,
        lambda s: _told_again(*s.erp_order()),
        204,
    ),
    Row(
        "PUT",
        f"{ERPS}/{{connection_id}}/materials/{{material_id:path}}",
        ADMINISTRATION,
        lambda s: Sample(f"{ERPS}/{s.erp_material()}", json={"consumption": "actual"}),
        204,
    ),
    Row("GET", "/erp", ADMINISTRATION, at("/erp")),
    Row("POST", "/erp", ADMINISTRATION, lambda s: Sample("/erp", form=_erp_form(connection_id=s.fresh("erp"))), 303),
    Row("GET", "/erp/{connection_id}", ADMINISTRATION, lambda s: Sample(f"/erp/{s.erp()}")),
    Row(
        "POST",
        "/erp/{connection_id}",
        ADMINISTRATION,
        lambda s: Sample(f"/erp/{s.erp()}", form=_erp_form(version="1")),
        303,
    ),
    Row(
        "POST",
        "/erp/{connection_id}/active",
        ADMINISTRATION,
        lambda s: Sample(f"/erp/{s.erp()}/active", form={"active": "false", "version": "1"}),
        303,
    ),
    Row("POST", "/erp/{connection_id}/tell-again", ADMINISTRATION, lambda s: _told_again_form(*s.erp_order()), 303),
    *(Row("POST", f"/erp/{{connection_id}}/{act}", ADMINISTRATION, _erp_act(act), s) for act, s in ERP_ACTS.items()),
    Row("GET", "/reconciliation", LOOKING_AFTER, at("/reconciliation"), 303),
    Row("GET", "/reconciliation/{subject}", LOOKING_AFTER, at("/reconciliation/orders")),
    Row(
        "GET",
        "/reconciliation/{subject}/differences.csv",
        LOOKING_AFTER,
        lambda s: Sample(f"/reconciliation/{s.erp_view()}/differences.csv"),
    ),
    Row("GET", "/webhooks", ADMINISTRATION, at("/webhooks")),
    Row(
        "POST",
        "/webhooks",
        ADMINISTRATION,
        lambda s: Sample("/webhooks", form={**_hook_form(), "webhook_id": s.fresh("hook")}),
    ),
    Row("GET", "/webhooks/{webhook_id}", ADMINISTRATION, lambda s: Sample(f"/webhooks/{s.webhook()}")),
    Row(
        "POST",
        "/webhooks/{webhook_id}",
        ADMINISTRATION,
        lambda s: Sample(f"/webhooks/{s.webhook()}", form={**_hook_form(), "version": "1"}),
        303,
    ),
    Row(
        "POST",
        "/webhooks/{webhook_id}/active",
        ADMINISTRATION,
        lambda s: Sample(f"/webhooks/{s.webhook()}/active", form={"active": "false", "version": "1"}),
        303,
    ),
    *(
        Row("POST", f"/webhooks/{{webhook_id}}/{act}", ADMINISTRATION, _hook_act(act), status)
        for act, status in (("test", 200), ("secret", 200), ("replay", 303), ("remove", 303))
    ),
]


# --- everybody


def _sign_in(stage: Stage) -> Sample:
    return Sample("/signin", form={"person": "nobody", "pin": "4711"})


OPEN: Final = [
    Row("GET", "/signin/elsewhere", PUBLIC, no_provider("/signin/elsewhere"), 409),
    Row("GET", "/signin/elsewhere/back", PUBLIC, no_provider("/signin/elsewhere/back"), 409),
    Row("GET", "/signout/elsewhere", PUBLIC, no_provider("/signout/elsewhere"), 409),
    Row("GET", "/signin", PUBLIC, at("/signin")),
    Row("POST", "/signin", PUBLIC, _sign_in, 401),
    Row(
        "POST",
        "/signin/badge",
        PUBLIC,
        lambda s: Sample("/signin/badge", form={"badge": "nobodys", "station": "BENCH"}),
        409,
    ),
    Row("POST", "/signout", PUBLIC, lambda s: Sample("/signout", form={}), 303),
    Row("GET", "/healthz", PUBLIC, at("/healthz")),
    Row("GET", "/readyz", PUBLIC, at("/readyz")),
    Row("GET", "/problems/{code}", PUBLIC, at("/problems/sign-in-failed")),
    Row("GET", "/api/openapi.json", PUBLIC, at("/api/openapi.json")),
    Row(MOUNT, "/static", PUBLIC, at("/static/app.css")),
]

ROWS: Final = [
    *ACCESS,
    *MASTER_DATA,
    *QUALITY,
    *ORDERS,
    *GENEALOGY,
    *EDGE_ROWS,
    *HISTORY,
    *EXCHANGE,
    *TABLE_FILES,
    *SCREENS,
    *OPEN,
]
