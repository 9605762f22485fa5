"""What pieces took of mounted lots, kept as a sum with the lot: so that what is left of a material is one sum.

A mount is counted while it lasts, once more when it is over, and again whenever other pieces turn out to have passed.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from mes.genealogy.rules import count_again_us
from mes.genealogy.statements import add_used, load_due_mounts, store_counted
from mes.kernel.uow import UnitOfWork

MOUNTS_AT_ONCE: Final = 50


def count_mounted(uow: UnitOfWork) -> None:
    """Count what is due, some at a time."""
    due = load_due_mounts(uow, MOUNTS_AT_ONCE)
    taken: Counter[int] = Counter()
    counted: dict[int, tuple[int, int | None]] = {}
    for mount in due:
        now_e6 = mount.quantity_per_e6 * mount.pieces
        taken[mount.lot_pk] += now_e6 - mount.taken_e6
        is_over = mount.to_seq <= mount.last_seq
        counted[mount.pk] = (now_e6, None if is_over else count_again_us(uow.now_us, mount.pieces))
    store_counted(uow, counted)
    add_used(uow, taken)
