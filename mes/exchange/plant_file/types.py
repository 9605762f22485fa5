"""Values of the plant file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mes.equipment.types import HierarchyNode
from mes.exchange.plant_file.schemas import BridgeEntry, CalendarEntry, Entry, PolicyEntry
from mes.exchange.plant_file.source import Node
from mes.materials.types import MaterialSpec

NAMED_MAX: Final = 5
E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Located:
    """An entry that has the right shape, and the text it came from."""

    entry: Any
    node: Node


@dataclass(frozen=True, slots=True)
class PlantDocument:
    """A plant file whose entries have the right shape; `unusable` are the ids of those that have not."""

    filename: str
    entries: Mapping[str, tuple[Located, ...]]
    calendar: Located | None = None
    unusable: Mapping[str, frozenset[str]] = field(default_factory=dict)
    policy: Located | None = None

    def located(self, kind: str) -> tuple[Located, ...]:
        """Entries of a kind, in order of the file."""
        return self.entries.get(kind, ())

    def of(self, kind: str, shape: type[E]) -> Iterable[E]:
        """Entries of a kind, typed."""
        for located in self.located(kind):
            assert isinstance(located.entry, shape)
            yield located.entry

    def calendar_entry(self) -> CalendarEntry | None:
        """The calendar, if the file has one."""
        return self.calendar.entry if self.calendar else None

    def policy_entry(self) -> PolicyEntry | None:
        """The plant's policy, if the file has one."""
        return self.policy.entry if self.policy else None

    @property
    def bridges(self) -> tuple[BridgeEntry, ...]:
        """The bridges, in order of the file."""
        return tuple(self.of("bridges", BridgeEntry))

    def line_of(self, kind: str, entry_id: str, path: Sequence[str | int] = ()) -> int:
        """The line of an entry, or of something in it; 1 if the file has no such entry."""
        for located in self.located(kind):
            if located.entry.id == entry_id:
                return located.node.line_at(path)
        return 1


@dataclass(frozen=True, slots=True)
class KnownPlant:
    """What a plant has, as far as a file can refer to it: ids by kind, the hierarchy, the units of materials."""

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nodes: Mapping[str, HierarchyNode] = field(default_factory=dict)
    materials: Mapping[str, MaterialSpec] = field(default_factory=dict)

    def has(self, kind: str, entry_id: str) -> bool:
        """Whether the plant has an entry."""
        return entry_id in self.ids.get(kind, ())


@dataclass(frozen=True, slots=True)
class KindSummary:
    """What a load did with one kind. `absent` are ids the plant has and the file does not name; they stay."""

    kind: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a load did."""

    kinds: tuple[KindSummary, ...]

    @property
    def created(self) -> int:
        """Entries that are new."""
        return sum(kind.created for kind in self.kinds)

    @property
    def updated(self) -> int:
        """Entries that changed."""
        return sum(kind.updated for kind in self.kinds)

    @property
    def unchanged(self) -> int:
        """Entries that said what was known."""
        return sum(kind.unchanged for kind in self.kinds)

    def __str__(self) -> str:
        """For a person at a command line."""
        lines = [f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged"]
        for kind in self.kinds:
            if kind.absent:
                named = ", ".join(kind.absent[:NAMED_MAX]) + (", …" if len(kind.absent) > NAMED_MAX else "")
                lines.append(f"left alone, not in the file: {len(kind.absent)} of {kind.kind} ({named})")
        return "\n".join(lines)
