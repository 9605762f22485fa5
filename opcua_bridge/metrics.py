"""The bridge's own Prometheus port: off unless a port is set, on loopback unless a host is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from standards.lineside.health_v1 import BridgeHealth
from standards.lineside.metrics import Figures, FiguresCollector, add_bridge


@contextmanager
def metrics_served(host: str, port: int, last: Callable[[], BridgeHealth | None]) -> Iterator[int]:
    """Serve the last health document while the block lasts; gives the port. OSError if it is taken.

    Runs on threads of its own and reads one immutable document, never the bridge itself. Before there is one, nothing
    is known and nothing is shown.
    """
    server, thread = start_http_server(port, addr=host, registry=FiguresCollector(lambda: _figures(last())))
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _figures(health: BridgeHealth | None) -> Figures:
    figures = Figures()
    if health is not None:
        add_bridge(figures, health, {})
    return figures
