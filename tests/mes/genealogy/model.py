"""Genealogy as a few lists, thought out independently: what a piece is made of by going through time.

Changes of lots in a slot happen between pieces or, spliced, while one is worked on. A piece may have parts of the lot
that was there when it began and of every lot that was spliced in before it was done.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mes.genealogy.rules import walk


@dataclass
class Change:
    """In a slot: a lot comes (None: what is there goes), before piece `seq` or, spliced, in it."""

    act: int
    slot: tuple[str, str]
    seq: int
    splice: bool
    lot: str | None


@dataclass
class Model:
    quantities: dict[str, int] = field(default_factory=dict)
    links: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    """Act → parent, child, quantity."""
    ended: dict[int, int] = field(default_factory=dict)
    """Act of a link → the act that took it out."""
    passes: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    """Act → station, sequence, lot."""
    changes: list[Change] = field(default_factory=list)

    def in_slot(self, slot: tuple[str, str]) -> list[Change]:
        return [change for change in self.changes if change.slot == slot]

    def lots_of_piece(self, slot: tuple[str, str], seq: int) -> set[str]:
        there: str | None = None
        spliced: set[str] = set()
        for change in self.in_slot(slot):
            if change.splice and change.seq == seq and change.lot:
                spliced.add(change.lot)
            elif change.seq <= seq and not (change.splice and change.seq == seq):
                there = change.lot
        return spliced | ({there} if there else set())

    def all_links(self) -> list[tuple[str, str, bool]]:
        """Parent, child, whether only possibly."""
        found = [(parent, child, False) for act, (parent, child, _) in self.links.items() if act not in self.ended]
        slots = {change.slot for change in self.changes}
        for station, seq, lot in self.passes.values():
            for slot in slots:
                if slot[0] == station:
                    lots = self.lots_of_piece(slot, seq)
                    found += [(one, lot, len(lots) > 1) for one in lots]
        return found

    def up(self, lot: str) -> tuple[set[str], set[str]]:
        return self._walk([(child, parent, doubt) for parent, child, doubt in self.all_links()], lot)

    def down(self, lot: str) -> tuple[set[str], set[str]]:
        return self._walk(self.all_links(), lot)

    def _walk(self, links: list[tuple[str, str, bool]], lot: str) -> tuple[set[str], set[str]]:
        keys = sorted({lot, *(name for link in links for name in link[:2])})
        number = {name: place for place, name in enumerate(keys)}
        certain, possible = walk([(number[a], number[b], doubt) for a, b, doubt in links], [number[lot]])
        return {keys[key] for key in certain}, {keys[key] for key in possible}

    def used(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for act, (parent, _, quantity) in self.links.items():
            if act not in self.ended:
                found[parent] += quantity
        return found

    def take_back(self, act: int) -> None:
        """As if the act had never been."""
        self.links.pop(act, None)
        self.passes.pop(act, None)
        self.ended = {link: by for link, by in self.ended.items() if by != act}
        self.changes = [change for change in self.changes if change.act != act]

    def has_cycle(self) -> bool:
        return any(lot in self._strictly_up(lot) for lot in self.quantities)

    def _strictly_up(self, lot: str) -> set[str]:
        links = self.all_links()
        found: set[str] = set()
        frontier = {parent for parent, child, _ in links if child == lot}
        while frontier - found:
            found |= frontier
            frontier = {parent for parent, child, _ in links if child in frontier} - found
        return found


def lots_told(made_of: str) -> set[int]:
    """The keys that a mount tells its lot to be made of."""
    return {int(made_of[place : place + 8], 16) for place in range(0, len(made_of), 8)}
