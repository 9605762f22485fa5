"""Tryton's JSON-RPC: one session, one request at a time, bounded answers, decimals that stay decimals.

Tryton 8.0, `trytond/protocols/dispatcher.py` and `jsonrpc.py`: POST to `/<database>/rpc/` with id, method, params; a
session of `common.db.login` in the header Authorization; errors as a list whose first entry names them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from mes.exchange.erp.agreement import ErpAway
from mes.exchange.erp.reaching import Reaching
from mes.exchange.erp.types import SAID_MAX, Address

CALL_S: Final = 30.0
ANSWER_MAX: Final = 32 * 1024 * 1024
PAGE: Final = 500
"""Records read at once."""


class Refused(Exception):
    """Tryton says no, with a sentence of its own."""


class Stale(Exception):
    """The record was changed by somebody else since it was read."""


class Client:
    """Signed in when first needed, and again when the session has ended."""

    def __init__(self, address: Address) -> None:
        self._address = address
        way = Reaching(private=address.private_addresses)
        self._http = httpx.AsyncClient(transport=way, trust_env=False, follow_redirects=False, timeout=CALL_S)
        self._session = ""
        self._context: dict[str, Any] = {}

    async def close(self) -> None:
        await self._http.aclose()

    async def version(self) -> str:
        """The series of the server, such as 8.0."""
        return str(await self._post("/rpc/", "common.server.version", ()))

    @property
    def company(self) -> int | None:
        """Of the user who signed in."""
        found = self._context.get("company")
        return found if isinstance(found, int) else None

    async def preferences(self) -> Mapping[str, Any]:
        """Of the user who signed in; the company is taken from them into every later call."""
        found: dict[str, Any] = await self.call("res.user", "get_preferences", True)
        self._context = {"company": found.get("company"), "language": "en"}
        return found

    async def call(
        self,
        model: str,
        method: str,
        *params: Any,
        stamps: Mapping[str, str] | None = None,
        within: Mapping[str, Any] | None = None,
    ) -> Any:
        """The answer of a method of a model. Refused; Stale where a record no longer has its stamp; ErpAway.

        `stamps`: "model,id" → the `_timestamp` that was read with it; `within`: what else goes into the context.
        """
        context = {**self._context, **(within or {}), **({"_timestamp": dict(stamps)} if stamps else {})}
        for attempt in (1, 2):
            if not self._session:
                await self._sign_in()
            try:
                return await self._post(self._path, f"model.{model}.{method}", (*params, context), self._session)
            except _SignedOut:
                self._session = ""
                if attempt == 2:
                    break
        raise ErpAway(f"{self._address.user} is signed out again and again.")

    async def search_read(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> list[dict[str, Any]]:
        """All records of a domain, page by page in the order of their ids."""
        found: list[dict[str, Any]] = []
        while True:
            after = [["id", ">", found[-1]["id"]]] if found else []
            page = await self.call(model, "search_read", [*domain, *after], 0, PAGE, [["id", "ASC"]], list(fields))
            found += page
            if len(page) < PAGE:
                return found

    async def read(self, model: str, ids: Sequence[int], fields: Sequence[str]) -> list[dict[str, Any]]:
        """Some records, in any order."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), PAGE):
            found += await self.call(model, "read", list(ids[start : start + PAGE]), list(fields))
        return found

    @property
    def _path(self) -> str:
        return f"/{quote(self._address.database, safe='')}/rpc/"

    async def _sign_in(self) -> None:
        parameters = {"password": self._address.password}
        try:
            found = await self._post(self._path, "common.db.login", (self._address.user, parameters, "en"))
            user, token = int(found[0]), str(found[1])
        except _SignedOut:
            raise ErpAway(f"{self._address.user} is not let in: user or password are wrong.") from None
        except (TypeError, ValueError, IndexError):
            raise ErpAway("What answers there is no Tryton.") from None
        text = f"{self._address.user}:{user}:{token}"
        self._session = base64.b64encode(text.encode()).decode()

    async def _post(self, path: str, method: str, params: Sequence[Any], session: str = "") -> Any:
        body = orjson.dumps({"id": 1, "method": method, "params": params}, default=_plain)
        headers = {"content-type": "application/json"} | ({"authorization": f"Session {session}"} if session else {})
        request = self._http.build_request("POST", f"{self._address.url}{path}", content=body, headers=headers)
        try:
            response = await self._http.send(request, stream=True)
            try:
                content = await _content(response)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise ErpAway(f"No answer: {str(error) or type(error).__name__}.") from error
        return _answer(response.status_code, content)


class _SignedOut(Exception):
    """401."""


async def _content(response: httpx.Response) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > ANSWER_MAX:
            raise ErpAway(f"The answer is larger than {ANSWER_MAX} bytes.")
    return bytes(found)


def _answer(status: int, content: bytes) -> Any:
    if status == 401:
        raise _SignedOut
    if status == 403:
        raise ErpAway("The user may not do that: it lacks access rights, or a module is missing.")
    if status == 404:
        raise ErpAway("There is no such database, or no Tryton at this address.")
    if status != 200:
        raise ErpAway(f"It answered with HTTP status {status}.")
    try:
        answer = json.loads(content, parse_float=Decimal, object_hook=_value)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ErpAway("What answers there is no Tryton.")
    if "error" in answer:
        raise _refusal(answer["error"])
    return answer.get("result")


def _refusal(error: Any) -> Exception:
    """Of what Tryton names: UserError and UserWarning come with a sentence for people."""
    name, *rest = error if isinstance(error, list) and error else [str(error)]
    if name == "ConcurrencyException":
        return Stale()
    words = rest[0] if rest else ""
    if name in ("UserError", "UserWarning") and isinstance(words, list):
        said = words[0] if name == "UserError" else " ".join(str(word) for word in words[1:2])
        return Refused(str(said)[:SAID_MAX])
    return Refused(f"It failed: {name}"[:SAID_MAX])


def _value(found: dict[str, Any]) -> Any:
    """Tryton's wrapped values; dates stay as they are, for those who ask for them."""
    return Decimal(found["decimal"]) if found.get("__class__") == "Decimal" else found


def _plain(value: Any) -> Any:
    """A quantity as a JSON number with all its digits."""
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(type(value).__name__)
