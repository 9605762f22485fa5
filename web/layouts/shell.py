"""What the frame of a page needs to know, apart from the page's own view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from starlette.requests import Request

from mes.access.door import Caller

THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "lineside_theme"


@dataclass(frozen=True, slots=True)
class Shell:
    """`live` is the address of the socket ("" for a page without live regions); `may` lists permissions by value.

    `now_ms` is the server's clock when the page was made: browsers count ages by it, since tablets' clocks go wrong.
    `zone` is the plant's IANA time zone. `here`: who else is signed in at the station.
    """

    now_ms: int
    theme: str = "auto"
    zone: str = ""
    live: str = ""
    who: str = ""
    role: str = ""
    may: str = ""
    station: str = ""
    here: str = ""


def theme_of(wished: str | None) -> str:
    """A theme of ours; anything else is `auto`."""
    return wished if wished in THEMES else "auto"


def milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def shell_of(
    request: Request, who: Caller, *, zone: ZoneInfo, live: str = "", station: str = "", here: Iterable[str] = ()
) -> Shell:
    """The frame around a page for whoever is signed in."""
    return Shell(
        now_ms=milliseconds(who.database.clock()),
        theme=theme_of(request.cookies.get(THEME_COOKIE)),
        zone=zone.key,
        live=live,
        who=who.display_name,
        role=who.role.value,
        may=" ".join(sorted(who.permissions)),
        station=station,
        here=", ".join(here),
    )


def is_htmx(request: Request) -> bool:
    """Whether a part of a page is wanted, not a whole one."""
    return request.headers.get("HX-Request") == "true"
