"""Whatever a verb emits in a test is compared with what its type promises (`standards.lineside.events_v1`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from mes.kernel.uow import UnitOfWork
from standards.lineside.events_v1 import fault_of

VERBS: Final = str(Path(__file__).resolve().parents[2] / "mes") + "/"
"""What tests emit by themselves is theirs."""
faults: Final[list[str]] = []
"""Since the last test, in whatever thread: some are caught where a bug is logged and the work goes on."""
_emit: Final = UnitOfWork.emit


def _compared(
    self: UnitOfWork,
    type: str,
    *,
    topics: Sequence[str],
    subject: str,
    payload: Mapping[str, Any],
    occurred_at_us: int | None = None,
) -> None:
    if sys._getframe(1).f_code.co_filename.startswith(VERBS) and (fault := fault_of(type, orjson.dumps(payload))):
        faults.append(fault)
        raise AssertionError(fault)
    _emit(self, type, topics=topics, subject=subject, payload=payload, occurred_at_us=occurred_at_us)


def compare_events() -> None:
    """From now on, in this process."""
    UnitOfWork.emit = _compared  # type: ignore[method-assign]
