"""The demo's ERP: it sends production orders and pulls what became of them, over REST, with a token of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx

MATERIAL: Final = "CB-100"
BOARDS: Final = 50


class NotSent(Exception):
    """The server did not take it; the text says why."""


def erp_client(port: int, token: str) -> httpx.AsyncClient:
    """Speaks to the demo's server, as the ERP."""
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"})


@dataclass
class Erp:
    """`told` is the newest version of each job's report: good and scrapped pieces."""

    client: httpx.AsyncClient
    told: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    cursor: int = 0
    sent: int = 0

    async def send_order(self, quantity: int = BOARDS) -> str:
        """Ask for controller boards, due in eight hours. Answers the order's id."""
        now = datetime.now(UTC)
        self.sent += 1
        order_id = f"PO-{now:%m%d-%H%M%S}-{self.sent}"
        body = {
            "id": order_id,
            "material_id": MATERIAL,
            "quantity": str(quantity),
            "due_at": (now + timedelta(hours=8)).isoformat(),
        }
        answer = await self._post("/api/v1/operations-requests", body, key=order_id)
        return str(answer["operations_request_id"])

    async def wait_until_ready(self, within_s: float) -> None:
        """Return when the server is ready. TimeoutError if it is not in time."""
        async with asyncio.timeout(within_s):
            while not await self._is_ready():  # noqa: ASYNC110 (nobody tells us)
                await asyncio.sleep(0.1)

    async def _is_ready(self) -> bool:
        try:
            return (await self.client.get("/readyz")).is_success
        except httpx.HTTPError:
            return False

    async def _post(self, path: str, body: Mapping[str, Any], *, key: str) -> Mapping[str, Any]:
        try:
            response = await self.client.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError as error:
            raise NotSent(f"the server does not answer ({type(error).__name__})") from error
        if response.is_error:
            problem = response.json()
            raise NotSent(f"{problem.get('title')} {problem.get('detail', '')} [{problem.get('code')}]")
        answer: Mapping[str, Any] = response.json()
        return answer

    async def pull(self) -> None:
        """Read the reports after the cursor; a later version of a report replaces the earlier one."""
        while True:
            response = await self.client.get("/api/v1/operations-performance", params={"after": self.cursor})
            response.raise_for_status()
            page = response.json()
            for item in page["items"]:
                self._hear(item["job_response"])
            self.cursor = page["next_after"]
            if not page["items"]:
                return

    def _hear(self, report: Mapping[str, Any]) -> None:
        job_id, version = report["job_order_id"], int(report["version"])
        if version >= self.told.get(job_id, (0, Decimal(0)))[0]:
            made = (pieces_of(actual) for actual in report["material_actual"] if actual["use"] == "Produced")
            self.told[job_id] = (version, sum(made, Decimal(0)))


def pieces_of(actual: Mapping[str, Any]) -> Decimal:
    """Good and scrapped pieces of one produced material of a report."""
    return Decimal(actual["quantity"]) + Decimal(actual["scrap"]["quantity"])
