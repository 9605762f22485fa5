"""The plant that makes Tryton's pumps: a press that is a machine, a bench that is not, and what is done at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from mes.exchange.erp import queries, service
from mes.exchange.erp.kinds import MAKERS
from mes.exchange.erp.rounds import Rounds
from mes.exchange.erp.types import ConnectionSpec, ConnectionView, ErpOrderView
from mes.genealogy.service import record_genealogy
from mes.genealogy.types import Act, ActKind, Link, NewLot, Recording
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import KEY_FILE, open_vault
from mes.materials.service import put_lots
from mes.materials.types import LotKind, LotSpec
from mes.orders.service import report_scrap
from mes.reporting.service import publish_due_reports
from standards.isa95.job_control import JobState
from tests.conftest import SettableClock
from tests.mes.orders.acts import Acts
from tests.support.plants import BENCH, PRESS, Box
from tests.support.ticks import tick
from tests.support.tryton import DATABASE, PASSWORD, USER

ERP = "tryton"
PLACES = {"Press 1": PRESS, "Bench 1": BENCH}


def connection(url: str = "http://127.0.0.1:9", **more: object) -> ConnectionSpec:
    values = {"plain_http": True, "private_addresses": True, "places": PLACES, **more}
    return ConnectionSpec(ERP, "tryton", url, DATABASE, USER, **values)  # type: ignore[arg-type]


@dataclass
class Floor:
    """`press` and `bench` do a job from start to end; `look` lets the connection take its turn."""

    plant: Database
    clock: SettableClock
    folder: Path
    acts: Acts = field(init=False)
    box: Box = field(init=False)
    strokes: int = 0

    def __post_init__(self) -> None:
        self.acts, self.box = Acts(self.plant), Box(self.plant)
        self.vault = open_vault(self.folder / KEY_FILE)
        self.rounds = Rounds(self.plant, self.vault, MAKERS)

    def connect(self, url: str, **more: object) -> None:
        sealed = self.vault.seal(PASSWORD)
        kinds = tuple(MAKERS)
        spec = connection(url, **more)
        self.plant.write_now(service.create_connection, actor=None, spec=spec, sealed_password=sealed, kinds=kinds)

    async def look(self) -> None:
        """The undo of what was done last has lapsed, reports are out, and the next turn has come."""
        self.clock.advance(seconds=15)
        tick(self.plant, publish_due_reports)
        await self.rounds.look()
        assert self.view().said == ""

    def view(self) -> ConnectionView:
        return self.plant.read_now(queries.get_connection, connection_id=ERP)

    def orders(self) -> dict[str, ErpOrderView]:
        wanted = {"connection_id": ERP, "troubled": False, "cursor": None, "limit": 100}
        page = self.plant.read_now(queries.list_erp_orders, **wanted)  # type: ignore[arg-type]
        return {view.key: view for view in page.items}

    def press(self, job_id: str, *, seconds: int = 60, good: int) -> None:
        """The machine runs the job, and counts two pieces at a time."""
        self.box.ready(PRESS)
        self.box.say(self.box.sample(f"{PRESS}.Good", self.strokes))
        self.acts.release(job_id)
        self.clock.advance(seconds=1)
        self.box.job(PRESS, job_id, JobState.Running)
        self.clock.advance(seconds=seconds)
        self.strokes += good // 2
        self.box.say(self.box.sample(f"{PRESS}.Good", self.strokes))
        self.box.job(PRESS, job_id, JobState.Ended)

    def bench(self, job_id: str, *, good: int, scrap: int = 0, seconds: int = 120, pause_s: int = 0) -> None:
        """A person runs the job."""
        self.acts.release(job_id)
        self.acts.start(job_id)
        self.clock.advance(seconds=seconds)
        self.acts.good(job_id, good)
        if scrap:
            request_id = f"scrap-{job_id}"
            self.acts.do(
                report_scrap, job_id=job_id, quantity=Decimal(scrap), reason_id="scratch", request_id=request_id
            )
        self.acts.complete(job_id)

    def consume(self, job_id: str, made: str, quantity: int, taken: Sequence[tuple[str, int]]) -> int:
        """Lots of controllers go into a lot of pumps; answers the act."""
        put = [LotSpec(lot_id, "CONTROLLER", Decimal(500), "u") for lot_id, _ in taken]
        self.acts.do(put_lots, specs=put)
        act = Act(ActKind.consumed, made, to_us(self.clock()), BENCH, None, job_id)
        new = NewLot(made, "PUMP", quantity * 1_000_000, LotKind.lot, job_id)
        links = [Link(0, lot_id, made, pieces * 1_000_000) for lot_id, pieces in taken]
        done = self.acts.do(record_genealogy, recording=Recording([new], [act], links))
        return int(done.first_act)
