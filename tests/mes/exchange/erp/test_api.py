"""ERP connections over HTTP: whether one may lead inside is said once, and stays."""

from __future__ import annotations

import httpx
import pytest

from mes.access.types import Role
from mes.kernel.db import Database
from tests.web.cast import as_, hire_cast


@pytest.fixture(params=["sqlite"])
def database_url(sqlite_url: str) -> str:
    return sqlite_url


async def test_an_erp_at_home_has_to_be_allowed_and_stays_so(http: httpx.AsyncClient, plant: Database) -> None:
    headers = as_(hire_cast(plant)[Role.administrator])
    body = {"kind": "tryton", "url": "https://10.0.0.7", "database": "plant", "user": "lineside"}
    new = {**body, "id": "tryton", "password": "secret"}
    refused = await http.post("/api/v1/erp-connections", json=new, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "erp-connection-invalid")
    made = await http.post("/api/v1/erp-connections", json={**new, "private_addresses": True}, headers=headers)
    assert (made.status_code, made.json()["private_addresses"]) == (201, True)
    silent = await http.put("/api/v1/erp-connections/tryton", json={**body, "version": 1}, headers=headers)
    assert (silent.json()["private_addresses"], silent.json()["version"]) == (True, 2)
    outside = {**body, "version": 2, "private_addresses": False}
    assert (await http.put("/api/v1/erp-connections/tryton", json=outside, headers=headers)).status_code == 422
