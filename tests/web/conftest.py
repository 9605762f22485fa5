from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site import Site, running_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all tests of a module: each uses orders of its own."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site
