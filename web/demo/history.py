"""Two believable weeks before the present, lived through the same verbs as every other day: the simulator's past is
handed in at the bridge's door, each act at its own time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from mes.access.queries import get_principal
from mes.ingest.service import forget_baselines, receive_batch
from mes.kernel.db import Database
from mes.kernel.sqltypes import from_us, to_us
from mes.kernel.uow import UnitOfWork
from mes.orders.queries import get_job
from mes.orders.service import (
    complete_job,
    release_jobs,
    report_good,
    start_job,
    submit_operations_request,
)
from mes.orders.types import UNDO_S
from mes.reporting.service import publish_due_reports
from opcua_bridge.simulator.history import (
    HistoryCommand,
    HistoryItem,
    HistoryOrder,
    HistoryPacking,
    HistorySample,
    generate_history,
)
from opcua_bridge.simulator.ledger import Ledger
from standards.lineside.ingest_v1 import MAX_BATCH_ITEMS, Batch, Entry, Sample

PAST: Final = timedelta(days=14)
SEGMENTS: Final = {"SMT-1": "SMT", "DEPANEL-1": "DEPANEL", "TEST-1": "TEST", "PACK-1": "PACK", "CNC-1": "MILL"}
ROUTE_TARGETS: Final = {"CB-100": ("SMT-1", "DEPANEL-1", "TEST-1", "PACK-1"), "BH-200": ("CNC-1",)}
ACTS_A_COMMIT: Final = 50
AFTER_ALL: Final = timedelta(seconds=UNDO_S + 5)
TODAY: Final = (
    ("PO-2001", "CB-100", 400, timedelta(hours=9), True),
    ("PO-2002", "BH-200", 120, timedelta(hours=5), True),
    ("PO-2003", "CB-100", 120, timedelta(hours=14), False),
    ("PO-2004", "BH-200", 60, timedelta(hours=20), False),
)
"""What lies on the board when the demo begins: id, material, quantity, due in, released."""


def seed_history(
    database: Database, *, bridge_id: str, erp: str, supervisor: str, operator: str, ledger: Path, seed: int
) -> None:
    """Fill a fresh plant with the two weeks before now. The machines' counters begin anew afterwards."""
    end = datetime.now(UTC) - AFTER_ALL - timedelta(seconds=1)
    past = _Past(database, bridge_id, {"erp": erp, "supervisor": supervisor, "operator": operator})
    with Ledger(ledger) as book:
        for item in generate_history(seed, end - PAST, end, job_id_of=_job_id, ledger=book):
            past.live(item)
    past.finish(end + AFTER_ALL)


def _job_id(operations_request_id: str, target: str) -> str:
    return f"{operations_request_id}-{SEGMENTS[target]}"


Act = Callable[[UnitOfWork], object]


class _Past:
    """Hands the past in, in its own order and at its own time; many acts share a commit."""

    def __init__(self, database: Database, bridge_id: str, people: dict[str, str]) -> None:
        self._database = database
        self._bridge_id = bridge_id
        self._pks = {role: principal_pk(database, name) for role, name in people.items()}
        self._journal_id = f"history-{uuid4()}"
        self._next_seq = 1
        self._samples: list[Entry] = []
        self._acts: list[tuple[int, int | None, Act]] = []

    def live(self, item: HistoryItem) -> None:
        """One thing that happened."""
        match item:
            case HistorySample():
                self._samples.append(
                    Sample(item.tag, item.value, item.at_us, source_at_us=item.at_us, data_type=item.data_type)
                )
                if len(self._samples) >= MAX_BATCH_ITEMS:
                    self._hand_in()
            case HistoryOrder():
                self._hand_in()
                self._order(item)
            case HistoryPacking():
                self._hand_in()
                self._packing(item)
            case HistoryCommand():
                pass

    def finish(self, at: datetime) -> None:
        """Everything is told, nothing of it is a baseline for the machines of today, and today's orders are there."""
        self._hand_in()
        at_us = to_us(at)
        self._do(at_us, "supervisor", _publish_all)
        self._do(at_us, "supervisor", partial(forget_baselines, bridge_id=self._bridge_id))
        for order in TODAY:
            self._do(at_us, "erp", partial(_plan, at=at, order=order, supervisor_pk=self._pks["supervisor"]))
        self._commit()

    def _do(self, at_us: int, role: str | None, act: Act) -> None:
        self._acts.append((at_us, None if role is None else self._pks[role], act))
        if len(self._acts) >= ACTS_A_COMMIT:
            self._commit()

    def _commit(self) -> None:
        acts, self._acts = self._acts, []
        self._database.write_now(_live_through, actor=None, correlation_id="demo-history", acts=acts)

    def _hand_in(self) -> None:
        if not self._samples:
            return
        at_us = max(item.observed_at_us for item in self._samples if isinstance(item, Sample))
        batch = Batch(self._journal_id, self._next_seq, self._samples)
        self._do(at_us, None, partial(receive_batch, bridge_id=self._bridge_id, batch=batch))
        self._next_seq += len(self._samples)
        self._samples = []

    def _order(self, order: HistoryOrder) -> None:
        submit = partial(
            submit_operations_request,
            id=order.id,
            quantity=Decimal(order.quantity),
            material_id=order.material,
            due_at=from_us(order.due_at_us),
        )
        jobs = [_job_id(order.id, target) for target in ROUTE_TARGETS[order.material]]
        self._do(order.released_at_us, "supervisor", publish_due_reports)
        self._do(order.released_at_us, "erp", submit)
        self._do(order.released_at_us, "supervisor", partial(release_jobs, versions=dict.fromkeys(jobs, 1)))

    def _packing(self, packing: HistoryPacking) -> None:
        job_id = _job_id(packing.operations_request_id, packing.target)
        self._do(packing.started_at_us, "operator", partial(_at_its_version, verb=start_job, job_id=job_id))
        if packing.good:
            quantity, request_id = Decimal(packing.good), f"history:{job_id}"[:100]
            counted = partial(report_good, job_id=job_id, quantity=quantity, request_id=request_id)
            self._do(packing.at_us, "operator", counted)
        self._do(packing.at_us, "operator", partial(_at_its_version, verb=complete_job, job_id=job_id))


def _live_through(uow: UnitOfWork, *, acts: Sequence[tuple[int, int | None, Act]]) -> None:
    """Each act at its own time and in its own name."""
    for at_us, actor, act in acts:
        uow.now, uow.now_us, uow.actor = from_us(at_us), at_us, actor
        act(uow)


def _at_its_version(uow: UnitOfWork, *, verb: Callable[..., None], job_id: str) -> None:
    verb(uow, job_id=job_id, version=get_job(uow.session, job_id=job_id, now=uow.now).version)


def _plan(uow: UnitOfWork, *, at: datetime, order: tuple[str, str, int, timedelta, bool], supervisor_pk: int) -> None:
    """An order for the machines of today; some a supervisor has released already."""
    order_id, material, quantity, due_in, released = order
    made = submit_operations_request(
        uow, id=order_id, quantity=Decimal(quantity), material_id=material, due_at=at + due_in
    )
    if released:
        uow.actor = supervisor_pk
        release_jobs(uow, versions=dict.fromkeys(made.job_order_ids, 1))


def _publish_all(uow: UnitOfWork) -> None:
    for _ in range(5):
        publish_due_reports(uow)


def principal_pk(database: Database, principal_id: str) -> int:
    """The key of a principal of the demo."""
    principal = database.read_now(get_principal, principal_id=principal_id)
    if principal is None:
        raise LookupError(f"the demo has no principal {principal_id}")
    return principal.pk
