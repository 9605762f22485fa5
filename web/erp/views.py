"""View models of ERP connections. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from mes.exchange.erp.types import Checked, ConnectionSpec, ConnectionView, ErpOrderView
from mes.kernel.paging import Page
from web.wording import RefusalWords

TONES: Final[Mapping[str, tuple[str, str]]] = {
    "well": ("run", "check"),
    "untried": ("idle", "hourglass"),
    "troubled": ("warn", "triangle-alert"),
    "failing": ("down", "octagon-alert"),
    "paused": ("idle", "pause"),
}
"""Tone and icon of how a connection stands."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`state` is one of `TONES`; `said`: why the last look failed, as the ERP or the network put it."""

    state: str
    tone: str
    icon: str
    said: str
    since: datetime | None
    last_ok_at: datetime | None
    next_at: datetime


@dataclass(frozen=True, slots=True)
class ErpRow:
    href: str
    connection_id: str
    kind: str
    url: str
    standing: Standing
    waiting: int
    troubled: int


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form; never a password. `places`: a line each, `Press 1 = PRESS`.

    `version`: of the connection the form was filled in from; 0 where it is that of now.
    """

    connection_id: str = ""
    kind: str = ""
    url: str = ""
    database: str = ""
    user: str = ""
    place: str = ""
    places: str = ""
    order_prefix: str = ""
    poll_s: str = "5"
    plain_http: bool = False
    private_addresses: bool = False
    version: int = 0


@dataclass(frozen=True, slots=True)
class ErpsPage:
    connections: tuple[ErpRow, ...]
    kinds: tuple[str, ...]
    typed: Typed
    said: RefusalWords | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order that waits for a person. `href` and `order_id` "": it was not taken."""

    key: str
    order_id: str
    href: str
    said: str
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a try of the connection found; `ok`: nothing is missing."""

    ok: bool
    product: str
    company: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErpPage:
    """`older`: address of more orders that wait for a person, "" for none. `compared`: of what its ERP has booked."""

    base: str
    compared: str
    connection_id: str
    kind: str
    url: str
    active: bool
    version: int
    standing: Standing
    orders: int
    waiting: int
    troubled: int
    rows: tuple[OrderRow, ...]
    older: str
    remarks: tuple[str, ...]
    typed: Typed
    trial: Trial | None
    said: RefusalWords | None


def base_of(connection_id: str) -> str:
    return f"/erp/{quote(connection_id, safe='')}"


def erps_page(
    found: Iterable[ConnectionView], kinds: Iterable[str], zone: ZoneInfo, typed: Typed, said: RefusalWords | None
) -> ErpsPage:
    rows = (
        ErpRow(
            base_of(view.spec.connection_id),
            view.spec.connection_id,
            view.spec.kind,
            view.spec.url,
            standing(view, zone),
            view.waiting,
            view.troubled,
        )
        for view in found
    )
    return ErpsPage(tuple(rows), tuple(sorted(kinds)), typed, said)


def standing(view: ConnectionView, zone: ZoneInfo) -> Standing:
    state = _state(view)
    since, last = _local(view.failing_since, zone), _local(view.last_ok_at, zone)
    return Standing(state, *TONES[state], view.said, since, last, view.next_at.astimezone(zone))


def _state(view: ConnectionView) -> str:
    if not view.spec.active:
        return "paused"
    if view.failing_since is not None:
        return "failing"
    if view.last_ok_at is None:
        return "untried"
    return "troubled" if view.troubled or view.remarks else "well"


def _local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if at is None else at.astimezone(zone)


def erp_page(
    view: ConnectionView,
    orders: Page[ErpOrderView],
    zone: ZoneInfo,
    *,
    typed: Typed | None = None,
    trial: Checked | None = None,
    said: RefusalWords | None = None,
) -> ErpPage:
    base = base_of(view.spec.connection_id)
    return ErpPage(
        base,
        f"/reconciliation/orders?source={quote(view.spec.connection_id, safe='')}",
        view.spec.connection_id,
        view.spec.kind,
        view.spec.url,
        view.spec.active,
        typed.version if typed else view.version,
        standing(view, zone),
        view.orders,
        view.waiting,
        view.troubled,
        tuple(_order(one, zone) for one in orders.items),
        f"{base}?cursor={orders.next_cursor}" if orders.next_cursor else "",
        view.remarks,
        typed or typed_of(view.spec),
        None if trial is None else Trial(not trial.remarks, trial.product, trial.company, trial.remarks),
        said,
    )


def _order(one: ErpOrderView, zone: ZoneInfo) -> OrderRow:
    href = f"/orders/{quote(one.order_id, safe='')}" if one.order_id else ""
    return OrderRow(one.key, one.order_id, href, one.said, _local(one.told_at, zone))


def typed_of(spec: ConnectionSpec) -> Typed:
    """A connection as its form shows it."""
    return Typed(
        spec.connection_id,
        spec.kind,
        spec.url,
        spec.database,
        spec.user,
        spec.place,
        "\n".join(f"{name} = {place}" for name, place in spec.places.items()),
        spec.order_prefix,
        str(spec.poll_s),
        spec.plain_http,
        spec.private_addresses,
    )
