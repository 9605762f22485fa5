"""Builds and renders regions for the hub: some at once, in one read snapshot, on a reader thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import Unavailable
from web.live.hub import RenderAll, Shown
from web.problems import new_reference, problem_fragment
from web.templating import render_region

_LOG = logging.getLogger(__name__)


def renderer(database: Database) -> RenderAll:
    """Renders from this plant. While its database is away it waits: nobody is told an old state as new."""

    async def render_all(shown: Sequence[Shown]) -> Sequence[str]:
        told = False
        while True:
            try:
                return await database.read(render_shown, shown=shown, now=database.clock())
            except Unavailable as weather:
                if not told:
                    _LOG.warning("live regions wait: %s", weather.detail)
                told = True
                await asyncio.sleep(weather.retry_after_s)

    return render_all


def render_shown(session: ReadSession, *, shown: Sequence[Shown], now: datetime) -> list[str]:
    """Each region's html, in one snapshot. One that fails becomes a sentence with a reference, the others stay."""
    return [_render_one(session, one, now) for one in shown]


def _render_one(session: ReadSession, shown: Shown, now: datetime) -> str:
    try:
        return render_region(
            session,
            region=shown.region,
            now=now,
            params=dict(shown.params),
            language=shown.language,
            region_id=shown.dom_id,
        )
    except Unavailable:
        raise
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        reference = new_reference()
        _LOG.exception("region %s could not be rendered, reference %s", shown.region.name, reference)
        session.rollback()
        return problem_fragment(shown.dom_id, reference, language=shown.language)
