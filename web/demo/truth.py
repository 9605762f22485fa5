"""One line: what the factory's own ledger says was made, what the MES counted, what the ERP was told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx

from web.demo.erp import Erp

PAGE: Final = 1_000


@dataclass(frozen=True)
class Counted:
    """What the MES has for one job: pieces, proven and at most (None: no bound known)."""

    low: Decimal
    high: Decimal | None


@dataclass(frozen=True)
class Comparison:
    """Pieces, good and scrapped together, of the jobs the factory knows."""

    made: Decimal
    counted: Decimal
    ended_made: Decimal
    told: Decimal
    wrong: tuple[str, ...]
    """Jobs for which the MES claims more than was made."""
    behind: Decimal
    unsure: int
    """Jobs with an interval instead of a number."""

    @property
    def verdict(self) -> str:
        """`wrong`, `behind` (still on its way), `interval` or `equal`."""
        if self.wrong:
            return "wrong"
        if self.unsure:
            return "interval"
        return "behind" if self.behind else "equal"


def compare(made: Mapping[str, Decimal], counted: Mapping[str, Counted], told: Mapping[str, Decimal]) -> Comparison:
    """Pure: the three accounts side by side. `made` must have been read after the others: it may only be ahead."""
    nothing = Counted(Decimal(0), Decimal(0))
    jobs = {job: counted.get(job, nothing) for job in made}
    return Comparison(
        made=_sum(made.values()),
        counted=_sum(its.low for its in jobs.values()),
        ended_made=_sum(pieces for job, pieces in made.items() if job in told),
        told=_sum(pieces for job, pieces in told.items() if job in made),
        wrong=tuple(job for job, its in jobs.items() if its.low > made[job]),
        behind=_sum(made[job] - its.low for job, its in jobs.items() if its.high == its.low),
        unsure=sum(its.high != its.low for its in jobs.values()),
    )


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0))


async def look(client: httpx.AsyncClient, erp: Erp, ledger: Path) -> Comparison:
    """Ask all three. httpx.HTTPError while the server is away."""
    await erp.pull()
    counted = {job["id"]: _counted(job) for job in await _jobs(client)}
    made = await asyncio.to_thread(_made, ledger)
    return compare(made, counted, {job: pieces for job, (_, pieces) in erp.told.items()})


def _made(ledger: Path) -> dict[str, Decimal]:
    from opcua_bridge.simulator.ledger import read_job_totals  # brings the OPC UA library: not while starting

    return {job: Decimal(total.good + total.scrap) for job, total in read_job_totals(ledger).items()}


async def _jobs(client: httpx.AsyncClient) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
        response = await client.get("/api/v1/job-orders", params=params)
        response.raise_for_status()
        page = response.json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _counted(job: Mapping[str, Any]) -> Counted:
    low = Decimal(job["quantity_good"]) + Decimal(job["quantity_scrap"])
    uppers = (job["quantity_good_upper"], job["quantity_scrap_upper"])
    return Counted(low, None if None in uppers else sum((Decimal(upper) for upper in uppers), Decimal(0)))
