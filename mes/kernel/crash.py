"""Marked places where a test may kill the server, as `kill -9` would."""

from __future__ import annotations

import os
from typing import Final

CRASH_POINTS: Final = (
    "before-commit",
    "after-commit-before-answer",
    "history-before-pieces-commit",
    "history-pieces-written",
    "history-log-forgotten",
    "history-rollups-written",
    "history-chunks-written",
    "history-before-merge-commit",
    "result-file-recorded",
    "webhook-sent",
    "erp-order-taken",
    "erp-step-done",
    "erp-reopening-noted",
    "erp-told",
    "import-block-reported",
)

_PLAN: Final = os.environ.get("LINESIDE_CRASH_AT", "") if os.environ.get("LINESIDE_ENVIRONMENT") == "test" else ""
_NAME, _, _COUNT = _PLAN.partition("#")
_hits = 0


def crash_point(name: str) -> None:
    """End the process at once if `LINESIDE_CRASH_AT` names this place (`name#3`: the third time) in a test."""
    global _hits
    if name != _NAME:
        return
    _hits += 1
    if _hits >= int(_COUNT or "1"):
        os._exit(137)
