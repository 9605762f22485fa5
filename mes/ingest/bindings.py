"""What the tags of a bridge mean, read once each time it changes."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from mes.edge.types import BridgeView, Signal, TagBinding
from mes.ingest import statements
from mes.kernel.uow import UnitOfWork


class _ZeroElse(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return 0


class Bindings(dict[str, TagBinding]):
    """By tag."""

    def __init__(self, bindings: dict[str, TagBinding]) -> None:
        super().__init__(bindings)
        self.measurement_pks = _ZeroElse({tag: b.pk for tag, b in self.items() if b.signal is Signal.measurement})
        """The key of a tag's binding where it is a measurement; 0 for every other tag."""


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
