"""What the tags of a bridge mean, read once each time it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Engine

from mes.edge.rules import IN_SLOTS
from mes.edge.types import BridgeView, Signal, TagBinding
from mes.equipment.counter_rules import NATURAL_MODULUS, CounterSpec
from mes.genealogy.reading.types import Role
from mes.ingest import statements
from mes.ingest.rules import REMEMBERED
from mes.kernel.uow import UnitOfWork

MEASURED: Final = 1
COUNTED: Final = 2
STATED: Final = 3
_KINDS: Final = {Signal.measurement: MEASURED, Signal.counter: COUNTED, Signal.equipment_state: STATED}

_ROLES: Final = frozenset(role.value for role in Role)


class _ZeroElse(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return 0


class Bindings(dict[str, TagBinding]):
    """By tag; and by place, for whole columns of values: place 0 is that of every tag that is not bound."""

    def __init__(self, bindings: dict[str, TagBinding]) -> None:
        super().__init__(bindings)
        self.listed = tuple(self.values())
        """The binding of place n is entry n - 1."""
        self.places = _ZeroElse({tag: place for place, tag in enumerate(self, start=1)})
        self.pks = np.array([0, *(b.pk for b in self.listed)], np.uint32)
        self.kinds = np.array([0, *(_KINDS.get(b.signal, 0) for b in self.listed)], np.uint8)
        """What values of a place can be looked at together as: MEASURED, COUNTED, STATED; 0: only by themselves."""
        self.contexts = {
            place: b.equipment_pk
            for place, b in enumerate(self.listed, start=1)
            if b.signal in {Signal.restart_marker, Signal.unit_mode}
        }
        """Equipment whose counters are read by what a place says, by place."""

        self.remembered = frozenset(b.pk for b in self.listed if b.signal in REMEMBERED)
        self.counters = frozenset(b.pk for b in self.listed if b.signal is Signal.counter)
        self.tells_of_units = any(b.signal is Signal.identity and b.what in _ROLES for b in self.listed)
        self.tells_of_slots = any(b.what in IN_SLOTS for b in self.listed)
        self.results = _result_tags(self.listed)
        """What results of a piece of equipment are made of, by its key."""
        self.counting_equipment = tuple({b.equipment_pk for b in self.listed if b.signal is Signal.counter})
        self._specs: dict[tuple[int, str], CounterSpec] = {}

    def spec_of(self, counter: TagBinding, data_type: str) -> CounterSpec:
        """How a counter behaves whose values are of this type."""
        found = self._specs.get((counter.pk, data_type))
        if found is None:
            marked = any(b.equipment_pk == counter.equipment_pk for b in self.of_signal(Signal.restart_marker))
            modulus = counter.modulus or NATURAL_MODULUS.get(data_type)
            found = CounterSpec(modulus, counter.retentive, marked, counter.max_per_s)
            if data_type in NATURAL_MODULUS or not data_type:
                self._specs[counter.pk, data_type] = found
        return found

    def of_signal(self, signal: Signal) -> list[TagBinding]:
        """The bindings of restart markers, or of unit modes."""
        return [b for place in self.contexts if (b := self.listed[place - 1]).signal is signal]


def _result_tags(listed: Sequence[TagBinding]) -> dict[int, tuple[TagBinding, ...]]:
    """Of equipment that tells results, these tags and those of its serials."""
    tested = {b.equipment_pk for b in listed if b.signal is Signal.result}
    found: dict[int, list[TagBinding]] = {pk: [] for pk in tested}
    for b in listed:
        is_serial = b.signal is Signal.identity and b.what in {*_ROLES, "serial"}
        if b.equipment_pk in tested and (is_serial or b.signal is Signal.result):
            found[b.equipment_pk].append(b)
    return {pk: tuple(bindings) for pk, bindings in found.items()}


_known: WeakKeyDictionary[Engine, dict[int, tuple[str, Bindings]]] = WeakKeyDictionary()
"""By plant, then by bridge. Only the plant's writer comes here."""


def bindings_of(uow: UnitOfWork, bridge: BridgeView) -> Bindings:
    """Those of the transaction at hand: a mark is never used again, so what was read under it still holds."""
    of_plant = _known.setdefault(uow.connection.engine, {})
    mark, found = of_plant.get(bridge.pk, (None, None))
    if found is None or mark != bridge.bindings_mark:
        found = Bindings(statements.load_bindings(uow, bridge.pk))
        of_plant[bridge.pk] = (bridge.bindings_mark, found)
    return found
