"""Runs the application: one process, one event loop, live sockets told to come back when it stops."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from typing import Any, Final

import uvicorn

from mes.kernel.engine import why_unreachable
from mes.kernel.plants import serving_plant
from web.connections import BoundedProtocol, make_room_for_connections
from web.live.direct import DirectProtocol
from web.live.limits import INCOMING_FRAME_BYTES_MAX
from web.main import create_app
from web.settings import Settings

GRACE_S: Final = 3
"""How long a stopping server lets requests finish; long polls are then cut off, and come again."""
KEEP_ALIVE_S: Final = 30
LOG_FORMAT: Final = "%(asctime)s %(levelname)s [%(plant)s] %(name)s: %(message)s"
SWITCH_S: Final = 0.002
"""How long a thread that computes (a writer, a reader) keeps the event loop waiting, or the loop a writer. A request
waits several times, and Python's own 5 ms each time are more than one busy plant may cost another. Half as long, and
the loop is interrupted before it has read what might be written together: a tenth fewer transitions."""


def serve(settings: Settings) -> None:
    """Until SIGINT or SIGTERM."""
    logging.basicConfig(level=settings.log_level.upper(), force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(OneLine(LOG_FORMAT))
        handler.addFilter(with_plant)
    for chatty in ("httpx", "httpcore", "uvicorn.error", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.setswitchinterval(SWITCH_S)
    make_room_for_connections()
    uvicorn.Server(server_config(settings)).run()


def why_it_cannot_start(settings: Settings) -> str | None:
    """In one sentence, before anything is begun: a place that takes no file, a database that does not answer."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.data_dir):
            pass
    except OSError as error:
        return f"{settings.data_dir} takes no file ({error.strerror}): make room, or name another LINESIDE_DATA_DIR."
    if settings.database_url is None:
        return None
    if why := why_unreachable(settings.database_url):
        return f"{why}: start it, or correct LINESIDE_DATABASE_URL."
    return None


class OneLine(logging.Formatter):
    """Instants in UTC (RFC 3339); a message is one line, a traceback is indented: what a caller sent cannot look like a
    line of its own."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """In UTC."""
        return time.gmtime(seconds)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging calls it so)
        """See logging.Formatter."""
        record.message = _printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging calls it so)
        """See logging.Formatter."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 (logging calls it so)
        """See logging.Formatter."""
        return _indented(super().formatStack(stack_info))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _indented(lines: str) -> str:
    """What goes on with a line; an error's own text may hold breaks that somebody sent."""
    return "\n".join(f"  {_printable(line)}" for line in lines.split("\n"))


def with_plant(record: logging.LogRecord) -> bool:
    """Say in each line of the log which plant it is about: the one that is served, or the one whose thread it is."""
    kind, _, rest = record.threadName.partition("-") if record.threadName else ("", "", "")
    of_thread = rest.partition("_")[0] if kind in ("write", "read", "history") else ""
    record.plant = serving_plant.get() or of_thread or "-"
    return True


def server_config(settings: Settings) -> uvicorn.Config:
    """How uvicorn is run: no deflate (twice the processor time), no proxy headers unless a proxy is named.

    Lifespan on: a server that could not open its plants ends, instead of answering without them.
    """
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        lifespan="on",
        http=BoundedProtocol,
        ws=DirectProtocol,
        ws_per_message_deflate=False,
        ws_max_size=4 * INCOMING_FRAME_BYTES_MAX,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=",".join(settings.proxies) or None,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
