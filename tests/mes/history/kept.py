"""A process that keeps history until it is killed, and says each batch it was answered.

Ten minutes of two tags a batch, over midnight; sealed and merged on the way, the clock is the data's own.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from mes.history.sealer import Sealer
from mes.history.service import append_measurements
from mes.kernel.db import Database
from mes.kernel.sqltypes import to_us
from tests.mes.history.model import Row, columns

START = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
BATCHES = 40
BATCH_S = 600


def batch(number: int) -> list[Row]:
    """What the process hands over as its nth batch."""
    begin_us = to_us(START) + number * BATCH_S * 1_000_000
    return [
        (tag_pk, begin_us + second * 1_000_000 + tag_pk, float(number * 1_000 + second) / tag_pk, 0)
        for second in range(0, BATCH_S, 5)
        for tag_pk in (1, 2)
    ]


def main(url: str) -> None:
    at = [START]
    database = Database(url, clock=lambda: at[0])
    sealer = Sealer(database, breathe=lambda: None)
    for number in range(BATCHES):
        database.write_now(append_measurements, actor=None, columns=columns(batch(number)))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        at[0] = START + timedelta(seconds=(number + 1) * BATCH_S)
        if number % 2:
            sealer.turn()
    at[0] += timedelta(hours=2)
    sealer.turn()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1])
