"""Files with results of testers, out of a watched folder: each taken once, what is refused told row by row."""

from __future__ import annotations

from mes.exchange.result_files.folder import FileReport, ResultFolder

__all__ = ["FileReport", "ResultFolder"]
