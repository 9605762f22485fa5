"""Three accounts of the same pieces side by side: the factory's ledger, the MES, and what the ERP was told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from opcua_bridge.simulator.catalog import COUNTING_POINTS, GOOD, PIECES_PER_COUNT
from opcua_bridge.simulator.ledger import read_job_totals, read_totals
from tests.journeys.factory_in_a_box import Box, until

Key = tuple[str, str]
"""A job or a piece of equipment, and `good` or `scrap`."""
NONE: Final = Decimal(0)


@dataclass(frozen=True)
class Between:
    """At least `low`, at most `high` (None: no upper bound known)."""

    low: Decimal = NONE
    high: Decimal | None = NONE

    def __add__(self, other: Between) -> Between:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Between(self.low + other.low, high)

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def holds(self, truth: Decimal) -> bool:
        return self.low <= truth and (self.high is None or truth <= self.high)


def between(low: str, high: str | None) -> Between:
    return Between(Decimal(low), None if high is None else Decimal(high))


@dataclass(frozen=True)
class Truth:
    """Pieces by job and kind, and those of no job by counting point and kind."""

    jobs: dict[Key, Decimal]
    unassigned: dict[Key, Decimal]


def truth_of(ledger: Path, moved: Mapping[str, int]) -> Truth:
    """What the ledger says; `moved`: good pieces of a job that an operator called scrap."""
    jobs: dict[Key, Decimal] = {}
    for job, made in read_job_totals(ledger).items():
        jobs[job, "good"] = Decimal(made.good - moved.get(job, 0))
        jobs[job, "scrap"] = Decimal(made.scrap + moved.get(job, 0))
    unassigned: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for (equipment, counter), n in read_totals(ledger).unassigned.items():
        if equipment in COUNTING_POINTS.values():
            unassigned[equipment, "good" if counter == GOOD else "scrap"] += n * PIECES_PER_COUNT[equipment]
    return Truth(jobs, dict(unassigned))


@dataclass
class Told:
    """The ERP's own books: it pulls by cursor and keeps the newest version of each report."""

    after: int = 0
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def pull(self, box: Box) -> None:
        """Everything after the cursor. A cursor or a version out of turn is an AssertionError."""
        while True:
            answer = await box.erp.get("/api/v1/operations-performance", params={"after": self.after, "limit": 3})
            answer.raise_for_status()
            page = answer.json()
            for item in page["items"]:
                assert item["cursor"] > self.after, "a cursor came back"
                self.after = item["cursor"]
                self._keep(item["job_response"])
            assert page["next_after"] == self.after
            if not page["items"]:
                return

    def _keep(self, report: dict[str, Any]) -> None:
        versions = self.versions.setdefault(report["job_order_id"], [])
        assert report["version"] == len(versions) + 1, f"{report['job_order_id']}: version {report['version']}"
        versions.append(report)

    def amounts(self) -> dict[Key, Between]:
        found = {}
        for job, versions in self.versions.items():
            (actual,) = (one for one in versions[-1]["material_actual"] if one["use"] == "Produced")
            for kind, amount in (("good", actual), ("scrap", actual["scrap"])):
                found[job, kind] = between(amount["quantity"], amount["quantity_upper"])
                assert amount["exact"] == found[job, kind].exact
        return found


@dataclass
class Accounts:
    """Looks at all three. What the MES claims may lag behind the ledger, never be ahead of it."""

    box: Box
    told: Told = field(default_factory=Told)
    moved: dict[str, int] = field(default_factory=dict)
    bench: dict[Key, Decimal] = field(default_factory=dict)
    """What people made at manual stations; no ledger knows it."""

    async def counted(self) -> dict[Key, Between]:
        found = {}
        for job_id, job in (await self.box.jobs()).items():
            for kind in ("good", "scrap"):
                found[job_id, kind] = between(job[f"quantity_{kind}"], job[f"quantity_{kind}_upper"])
        return found

    async def unassigned(self) -> dict[Key, Between]:
        answer = await self.box.erp.get("/api/v1/unassigned-counts", params={"limit": 1000})
        answer.raise_for_status()
        page = answer.json()
        assert page["next_cursor"] is None, "there is more than one page"
        found: defaultdict[Key, Between] = defaultdict(Between)
        for count in page["items"]:
            found[count["equipment_id"], count["kind"]] += between(count["quantity"], count["quantity_upper"])
        return dict(found)

    def truth(self) -> Truth:
        truth = truth_of(self.box.files.ledger, self.moved)
        return Truth({**truth.jobs, **self.bench}, truth.unassigned)

    async def differences(self, *, exact: bool = True) -> list[str] | None:
        """What is not as the ledger has it; None while the factory wrote on. A wrong claim is an AssertionError."""
        before = self.truth()
        counted, unassigned = await self.counted(), await self.unassigned()
        await self.told.pull(self.box)
        truth = self.truth()
        self._claims_nothing_wrong(counted, truth.jobs)
        self._claims_nothing_wrong(unassigned, truth.unassigned)
        if before != truth:
            return None
        return [
            *_apart("counted", counted, truth.jobs, exact=exact),
            *_apart("of no job", unassigned, truth.unassigned, exact=exact),
            *_apart("told", self.told.amounts(), truth.jobs, exact=exact),
        ]

    def _claims_nothing_wrong(self, claims: Mapping[Key, Between], made: Mapping[Key, Decimal]) -> None:
        for key, claim in claims.items():
            assert claim.low <= made.get(key, NONE), f"{key}: claims {claim}, made were {made.get(key, NONE)}"

    async def agree(self, *, exact: bool = True) -> None:
        """Return once all three agree and nothing is on its way; and they still agree a moment later."""
        for _ in range(2):
            await until(self.box.bridge_is_well, "the bridge has sent everything")
            await until(lambda: self.differences(exact=exact), "the accounts agree", holds=lambda found: found == [])


def _apart(who: str, claims: Mapping[Key, Between], made: Mapping[Key, Decimal], *, exact: bool) -> list[str]:
    apart = []
    for key in sorted({*claims, *made}):
        claim, truth = claims.get(key, Between()), made.get(key, NONE)
        if not claim.holds(truth) or (exact and not claim.exact):
            apart.append(f"{who} {key}: {claim.low}..{claim.high}, made {truth}")
    return apart
