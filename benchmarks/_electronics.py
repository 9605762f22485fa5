"""An electronics factory's genealogy with a fixed generator and seed: supplier lot → reel → panel → eight boards →
modules (three a unit) → unit → carton → shipment. About 88 links and 650 ancestors a unit; reels and bins are mounted
in slots and consumed by sequence, and a part of their changes are splices that straddle a panel.

`Factory` has it twice: as what a plant records (mounts, passes, explicit links) and as every logical link by itself
(`parents`, `children`, `possible`), from which `Walk` makes arrays in memory: the floor, and the judge of every answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEED = 4
LINKS_A_UNIT = 87.7
BOARDS_A_PANEL = 8
SLOTS = (60, 100, 140)
"""Of the three placement lines, one a kind of board."""
BINS_A_MODULE, BINS_A_UNIT = 10, 10
UNITS_A_CARTON, CARTONS_A_SHIPMENT = 10, 20
SPLICED = 0.3
"""Of the changes of reels: made while a panel is being placed."""
START_US, UNIT_US = 1_767_225_600_000_000, 30_000_000

SUPPLIER_LOT, REEL, PANEL, BOARD, MODULE, UNIT, CARTON, SHIPMENT, BIN_LOT = range(9)
PREFIXES = ("SUP", "R", "P", "B", "M", "SN", "C", "DN", "BIN")
PLACEMENT, ASSEMBLY, FINAL = (0, 1, 2), (3, 4, 5), 6
"""Stations, by number."""


@dataclass
class Factory:
    """Nodes are numbered from 0 in the order in which they come into being; every array of them goes by that number."""

    kind: Any
    at_us: Any
    quantity: Any
    parents: Any
    children: Any
    possible: Any
    """Logical links."""
    mounts: Any
    """Rows: station, slot, first and last sequence (a splice shares its with the next), lot, whether it is a splice."""
    passes: Any
    """Rows: station, sequence, node; in the order of time."""
    explicit: Any
    """Rows: act, parent, child, quantity × 10^6; `act` counts `acts`."""
    acts: Any
    """Rows: what was done to which node, at which station (-1: none), sequence (-1: no pass), the newest node that it
    names; in the order of the last."""
    full_reels: Any = field(default_factory=lambda: np.empty(0, int))
    """Reels that went into exactly 5,000 boards."""

    @property
    def ids(self) -> list[str]:
        return [f"{PREFIXES[kind]}{number:08d}" for number, kind in enumerate(self.kind.tolist())]


class _Nodes:
    """Nodes as they are made, in any order."""

    def __init__(self) -> None:
        self.kinds: list[Any] = []
        self.times: list[Any] = []
        self.quantities: list[Any] = []
        self.count = 0

    def add(self, kind: int, times: Any, quantity: int = 1) -> Any:
        times = np.asarray(times, float)
        found = np.arange(self.count, self.count + len(times))
        self.count += len(times)
        self.kinds.append(np.full(len(times), kind))
        self.times.append(times)
        self.quantities.append(np.full(len(times), quantity))
        return found


class _Maker:
    def __init__(self, units: int) -> None:
        self.rng = np.random.default_rng(SEED)
        self.units, self.panels = units, -(-units // BOARDS_A_PANEL)
        self.nodes = _Nodes()
        self.links: list[tuple[Any, Any, Any]] = []
        """Parents, children, whether only possibly."""
        self.mounts: list[Any] = []
        self.acts: list[Any] = []
        """Subject, station, sequence."""
        self.explicit: list[Any] = []
        """Subject of the act, parent, child, quantity."""
        self.full: list[Any] = []

    def link(self, parents: Any, children: Any, possible: Any = False) -> None:
        self.links.append((parents, children, np.broadcast_to(possible, np.shape(parents))))

    def record(self, subjects: Any, parents: Any, children: Any, quantity_e6: int = 1_000_000) -> None:
        self.explicit.append(np.stack([subjects, parents, children, np.full(len(parents), quantity_e6)], axis=1))
        self.link(parents, children)

    def act(self, subjects: Any, station: int = -1, sequences: Any = -1) -> None:
        rows = [subjects, np.full(len(subjects), station), np.broadcast_to(sequences, np.shape(subjects))]
        self.acts.append(np.stack(rows, axis=1))

    def mount(self, station: int, slot: int, lots: Any, first: Any, last: Any, splice: Any) -> None:
        n = len(lots)
        self.mounts.append(np.stack([np.full(n, station), np.full(n, slot), first, last, lots, splice], axis=1))

    def slot(self, station: int, slot: int, kind: int, made: Any, each: int, offset: int, pace: float) -> Any:
        """Lots of `each` pieces one after another in a slot, `made` what is made of them; answers the lots."""
        of = (np.arange(len(made)) + offset) // each
        count = int(of[-1]) + 1
        first = np.maximum(0, np.arange(count) * each - offset)
        last = np.minimum(len(made) - 1, np.arange(1, count + 1) * each - offset - 1)
        times = first * pace - self.rng.random(count) * 500 - 1
        lots = self.nodes.add(kind, times, each * 8 if kind == REEL else each)
        splice = np.zeros(count, bool)
        splice[1:] = (kind == REEL) & (self.rng.random(count - 1) < SPLICED)
        straddled = last[:-1][splice[1:]]
        begins = first - splice  # the unit it was spliced in may have parts of both
        self.mount(station, slot, lots, begins + 1, last + 1, splice)
        possible = np.zeros(len(made), bool)
        possible[straddled] = True
        self.link(lots[of], made, possible)
        self.link(lots[1:][splice[1:]], made[straddled], True)
        return lots

    def placement(self, station: int) -> Any:
        """Panels of one line, each out of one reel a slot; the reels out of suppliers' lots."""
        times = np.arange(self.panels) * 8.0 + self.rng.random(self.panels)
        panels = self.nodes.add(PANEL, times)
        for slot in range(SLOTS[station]):
            a_board = int(self.rng.choice([1, 1, 1, 2, 2, 4, 8]))
            each = int(self.rng.choice([5_000, 5_000, 10_000])) // (a_board * BOARDS_A_PANEL)
            reels = self.slot(station, slot, REEL, panels, each, int(self.rng.integers(0, each)), 8.0)
            if each == 625:
                self.full.append(reels[1:-1])
            lot_of = np.arange(len(reels)) // 20
            lots = self.nodes.add(SUPPLIER_LOT, _earliest(self.nodes.times[-1], lot_of) - 1, each * 8 * 20)
            self.act(reels)
            self.record(reels, lots[lot_of], reels, each * 8_000_000)
        self.act(panels, station, np.arange(1, self.panels + 1))
        return panels

    def run(self) -> Factory:
        n = np.arange(self.units)
        modules = [self.module(station, n) for station in PLACEMENT]
        units = self.nodes.add(UNIT, n + 100.0 + self.rng.random(self.units) * 5)
        self.act(units, FINAL, n + 1)
        for made in modules:
            self.record(units, made, units)
        for slot in range(BINS_A_UNIT):
            self.slot(FINAL, slot, BIN_LOT, units, 1_000, int(self.rng.integers(0, 1_000)), 1.0)
        self.ship(units)
        return self.finish()

    def module(self, station: int, n: Any) -> Any:
        panels = self.placement(station)
        boards = self.nodes.add(BOARD, n + 12.0 + self.rng.random(self.units))
        self.act(panels)
        self.record(panels[n // BOARDS_A_PANEL], panels[n // BOARDS_A_PANEL], boards, 1_000_000 // BOARDS_A_PANEL)
        made = self.nodes.add(MODULE, n + 50.0 + self.rng.random(self.units) * 5)
        self.act(made, ASSEMBLY[station], n + 1)
        self.record(made, boards, made)
        for slot in range(BINS_A_MODULE):
            self.slot(ASSEMBLY[station], slot, BIN_LOT, made, 2_000, int(self.rng.integers(0, 2_000)), 1.0)
        return made

    def ship(self, units: Any) -> None:
        n = np.arange(len(units))
        cartons = self.nodes.add(CARTON, np.arange(-(-len(units) // UNITS_A_CARTON)) * 10 + 120.0)
        self.act(cartons)
        self.record(cartons[n // UNITS_A_CARTON], units, cartons[n // UNITS_A_CARTON])
        n = np.arange(len(cartons))
        shipments = self.nodes.add(SHIPMENT, np.arange(-(-len(cartons) // CARTONS_A_SHIPMENT)) * 200 + 330.0)
        self.act(shipments)
        self.record(shipments[n // CARTONS_A_SHIPMENT], cartons, shipments[n // CARTONS_A_SHIPMENT])

    def finish(self) -> Factory:
        """Everything in the order of time, as it comes into a plant."""
        times = np.concatenate(self.nodes.times)
        order = np.argsort(times, kind="stable")
        new = np.empty(len(order), np.int64)
        new[order] = np.arange(len(order))
        times = times[order] - times.min()
        parents, children, possible = (np.concatenate(column) for column in zip(*self.links, strict=True))
        mounts, acts = np.concatenate(self.mounts), np.concatenate(self.acts)
        explicit = np.concatenate(self.explicit)
        mounts[:, 4] = new[mounts[:, 4]]
        acts[:, 0] = new[acts[:, 0]]
        explicit[:, :3] = new[explicit[:, :3]]
        acts, explicit = _in_order(acts, explicit)
        is_pass = acts[:, 2] > 0
        return Factory(
            kind=np.concatenate(self.nodes.kinds)[order],
            at_us=START_US + (times * UNIT_US).astype(np.int64),
            quantity=np.concatenate(self.nodes.quantities)[order],
            parents=new[parents],
            children=new[children],
            possible=possible,
            mounts=mounts[np.argsort(mounts[:, 4], kind="stable")],
            passes=acts[is_pass][:, [1, 2, 0]],
            explicit=explicit,
            acts=acts,
            full_reels=np.sort(new[np.concatenate(self.full)]) if self.full else np.empty(0, int),
        )


def _earliest(times: Any, group: Any) -> Any:
    """The least of each group of consecutive entries."""
    return np.minimum.reduceat(times, np.flatnonzero(np.diff(group, prepend=-1)))


def _in_order(acts: Any, explicit: Any) -> tuple[Any, Any]:
    """Links name their act (the last of its subject) by its place; acts stand by the newest node that they name."""
    acts = acts[np.lexsort((acts[:, 2] < 0, acts[:, 0]))]
    last = np.full(int(acts[:, 0].max()) + 1, -1)
    last[acts[:, 0]] = np.arange(len(acts))
    explicit[:, 0] = last[explicit[:, 0]]
    newest = acts[:, 0].copy()
    np.maximum.at(newest, explicit[:, 0], explicit[:, 2])
    order = np.argsort(newest, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    explicit[:, 0] = place[explicit[:, 0]]
    return np.column_stack([acts, newest])[order], explicit[np.lexsort((explicit[:, 2], explicit[:, 0]))]


def factory(links: int) -> Factory:
    """About so many logical links."""
    return _Maker(round(links / LINKS_A_UNIT)).run()


class Walk:
    """One direction of the graph as arrays (CSR), searched breadth-first in numpy: a step takes whole levels."""

    def __init__(self, sources: Any, targets: Any, nodes: int) -> None:
        order = np.argsort(sources, kind="stable")
        self.links = order
        self._targets = targets[order].astype(np.int32)
        self._begin = np.zeros(nodes + 1, np.int64)
        np.cumsum(np.bincount(sources, minlength=nodes), out=self._begin[1:])
        self._seen = np.zeros(nodes, bool)

    def from_node(self, node: int) -> Any:
        """Every node in reach, the first included."""
        seen, frontier = self._seen, np.array([node])
        seen[frontier] = True
        levels = [frontier]
        while frontier.size:
            frontier = self._targets[self.places(frontier)]
            frontier = frontier[~seen[frontier]]
            seen[frontier] = True
            frontier = np.unique(frontier)
            levels.append(frontier)
        found = np.concatenate(levels)
        seen[found] = False
        return found

    def places(self, nodes: Any) -> Any:
        """Where the links of these nodes stand; `links[…]` says which they are."""
        begin = self._begin[nodes]
        counts = self._begin[nodes + 1] - begin
        before = np.cumsum(counts) - counts
        return np.repeat(begin - before, counts) + np.arange(int(counts.sum()))
