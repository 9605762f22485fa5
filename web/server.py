"""Runs the application: one process, one event loop, live sockets told to come back when it stops."""

from __future__ import annotations

import logging
from typing import Final

import uvicorn

from web.live.direct import DirectProtocol
from web.live.limits import INCOMING_FRAME_BYTES_MAX
from web.main import create_app
from web.settings import Settings

GRACE_S: Final = 3
"""How long a stopping server lets requests finish; long polls are then cut off, and come again."""
KEEP_ALIVE_S: Final = 30


def serve(settings: Settings) -> None:
    """Until SIGINT or SIGTERM."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for chatty in ("httpx", "httpcore", "uvicorn.error", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    uvicorn.Server(server_config(settings)).run()


def server_config(settings: Settings) -> uvicorn.Config:
    """How uvicorn is run: no deflate (twice the processor time), no proxy headers unless a proxy is named."""
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
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
