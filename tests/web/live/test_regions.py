"""Every region of every screen can be followed by somebody: a topic nobody may subscribe to closes the whole socket."""

from __future__ import annotations

from typing import Any

import pytest

from mes.access.permissions import ROLE_PERMISSIONS
from mes.access.rules import may_subscribe
from mes.access.types import Role
from web.live.region import Region
from web.main import LIVE_SCREENS

REGIONS = [region for screen in LIVE_SCREENS for region in screen.REGIONS]


class Anything(dict[str, str]):
    """Whatever parameter is asked for, it is there."""

    def __missing__(self, name: str) -> str:
        return "X-1"

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
def test_an_administrator_may_follow_it(region: Region) -> None:
    topics = region.topics(Anything())
    assert topics
    assert [topic for topic in topics if not may_subscribe(ROLE_PERMISSIONS[Role.administrator], topic)] == []
