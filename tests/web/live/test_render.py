"""Live regions where the database has been away in between."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

import pytest

from mes.kernel.db import Database, ReadSession
from tests.support.cut import cut_all_connections
from web.live.hub import Shown
from web.live.region import Region
from web.live.render import renderer


def build(session: ReadSession, *, now: datetime, params: Mapping[str, str]) -> object:
    return session.driver_query("SELECT 7")[0][0]


@pytest.mark.postgres
async def test_a_region_is_built_where_the_connections_were_cut_while_they_rested(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def rendered(_template: str, view: object, **_more: object) -> str:
        return f"<p>{view}</p>"

    monkeypatch.setattr("web.templating.render", rendered)
    shown = Shown(Region("seven", "seven.html", lambda _params: (), build), (), "seven", "en")
    plant = Database(postgres_url)
    try:
        cut_all_connections(plant)
        with caplog.at_level(logging.WARNING):
            assert await renderer(plant)([shown]) == ["<p>7</p>"]
        assert caplog.messages == []
    finally:
        plant.close()
