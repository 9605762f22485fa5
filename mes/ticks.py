"""What must happen because time passes. The server looks each second, in each plant, whether anything is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mes.access.privacy.service import forget_old_personal_data
from mes.edge.service import FALLS_SILENT, forget_old_setups, note_silent_bridges
from mes.exchange.table_files.service import forget_old_imports
from mes.exchange.webhooks.service import forget_old_deliveries
from mes.genealogy.service import count_mounted
from mes.genealogy.statements import IS_MOUNT_DUE
from mes.history.service import forget_old_texts
from mes.kernel.glance import ReadsRows
from mes.kernel.idempotency import forget_old_answers
from mes.materials.life.service import RUNS_OUT, note_lots_running_out
from mes.orders.service import OVERDUE, dispatch_due_jobs, give_up_overdue_commands
from mes.orders.statements import IS_ANY_WAITING
from mes.reporting.service import ARE_DUE, publish_due_reports

Verb = Callable[..., Any]
TICKS: Final[dict[Verb, str]] = {
    note_silent_bridges: FALLS_SILENT,
    note_lots_running_out: RUNS_OUT,
    count_mounted: IS_MOUNT_DUE,
    give_up_overdue_commands: OVERDUE,
    dispatch_due_jobs: IS_ANY_WAITING,
    publish_due_reports: ARE_DUE,
}
"""Each with the rows, found by an index, without which it has nothing to do; `?` is now."""
HOURLY: Final[tuple[Verb, ...]] = (
    forget_old_answers,
    forget_old_texts,
    forget_old_setups,
    forget_old_deliveries,
    forget_old_imports,
    forget_old_personal_data,
)
_VERBS: Final = tuple(TICKS)
_DUE: Final = " UNION ALL ".join(f"SELECT {n} WHERE EXISTS ({due})" for n, due in enumerate(TICKS.values()))


def list_due_ticks(reads: ReadsRows, *, now_us: int) -> tuple[Verb, ...]:
    """Those of TICKS that have something to do, by one question: a second's transaction for nothing was most of what
    an idle plant cost."""
    return tuple(_VERBS[n] for (n,) in reads.driver_query(_DUE, (now_us,) * _DUE.count("?")))
