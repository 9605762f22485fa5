from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from mes.kernel.plants import Migrate, Plants
from tests.conftest import SettableClock
from tests.web.site import Site, build_site, running_site
from tests.web.stage import Stage, set_stage
from web.main import create_app
from web.settings import Settings


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, at_once: Migrate) -> Iterator[Stage]:
    """A server with two plants, for all tests of a module."""
    folder = tmp_path_factory.mktemp("stage")
    app = create_app(Settings(data_dir=folder, environment="development", allowed_hosts="*"))
    plants = Plants(data_dir=folder, migrate=at_once, clock=SettableClock())
    yield set_stage(app, plants)
    plants.close()


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Of the stage's server."""
    transport = httpx.ASGITransport(stage.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mes.test") as client:
        yield client


@pytest.fixture(scope="session")
def begun_installation(tmp_path_factory: pytest.TempPathFactory, at_once: Migrate) -> Path:
    folder = tmp_path_factory.mktemp("begun") / "data"
    Plants(data_dir=folder, migrate=at_once).close()
    return folder


@pytest.fixture
def data_dir(begun_installation: Path, tmp_path: Path) -> Path:
    """Of an installation whose default plant is there, empty, and used by nobody."""
    return Path(shutil.copytree(begun_installation, tmp_path / "data"))


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
