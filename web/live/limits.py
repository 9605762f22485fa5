"""Named limits of the live push. A socket that breaks one is closed with 1008 (policy) or 1009 (too big)."""

from __future__ import annotations

from typing import Final

REGIONS_PER_SOCKET_MAX: Final = 64
"""Regions one page may show live."""

SOCKETS_PER_PRINCIPAL_MAX: Final = 64
"""Open sockets of one principal: walls share one."""

SOCKETS_PER_PLANT_MAX: Final = 1_024
"""Open sockets of one plant in one process: a quarter of what the process takes, so that others have room."""

INCOMING_FRAME_BYTES_MAX: Final = 1_024
"""A client sends acknowledgements and nothing else."""

WINDOW: Final = 2
"""Frames a client may have that it has not acknowledged."""

ACK_TIMEOUT_S: Final = 10.0
"""After so long without an acknowledgement the window is opened again: one merged frame, never a backlog."""

STUCK_LOOK_S: Final = 1.0
"""How often clients are looked at that do not acknowledge."""

RATE_HZ: Final = {"tablet": 5.0, "wall": 10.0}
"""Frames a second and client, at most."""

SNAPSHOT_AGE_MAX_S: Final = 2.0
"""A fragment older than this is built anew for somebody who connects, since views depend on the time."""

TOPICS_MAX: Final = 50_000
"""Topics whose last change is remembered; beyond it the oldest half is forgotten and a snapshot sends a little more."""

RENDER_BATCH_MAX: Final = 32
"""Regions built in one read snapshot."""

RENDER_WORKERS: Final = 2
"""Batches built at the same time: one slow region does not hold up the others."""

RENDER_RETRY_S: Final = 1.0
"""Pause after a batch that could not be rendered."""

RELAY_BATCH_MAX: Final = 1_000
"""Outbox rows read at once."""

RELAY_PAUSE_S: Final = 0.015
"""Between two reads of the outbox: a storm of commits is read in batches."""

DATA_VERSION_POLL_S: Final = 0.1
"""SQLite: how often another process's commit is looked for; a look costs 8 µs (experiments.md, fact 6)."""

SLOW_POLL_S: Final = 1.0
"""The outbox is read at least so often, in case a wake-up was lost."""

NOTIFY_PAUSE_S: Final = 0.01
"""PostgreSQL: between two NOTIFY of one process, so at most 100 a second."""

SESSION_CHECK_S: Final = 15.0
"""How long a socket may outlive its session."""
