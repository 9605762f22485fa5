"""What must happen because time passes. The server runs these each second, in each plant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mes.access.privacy.service import forget_old_personal_data
from mes.edge.service import forget_old_setups, note_silent_bridges
from mes.exchange.table_files.service import forget_old_imports
from mes.exchange.webhooks.service import forget_old_deliveries
from mes.genealogy.service import count_mounted
from mes.history.service import forget_old_texts
from mes.kernel.idempotency import forget_old_answers
from mes.materials.life.service import note_lots_running_out
from mes.orders.service import dispatch_due_jobs, give_up_overdue_commands
from mes.reporting.service import publish_due_reports

TICKS: Final[tuple[Callable[..., Any], ...]] = (
    note_silent_bridges,
    note_lots_running_out,
    count_mounted,
    give_up_overdue_commands,
    dispatch_due_jobs,
    publish_due_reports,
)
HOURLY: Final[tuple[Callable[..., Any], ...]] = (
    forget_old_answers,
    forget_old_texts,
    forget_old_setups,
    forget_old_deliveries,
    forget_old_imports,
    forget_old_personal_data,
)
