from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.site import Site, build_site, running_site


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    build_site(folder)
    return folder


@pytest.fixture(scope="module")
def site(built_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all tests of a module: each uses orders of its own."""
    folder = tmp_path_factory.mktemp("site") / "data"
    shutil.copytree(built_site, folder)
    with running_site(folder) as site:
        yield site
