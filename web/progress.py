"""A bar at the prompt for what takes long; nothing where nobody looks on (a pipe, a log)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mes.exchange.history_files import ImportedFile


def shown(steps: Iterable[ImportedFile], name: str) -> Iterator[ImportedFile]:
    """The steps, each shown as it passes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[refused]:,} refused"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=None, rows=0, refused=0)
        for step in steps:
            progress.update(
                task, completed=step.bytes_done, total=step.bytes_total, rows=step.rows_done, refused=step.refused
            )
            yield step
