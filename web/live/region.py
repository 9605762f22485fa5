"""A region: a part of a page that is included by the page, pushed over the socket and refetched by GET.

One name for all: DOM id `job-queue` = file `_job_queue.html` = route `…/job-queue` = `Region(name="job-queue", …)`.
A page may show one region several times (a tile per machine): then each carries its own parameters, and its DOM id
is `dom_id(name, own)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote, urlencode

Swap = Literal["outerHTML", "outerMorph"]
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Region:
    """What the live push needs to know of a fragment of a page.

    `topics(params)` names the outbox topics that change it; `build(session, *, now, params)` reads one frozen
    view inside one snapshot; `template` renders it as `view`. `swap` is "outerHTML" for tiles, "outerMorph" where
    there can be focus. Names are unique in the application. The root element has `id="{{ region_id }}"`.
    """

    name: str
    template: str
    topics: Callable[[Mapping[str, str]], tuple[str, ...]]
    build: Callable[..., object]
    swap: Swap = "outerHTML"

    def __post_init__(self) -> None:
        if NAME.fullmatch(self.name) is None:
            raise ValueError(f"a region's name is kebab-case, at most 64 characters, not {self.name!r}")


def dom_id(name: str, own: Mapping[str, str] | None = None) -> str:
    """The DOM id of a region: its name, and the values of the parameters that are its own on this page.

    >>> dom_id("tile", {"equipment": "SMT-1"})
    'tile-SMT-1'
    """
    return "-".join([name, *(re.sub(r"[^A-Za-z0-9_-]", "_", value) for value in (own or {}).values())])


LIVE_PATH: Final = "/live"
RESERVED: Final = frozenset({"r", "rate", "since", "epoch"})
Rate = Literal["tablet", "wall"]


def live_url(
    *shown: str | tuple[str, Mapping[str, str]],
    rate: Rate = "tablet",
    params: Mapping[str, str] | None = None,
) -> str:
    """The address of `hx-ws:connect` for a page that shows these regions, with `params`, some with their own.

    The connecting element carries `hx-swap="none"`. A frame is JSON: `{"epoch": …, "seq": …, "content":
    "<hx-partial …>…"}`. The client answers each frame with `{"ack": seq}`, and adds `since` and `epoch` of the last
    frame it applied when it connects again (`htmx:ws:before:connection`). A tablet gets at most 5 frames a second,
    a wall 10.

    >>> live_url("job-queue", ("tile", {"equipment": "SMT-1"}), params={"station": "SMT-1"})
    '/live?r=job-queue&r=tile%3Bequipment%3DSMT-1&rate=tablet&station=SMT-1'
    """
    params = dict(params or {})
    if taken := RESERVED & params.keys():
        raise ValueError(f"reserved parameter of the live socket: {sorted(taken)}")
    pairs = [("r", item if isinstance(item, str) else _with_own(*item)) for item in shown]
    return f"{LIVE_PATH}?{urlencode([*pairs, ('rate', rate), *params.items()])}"


def _with_own(name: str, own: Mapping[str, str]) -> str:
    return ";".join([name, *(f"{quote(key)}={quote(value)}" for key, value in own.items())])


def read_shown(text: str) -> tuple[str, dict[str, str]]:
    """The other way: a value of `r` into a region's name and its own parameters. ValueError if malformed."""
    name, *own = text.split(";")
    if NAME.fullmatch(name) is None or not all("=" in item for item in own):
        raise ValueError(f"not a region: {text[:80]!r}")
    pairs = (item.split("=", 1) for item in own)
    return name, {unquote(key): unquote(value) for key, value in pairs}
