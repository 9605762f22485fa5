"""docs/api/problems.md: every code in one table, made out of the pages of docs/problems. `make api` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
INDEX: Final = DOCS / "api" / "problems.md"
PAGES: Final = DOCS / "problems"
HEAD: Final = """# Every problem code

A refused request is answered with problem details (RFC 9457, `application/problem+json`). Decide by `code`: it never
changes its meaning. It leads to its page: what it means and what to do. Which codes an operation can end in stands in
[openapi.json](openapi.json) as `x-problem-codes`. `make api` writes this list out of the pages.

What to do by status: 400, 413 and 422 want another request; 401 and 403 another token; 404 and 409 something else in
the plant, or the version read anew; 429 and 503 pass by themselves: wait `Retry-After` seconds and send the same again.
"""
_SECOND: Final = re.compile(r"`(?P<code>[^`]+)`, (?:HTTP status (?P<status>\d{3})|(?P<place>.+))")


@dataclass(frozen=True, slots=True)
class Page:
    """`status` None: it is not answered over HTTP, but said at `place`."""

    code: str
    title: str
    status: int | None
    place: str


def pages() -> Iterator[Page]:
    """Every page by code. ValueError for one that does not begin with a title, its code, and a status or a place."""
    for path in sorted(PAGES.glob("*.md")):
        title, _, second, *_ = path.read_text("utf-8").splitlines()
        told = _SECOND.match(second)
        if told is None or told["code"] != path.stem or not title.startswith("# "):
            raise ValueError(
                f"{path}: it begins with a title, and then `{path.stem}` with its HTTP status or its place"
            )
        status = int(told["status"]) if told["status"] else None
        yield Page(path.stem, title[2:], status, told["place"] or "")


def index() -> str:
    """The text of docs/api/problems.md."""
    found = list(pages())
    answered = sorted((page for page in found if page.status), key=lambda page: (page.status or 0, page.code))
    others = sorted((page for page in found if page.status is None), key=lambda page: (page.place, page.code))
    lines = [HEAD, f"## Answered over HTTP ({len(answered)})\n", "| Status | Code | |", "|---|---|---|"]
    lines += [f"| {page.status} | {_link(page)} | {page.title} |" for page in answered]
    lines += [f"\n## Said elsewhere ({len(others)})\n", "| Where | Code | |", "|---|---|---|"]
    lines += [f"| {page.place} | {_link(page)} | {page.title} |" for page in others]
    return "\n".join(lines) + "\n"


def _link(page: Page) -> str:
    return f"[`{page.code}`](../problems/{page.code}.md)"


def write_index() -> None:
    INDEX.write_text(index(), "utf-8")
