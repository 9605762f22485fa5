from __future__ import annotations

from typing import Any

import pytest

from web.main import create_app
from web.settings import Settings


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The description of the API; nobody may change it."""
    return create_app(Settings(environment="test")).openapi()
