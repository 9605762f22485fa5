"""A server with two plants, the full cast in each, and fresh things for every request that needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from cryptography.fernet import Fernet
from fastapi import FastAPI

from mes.access.oidc.queries import find_identity_provider
from mes.access.oidc.service import put_identity_provider
from mes.access.oidc.types import IdentityProvider
from mes.access.privacy.queries import get_privacy_policy
from mes.access.queries import get_access_policy, list_sessions
from mes.access.second_factor import begin_second_factor
from mes.access.service import create_principal, create_token, give_badge, open_session
from mes.access.tokens import digest, new_session_value
from mes.access.types import Role
from mes.definitions.queries import get_definition
from mes.definitions.service import (
    begin_draft,
    create_definition,
    create_scrap_reason,
    create_work_master,
    put_document,
    set_definition_state,
)
from mes.definitions.types import (
    DataType,
    DefinitionSpec,
    DefinitionState,
    InstructionSpec,
    ParameterLimit,
    ScrapReasonSpec,
    SegmentSpec,
    WorkMasterSpec,
)
from mes.edge.queries import get_bridge, list_setups
from mes.edge.service import (
    begin_setup,
    give_up_setup,
    put_bridge,
    put_command,
    put_tag_bindings,
    record_bridge_health,
)
from mes.edge.types import SetupState, TagBindingSpec
from mes.equipment.queries import get_calendar, get_equipment, get_plant_policy
from mes.equipment.service import create_equipment, create_physical_asset, put_equipment_classes
from mes.equipment.types import Confirmation, EquipmentSpec, PhysicalAssetSpec
from mes.exchange.erp.queries import list_connections
from mes.exchange.erp.service import create_connection, remove_connection, take_turns
from mes.exchange.erp.taking import take_materials, take_order
from mes.exchange.erp.types import ConnectionSpec, ErpMaterial, ErpOrder, OrderWord
from mes.exchange.reconciliation.service import put_view
from mes.exchange.reconciliation.types import ErpView, Subject
from mes.exchange.table_files.importing import RowImport, import_file
from mes.exchange.table_files.service import keep_file, put_mapping
from mes.exchange.table_files.types import ImportMapping, SavedMapping
from mes.exchange.table_files.types import Kind as RowKind
from mes.exchange.webhooks.sending import Sender
from mes.exchange.webhooks.service import create_webhook
from mes.exchange.webhooks.types import WebhookSpec
from mes.genealogy.service import record_genealogy
from mes.genealogy.tools.service import put_tool
from mes.genealogy.tools.types import ToolSpec
from mes.genealogy.types import NewLot, Recording
from mes.ingest.quarantine.queries import list_quarantine
from mes.ingest.service import receive_batch
from mes.kernel.classes import ClassSpec
from mes.kernel.db import Database
from mes.kernel.plants import Plants
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork
from mes.kernel.vault import Vault
from mes.materials.life.queries import list_moisture_levels
from mes.materials.receiving.service import receive_lot
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.service import create_lot, create_material, put_material_classes
from mes.materials.types import LotSpec, MaterialSpec
from mes.orders.following.queries import get_followed_version
from mes.orders.queries import get_job
from mes.orders.service import (
    apply_machine_reports,
    ask_first_article,
    hold_job,
    record_counts,
    release_jobs,
    report_good,
    start_job,
    submit_operations_request,
)
from mes.orders.statements import load_job
from mes.orders.types import Cause, Count, CountKind, MachineJobReport
from mes.personnel.service import create_person, put_personnel_class
from mes.quality.service import create_defect_code, put_requirements, record_results
from mes.quality.types import DefectCodeSpec, RequirementSpec, ResultSpec, Verdict
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.job_control import JobState
from standards.lineside.commands_v1 import CommandKind
from standards.lineside.health_v1 import BridgeHealth
from standards.lineside.ingest_v1 import Batch, Sample
from tests.support.plants import build_plant
from tests.web.cast import Member, hire_cast

OTHER_PLANT, OTHER_HOST = "other", "other.test"


@dataclass(frozen=True)
class Job:
    """A job at a manual bench of its own, as a form needs it."""

    bench: str
    order_id: str
    job_id: str
    version: int


@dataclass
class Stage:
    """Made once for all rows: what a row needs it makes itself, under a fresh name."""

    app: FastAPI
    plants: Plants
    cast: dict[Role, Member]
    strangers: dict[Role, Member]
    """The cast of the other plant: Mallory in every role."""
    numbers: Any = field(default_factory=lambda: count(1))

    @property
    def database(self) -> Database:
        return self.plants.default

    def fresh(self, prefix: str) -> str:
        return f"{prefix}-{next(self.numbers)}"

    def do(self, verb: Callable[..., Any], **kwargs: Any) -> Any:
        return self.database.write_now(verb, actor=None, **kwargs)

    def principal(self, role: Role = Role.operator) -> str:
        name = self.fresh("somebody")
        self.do(create_principal, principal_id=name, role=role, display_name=name)
        return name

    def token_id(self) -> int:
        name = self.principal()
        return int(self.do(create_token, plant_id=self.database.plant_id, principal_id=name, label="x").token_id)

    def session_id(self, role: Role = Role.operator) -> int:
        """A session of somebody of that role."""
        name = self.principal(role)
        self.do(open_session, principal_id=name, session_sha256=digest(new_session_value(self.database.plant_id)))
        now_us = to_us(self.database.clock())
        (found,) = self.database.read_now(list_sessions, now_us=now_us, principal_id=name).items
        return found.session_id

    def badge_id(self) -> int:
        """A badge of somebody."""
        key = self.fresh("badge").encode().ljust(32)
        return int(self.do(give_badge, principal_id=self.principal(), badge_hmacs=[key]))

    def name_provider(self) -> int:
        """Somewhere to sign in elsewhere; the version of what is named."""
        kept = self.database.read_now(find_identity_provider)
        if kept is not None:
            return kept.provider.version
        provider = IdentityProvider("https://id.example", "mes", "Company")
        self.do(put_identity_provider, provider=provider, sealed_secret=b"sealed", version=0)
        return 1

    def access_policy_version(self) -> int:
        return self.database.read_now(get_access_policy).version

    def privacy_policy_version(self) -> int:
        return self.database.read_now(get_privacy_policy).version

    def second_factor(self) -> str:
        """Somebody who has begun to set up a second factor."""
        name = self.fresh("somebody")
        pk = self.do(create_principal, principal_id=name, role=Role.operator, display_name=name)
        self.do(begin_second_factor, principal_pk=pk, sealed_secret=b"sealed")
        return name

    def person(self) -> str:
        name = self.fresh("person")
        self.do(create_person, person_id=name, name=name)
        return name

    def personnel_class(self) -> str:
        name = self.fresh("skill")
        self.do(put_personnel_class, personnel_class_id=name)
        return name

    def equipment_class(self) -> str:
        name = self.fresh("class")
        self.do(put_equipment_classes, specs=[ClassSpec(name)])
        return name

    def material_class(self) -> str:
        name = self.fresh("class")
        self.do(put_material_classes, specs=[ClassSpec(name)])
        return name

    def bench(self) -> str:
        """A manual work unit of its own."""
        bench = self.fresh("BENCH")
        spec = EquipmentSpec(bench, EquipmentLevel.WorkUnit, "BENCHES", confirmation=Confirmation.Manual)
        self.do(create_equipment, spec=spec)
        return bench

    def version_of_bench(self, bench: str) -> int:
        return self.database.read_now(get_equipment, equipment_id=bench).version

    def version_of_route(self, route: str) -> int:
        return self.database.read_now(get_definition, definition_id=route).version

    def asset(self) -> str:
        name = self.fresh("asset")
        self.do(create_physical_asset, spec=PhysicalAssetSpec(name))
        return name

    def calendar_version(self) -> int:
        return self.database.read_now(get_calendar).version

    def tool(self) -> str:
        name = self.fresh("tool")
        self.do(put_tool, spec=ToolSpec(name))
        return name

    def policy_version(self) -> int:
        return self.database.read_now(get_plant_policy).version

    def material(self) -> str:
        name = self.fresh("material")
        self.do(create_material, spec=MaterialSpec(name, "pcs"))
        return name

    def lot(self) -> str:
        name = self.fresh("lot")
        self.do(create_lot, spec=LotSpec(name, "BOARD", Decimal(5), "pcs"))
        return name

    def received(self) -> str:
        """A lot that was received."""
        return str(self.do(receive_lot, spec=ReceiptSpec("BOARD", Decimal(5), "pcs", self.fresh("request"))))

    def version_of_level(self, level: str) -> int:
        return next(v.version for v in self.database.read_now(list_moisture_levels) if v.spec.level == level)

    def work_master(self) -> str:
        name = self.fresh("recipe")
        self.do(create_work_master, spec=WorkMasterSpec(name))
        return name

    def route(self, bench: str = "BENCH") -> str:
        """An operations definition with one step, which has an instruction, version 1."""
        name = self.fresh("route")
        segment = SegmentSpec("PACK", "WM-BENCH", bench, instructions=(InstructionSpec("Fold the box"),))
        self.do(create_definition, spec=DefinitionSpec(name, "BOARD", (segment,)))
        return name

    def draft(self) -> tuple[str, str, int]:
        """A second version of a route of its own, as a draft: id, label, version."""
        route = self.route()
        label = str(self.do(begin_draft, definition_id=route, from_label="1"))
        return route, label, self.version_of_route(route)

    def order_with_newer_version(self) -> tuple[str, str]:
        """An order of version 1 whose route has a released version 2: the order's id, the label."""
        job = self.job()
        route = self.database.read_now(get_followed_version, operations_request_id=job.order_id)
        assert route is not None
        label = str(self.do(begin_draft, definition_id=route[0], from_label="1"))
        released = DefinitionState.Released
        self.do(set_definition_state, definition_id=route[0], version_label=label, state=released)
        return job.order_id, label

    def picture(self) -> bytes:
        """A PNG that nobody has seen yet, as far as its first bytes say."""
        return b"\x89PNG\r\n\x1a\n" + self.fresh("picture").encode()

    def document(self) -> str:
        return str(self.do(put_document, content=self.picture()).sha256)

    def scrap_reason(self) -> str:
        name = self.fresh("reason")
        self.do(create_scrap_reason, spec=ScrapReasonSpec(name, "Dented"))
        return name

    def webhook(self) -> str:
        """A webhook nobody listens to."""
        spec = WebhookSpec(self.fresh("hook"), "https://hooks.example/a", ("orders.*",))
        sealed = self.app.state.webhook_sender.vault.seal("whsec_c2VjcmV0")
        self.database.write_now(create_webhook, actor=None, spec=spec, sealed_secret=sealed)
        return spec.webhook_id

    def erp(self) -> str:
        """An ERP connection that nobody answers at; those before it are gone, since a plant may have but a few."""
        for before in self.database.read_now(list_connections):
            self.do(remove_connection, connection_id=before.spec.connection_id)
        home = {"plain_http": True, "private_addresses": True}
        spec = ConnectionSpec(self.fresh("erp"), "tryton", "http://127.0.0.1:9", "plant", "lineside", **home)
        sealed = self.app.state.vault.seal("secret")
        self.do(create_connection, spec=spec, sealed_password=sealed, kinds=("tryton",))
        return spec.connection_id

    def erp_order(self) -> tuple[str, str]:
        """A connection and an order of its ERP, for a material that one routing makes (others are made of BOARD)."""
        name, number, material = self.erp(), self.fresh("ERP-ORDER"), self.material()
        spec = DefinitionSpec(self.fresh("route"), material, (SegmentSpec("PACK", "WM-BENCH", "BENCH"),))
        self.do(create_definition, spec=spec)
        (turn,) = [turn for turn in self.do(take_turns) if turn.spec.connection_id == name]
        self.do(take_materials, connection_pk=turn.pk, materials=[ErpMaterial("7", material, "pcs")])
        order = ErpOrder("1", number, OrderWord.open, "7", "", Decimal(8), "pcs")
        self.do(take_order, connection_pk=turn.pk, spec=turn.spec, order=order)
        return name, number

    def erp_material(self) -> str:
        """A connection with a material of its ERP: the path to it."""
        name, material = self.erp(), self.fresh("GOODS")
        (turn,) = [turn for turn in self.do(take_turns) if turn.spec.connection_id == name]
        self.do(take_materials, connection_pk=turn.pk, materials=[ErpMaterial("7", material, "pcs")])
        return f"{name}/materials/{material}"

    def import_mapping(self) -> str:
        name = self.fresh("mapping")
        self.do(put_mapping, saved=SavedMapping(name, RowKind.persons, ImportMapping()))
        return name

    def erp_view(self) -> str:
        """The subject of a view an ERP has sent."""
        self.do(put_view, view=ErpView(Subject.lots, self.database.clock()))
        return Subject.lots.value

    def waiting_file(self) -> str:
        import_id = self.fresh("file")
        kept = {"kind": RowKind.material_lots, "name": "x.csv", "content": b"lot,material,qty\nX,NONE,1\n"}
        self.do(keep_file, import_id=import_id, **kept, mapping=ImportMapping({"id": "lot"}), mapping_name="")
        return import_id

    def imported(self) -> str:
        """A file of which a row was refused."""
        data = b"lot,material,qty\nX,NONE,1\n"
        return import_file(RowImport(self.database), data, name="x.csv", kind=RowKind.material_lots).import_id

    def defect_code(self) -> str:
        name = self.fresh("defect")
        self.do(create_defect_code, spec=DefectCodeSpec(name, "Bridged"))
        return name

    def required_work_master(self) -> str:
        name = self.work_master()
        self.do(put_requirements, specs=[RequirementSpec(name)])
        return name

    def failed_unit(self) -> str:
        unit = self.fresh("SN")
        at_us = to_us(self.database.clock())
        self.do(record_results, results=[ResultSpec("ICT", unit, unit, "BENCH", Verdict.failed, at_us)])
        return unit

    def command(self) -> str:
        """A command that waits for Bert's bridge."""
        bridge = self.database.read_now(get_bridge, bridge_id="bert")
        return str(
            self.do(
                put_command,
                bridge_pk=bridge.pk,
                kind=CommandKind.browse,
                payload={},
                expires_at_us=to_us(self.database.clock()) + 60_000_000,
            )
        )

    def certificate(self) -> str:
        """The page of a machine's certificate that waits for a decision at Bert's bridge."""
        mark = f"{next(self.numbers):064x}"
        health = BridgeHealth(at_us=next(self.numbers), certificates_waiting=[mark])
        self.do(record_bridge_health, bridge_id="bert", health=health)
        return f"/bridges/bert/certificates/{mark}"

    def reading(self) -> int:
        """A serial that Bert's bridge read when nobody knew it; somebody does now."""
        serial, at_us = self.fresh("SN"), to_us(self.database.clock())
        binding = TagBindingSpec("READER", "identity", "PRESS", what="unit")
        self.do(put_tag_bindings, bridge_id="bert", bindings=[binding])
        batch = Batch(self.fresh("readings"), 1, [Sample("READER", serial, at_us, at_us)])
        self.do(receive_batch, bridge_id="bert", batch=batch)
        self.do(record_genealogy, recording=Recording([NewLot(serial, self.material())]))
        return self.database.read_now(list_quarantine).page.items[0].pk

    def setup(self) -> str:
        """A machine that is being set up through Bert's bridge."""
        place = {"bridge_id": "bert", "equipment_id": "PRESS", "name": self.fresh("M"), "url": "opc.tcp://m/"}
        found = str(self.do(begin_setup, **place))
        for one in self.database.read_now(list_setups, limit=100):
            if one.state is SetupState.open and one.id != found:
                self.do(give_up_setup, setup_id=one.id, version=one.version)
        return found

    def job(self) -> Job:
        """A job that waits for its release."""
        bench = self.bench()
        route = self.route(bench)
        order_id = self.fresh("PO")
        done = self.do(submit_operations_request, id=order_id, operations_definition_id=route, quantity=Decimal(5))
        return self._seen(bench, order_id, done.job_order_ids[0])

    def tuned_job(self) -> Job:
        """A job that waits, and whose recipe has a torque within limits."""
        recipe, bench, route, order_id = self.fresh("recipe"), self.bench(), self.fresh("route"), self.fresh("PO")
        limits = {"torque": ParameterLimit(DataType.decimal, "N.m", Decimal("0.5"), Decimal("0.9"))}
        self.do(create_work_master, spec=WorkMasterSpec(recipe, parameters={"torque": "0.7"}, limits=limits))
        self.do(create_definition, spec=DefinitionSpec(route, "BOARD", (SegmentSpec("SCREW", recipe, bench),)))
        done = self.do(submit_operations_request, id=order_id, operations_definition_id=route, quantity=Decimal(5))
        return self._seen(bench, order_id, done.job_order_ids[0])

    def released_job(self) -> Job:
        job = self.job()
        self.do(release_jobs, versions={job.job_id: job.version})
        return self._seen(job.bench, job.order_id, job.job_id)

    def started_job(self) -> Job:
        job = self.released_job()
        self.do(start_job, job_id=job.job_id, version=job.version)
        return self._seen(job.bench, job.order_id, job.job_id)

    def held_job(self) -> Job:
        return self.after(hold_job, self.job(), reason="check")

    def gated_job(self) -> Job:
        """A job that its first article holds."""
        job = self.after(ask_first_article, self.started_job(), reason="check")
        self.do(report_good, job_id=job.job_id, quantity=Decimal(1), request_id=self.fresh("request"))
        return self._seen(job.bench, job.order_id, job.job_id)

    def job_with_a_rest(self) -> Job:
        """A job that is over, by its machine's word, with less than it was asked for."""
        job = self.started_job()
        self.do(_end_early, job_id=job.job_id)
        return self._seen(job.bench, job.order_id, job.job_id)

    def job_to_count(self) -> Job:
        """A job that is over, and whose pieces nobody saw all of."""
        job = self.started_job()
        self.do(_end_unseen, job_id=job.job_id)
        return self._seen(job.bench, job.order_id, job.job_id)

    def after(self, verb: Callable[..., Any], job: Job, **kwargs: Any) -> Job:
        """The job after one more verb; `version` is filled in."""
        self.do(verb, job_id=job.job_id, version=job.version, **kwargs)
        return self._seen(job.bench, job.order_id, job.job_id)

    def _seen(self, bench: str, order_id: str, job_id: str) -> Job:
        view = self.database.read_now(get_job, job_id=job_id, now=self.database.clock())
        return Job(bench, order_id, job_id, view.version)


def _end_early(uow: UnitOfWork, *, job_id: str) -> None:
    job = load_job(uow, job_id)
    assert job is not None
    place, now = job.equipment_pk, uow.now_us
    record_counts(uow, counts=[Count(job.pk, place, CountKind.good, "", 2_000_000, 2_000_000, now, now, Cause.machine)])
    apply_machine_reports(uow, reports=[MachineJobReport(place, job_id, JobState.Ended, 0, now)])


def _end_unseen(uow: UnitOfWork, *, job_id: str) -> None:
    """Two to four pieces, then the end, both by the machine's word."""
    job = load_job(uow, job_id)
    assert job is not None
    place, now = job.equipment_pk, uow.now_us
    count = Count(job.pk, place, CountKind.good, "", 2_000_000, 4_000_000, now, now, Cause.machine)
    record_counts(uow, counts=[count])
    apply_machine_reports(uow, reports=[MachineJobReport(place, job_id, JobState.Ended, 0, now)])


def set_stage(app: FastAPI, plants: Plants) -> Stage:
    """Fill both plants and let the application serve them."""
    app.state.plants = plants
    app.state.vault = Vault([Fernet.generate_key()])
    app.state.webhook_sender = Sender(app.state.vault)
    other = plants.create(OTHER_PLANT)
    plants.map_host(OTHER_HOST, OTHER_PLANT)
    for database in (plants.default, other):
        database.write_now(build_plant, actor=None)
        database.write_now(put_bridge, actor=None, bridge_id="bert")
    return Stage(app, plants, hire_cast(plants.default), hire_cast(other))
