"""Whatever is recorded, taken out and taken back: the database and a walk through time in memory say the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mes.genealogy import statements
from mes.genealogy.errors import ActNotReversible, GenealogyCycle, MountOutOfOrder, NotLinked, SlotEmpty
from mes.genealogy.queries import list_shared
from mes.genealogy.queries.walk import reach_down, walk_down, walk_up
from mes.genealogy.service import mount_lot, record_pass, remove_part, reverse_act, scan_lot, unmount_lot
from mes.genealogy.statements import load_lots, next_act
from mes.genealogy.types import LinkKind
from mes.kernel.db import Database
from mes.kernel.errors import Refusal
from mes.kernel.pending import forget
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import LotUsedUp
from mes.materials.service import put_lots
from mes.materials.types import LotSpec
from tests.mes.genealogy.model import Change, Model, lots_told
from tests.support.plants import BENCH, PRESS

STATIONS = (PRESS, BENCH)
SLOTS = [(station, slot) for station in STATIONS for slot in ("1", "2")]
LOT_QUANTITY = 4
MILLION = 1_000_000


class Undone(Refusal):
    """Ends an example: nothing of it is kept."""


@dataclass
class Life:
    """Does the same to the plant and to the model, and sees that both take or refuse it."""

    uow: UnitOfWork
    model: Model = field(default_factory=Model)
    numbers: count[int] = field(default_factory=lambda: count(1))
    last: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATIONS, 0))
    reversible: list[int] = field(default_factory=list)

    def fresh(self, prefix: str) -> str:
        return f"{prefix}{next(self.numbers)}"

    def attempt(self, expected: type[Refusal] | None, verb: Callable[..., int], **kwargs: object) -> bool:
        self.uow.flush()
        nested = self.uow.connection.begin_nested()
        refused: type[Refusal] | None
        try:
            verb(self.uow, request_id=self.fresh("r"), **kwargs)
            self.uow.flush()
        except Refusal as refusal:
            forget(self.uow.connection)
            nested.rollback()
            refused = type(refusal)
        else:
            refused = None
            nested.commit()
        assert refused is expected, (verb, kwargs, refused, expected)
        return refused is None

    def lot(self, n: int) -> str:
        names = sorted(self.model.quantities)
        return names[n % len(names)]

    def new_lot(self, *_: int) -> None:
        name = self.fresh("L")
        put_lots(self.uow, specs=[LotSpec(name, "BOARD", Decimal(LOT_QUANTITY), "pcs")])
        self.model.quantities[name] = LOT_QUANTITY * MILLION

    def new_unit(self, a: int, b: int, _: int) -> None:
        name = self.fresh("U")
        self._pass(name, STATIONS[a % 2], 1 + b % 2, new=True)

    def pass_again(self, a: int, b: int, c: int) -> None:
        self._pass(self.lot(a), STATIONS[b % 2], 1 + c % 2, new=False)

    def _pass(self, name: str, station: str, ahead: int, *, new: bool) -> None:
        seq = self.last[station] + ahead
        act = next_act(self.uow)
        after = deepcopy(self.model)
        after.passes[act] = (station, seq, name)
        if new:
            after.quantities[name] = MILLION
        expected = GenealogyCycle if after.has_cycle() else None
        material = "BOARD" if new else ""
        if self.attempt(expected, record_pass, lot_id=name, equipment_id=station, seq=seq, material_id=material):
            self.model = after
            self.last[station] = seq
            self.reversible.append(act)

    def link(self, a: int, b: int, c: int) -> None:
        parent, child, quantity = self.lot(a), self.lot(b), (1 + c % 3) * MILLION
        if parent == child:
            return
        act = next_act(self.uow)
        after = deepcopy(self.model)
        after.links[act] = (parent, child, quantity)
        expected: type[Refusal] | None = GenealogyCycle if after.has_cycle() else None
        if self.model.used()[parent] + quantity > self.model.quantities[parent]:
            expected = LotUsedUp
        if self.attempt(
            expected, scan_lot, parent_id=parent, child_id=child, quantity_e6=quantity, kind=LinkKind.consumed
        ):
            self.model = after
            self.reversible.append(act)

    def mount(self, a: int, b: int, c: int) -> None:
        slot, splice, lot = SLOTS[a % 4], bool(c % 2), self.lot(b)
        seq = self.last[slot[0]] + (c // 2) % 3 - (1 if splice else 0)
        if seq < 0:
            return
        before = self.model.in_slot(slot)
        expected = self._order(before, seq, splice)
        act = next_act(self.uow)
        after = deepcopy(self.model)
        after.changes.append(Change(act, slot, seq, splice, lot))
        if expected is None and self.model.used()[lot] >= self.model.quantities[lot]:
            expected = LotUsedUp
        if expected is None and after.has_cycle():
            expected = GenealogyCycle
        if self.attempt(expected, mount_lot, equipment_id=slot[0], slot_id=slot[1], lot_id=lot, seq=seq, splice=splice):
            self.model = after
            self.reversible.append(act)

    def _order(self, before: list[Change], seq: int, splice: bool) -> type[Refusal] | None:
        """Time does not go back: a splice in piece n is after a change before n, and before one before n + 1."""
        if splice and (not before or before[-1].lot is None):
            return SlotEmpty
        if not before:
            return None
        newest = (before[-1].seq, before[-1].splice)
        return MountOutOfOrder if (seq, splice) < newest else None

    def unmount(self, a: int, b: int, _: int) -> None:
        slot = SLOTS[a % 4]
        seq = self.last[slot[0]] + b % 3
        before = self.model.in_slot(slot)
        there = before[-1].lot if before else None
        expected = SlotEmpty if there is None else self._order(before, seq, splice=False)
        act = next_act(self.uow)
        if self.attempt(expected, unmount_lot, equipment_id=slot[0], slot_id=slot[1], seq=seq):
            self.model.changes.append(Change(act, slot, seq, False, None))
            self.reversible.append(act)

    def remove(self, a: int, _b: int, _c: int) -> None:
        links = sorted(act for act in self.model.links if act not in self.model.ended)
        if not links:
            return
        parent, child, _ = self.model.links[links[a % len(links)]]
        act = next_act(self.uow)
        assert self.attempt(None, remove_part, unit_id=child, part_id=parent)
        for one, (its_parent, its_child, _) in self.model.links.items():
            if (its_parent, its_child) == (parent, child) and one not in self.model.ended:
                self.model.ended[one] = act
        self.reversible.append(act)
        assert not self.attempt(NotLinked, remove_part, unit_id=child, part_id=parent)

    def reverse(self, a: int, _b: int, _c: int) -> None:
        if not self.reversible:
            return
        act = self.reversible[a % len(self.reversible)]
        after = deepcopy(self.model)
        after.take_back(act)
        expected: type[Refusal] | None = None
        used = after.used()
        if any(used[lot] > quantity for lot, quantity in after.quantities.items()):
            expected = ActNotReversible
        if any(change.act == act and self.model.in_slot(change.slot)[-1].act != act for change in self.model.changes):
            expected = ActNotReversible
        if expected is None and after.has_cycle():
            expected = GenealogyCycle
        if self.attempt(expected, reverse_act, act=act, reason="a test"):
            self.model = after
            self.reversible.remove(act)
            assert not self.attempt(ActNotReversible, reverse_act, act=act, reason="again")

    def compare(self) -> None:
        lots = load_lots(self.uow, self.model.quantities)
        name = {lot.pk: lot.lot_id for lot in lots.values()}
        used = self.model.used()
        links = self.model.all_links()
        for lot_id, lot in lots.items():
            assert lot.used_e6 == used[lot_id] <= lot.quantity_e6
            up, down, quick = (
                walk_up(self.uow, [lot.pk]),
                walk_down(self.uow, [lot.pk]),
                reach_down(self.uow, [lot.pk]),
            )
            for reach, expected in ((up, self.model.up(lot_id)), (down, self.model.down(lot_id))):
                assert ({name[pk] for pk in reach.certain}, {name[pk] for pk in reach.possible}) == expected
                seen = {(name[link.parent_pk], name[link.child_pk], link.possible) for link in reach.links}
                near = expected[0] | expected[1]
                side = 1 if reach is up else 0
                assert seen == {link for link in links if link[side] in near}
            assert (quick.certain, quick.possible) == (down.certain, down.possible)
        self.compare_told(name)
        for untold in ("FALSE", "pk % 2 = 0", "TRUE"):
            self.uow.driver_execute(f"UPDATE slot_mount SET made_of = NULL WHERE {untold}")
            self.compare_shared()

    def compare_told(self, name: dict[int, str]) -> None:
        """What a mount tells of the making of its lot is so."""
        only_links = Model(links=self.model.links, ended=self.model.ended)
        passed = {lot for _, _, lot in self.model.passes.values()}
        sql = "SELECT lot_pk, made_of FROM slot_mount WHERE made_of IS NOT NULL AND ended_by_pk IS NULL"
        for lot_pk, told in self.uow.driver_query(sql):
            lot = name[lot_pk]
            (above, _) = only_links.up(lot)
            assert {name[pk] for pk in lots_told(told)} == above - {lot}
            assert passed.isdisjoint(above)

    def compare_shared(self) -> None:
        """Of every other lot how many units have it, and of every station how many passed there, they or a part."""
        units = sorted(name for name in self.model.quantities if name.startswith("U"))
        failed, good = units[::2], units[1::2]
        if not good:
            return
        above = {name: set[str]().union(*self.model.up(name)) for name in units}
        had: dict[str, set[str]] = defaultdict(set)
        for unit, inside in above.items():
            for lot in inside - set(units):
                had[f"lot {lot}"].add(unit)
            for station, _, lot in self.model.passes.values():
                if lot in inside:
                    had[f"machine {station}"].add(unit)
        expected = {what: (len(by & set(failed)), len(by & set(good))) for what, by in had.items() if by & set(failed)}
        answer = list_shared(self.uow, failed_ids=failed, good_ids=good, limit=1_000)
        told = {what: (row[2], row[4]) for row in answer.tables["shared"].rows for what in row[-1]}
        assert {what: n for what, n in told.items() if what.startswith(("lot ", "machine "))} == expected


OPERATIONS = (
    Life.new_lot,
    Life.new_unit,
    Life.new_unit,
    Life.pass_again,
    Life.link,
    Life.link,
    Life.mount,
    Life.mount,
    Life.unmount,
    Life.remove,
    Life.reverse,
)
BEGINNING = (
    (Life.new_lot, 0, 0, 0),
    (Life.new_lot, 0, 0, 0),
    (Life.link, 0, 1, 0),
    (Life.mount, 0, 1, 0),
    (Life.new_unit, 0, 0, 0),
    (Life.new_unit, 1, 0, 0),
    (Life.mount, 2, 2, 0),
    (Life.new_unit, 1, 0, 0),
)
"""A lot made of a lot is in a unit; that unit is mounted, and so all three are in two other units."""
NUMBERS = st.integers(0, 11)
LIVES = st.lists(st.tuples(st.sampled_from(OPERATIONS), NUMBERS, NUMBERS, NUMBERS), max_size=30)


@pytest.mark.parametrize("walk_max", [statements.FORGET_WALK_MAX, 0], ids=["walked", "searched"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(life=LIVES)
def test_the_plant_knows_what_a_walk_through_time_knows(
    plant: Database,
    life: list[tuple[Callable[..., None], int, int, int]],
    walk_max: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mounts that tell what is no longer so are found by a walk, or, where that would be long, by what they tell."""
    monkeypatch.setattr(statements, "FORGET_WALK_MAX", walk_max)

    def run(uow: UnitOfWork) -> None:
        lived = Life(uow)
        for operation, *numbers in BEGINNING:
            operation(lived, *numbers)
        ((told,),) = uow.driver_query("SELECT count(made_of) FROM slot_mount")
        assert told == 1, "of the two mounts the one of a lot that passed nowhere"
        for operation, *numbers in life:
            operation(lived, *numbers)
        lived.compare()
        raise Undone

    try:
        plant.write_now(run, actor=None)
    except Undone:
        return
