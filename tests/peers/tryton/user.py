"""A person at Tryton: its own client over XML-RPC, told by JSON lines what to do. `python user.py URL USER PASSWORD`.

A request is {"do": verb, …}; its answer {"result": …} or {"error": text}. It ends with its standard input.
"""

import base64
import datetime as dt
import json
import sys
import xmlrpc.client

from proteus import Model
from proteus import config as proteus_config


def produce(product: str, quantity: float, unit: str, day: str | None = None) -> int:
    """A production that is planned and firm; answers its id."""
    (made,) = Model.get("product.product").find([("code", "=", product)])
    (uom,) = Model.get("product.uom").find([("symbol", "=", unit)])
    (center,) = Model.get("production.work.center").find([("name", "=", "Assembly")])
    production = Model.get("production")()
    production.product, production.bom = made, made.boms[0].bom
    production.routing, production.work_center = made.boms[0].routing, center
    production.unit, production.quantity = uom, quantity
    production.planned_date = dt.date.fromisoformat(day) if day else None
    production.save()
    production.click("wait")
    return production.id


def click(id: int, *, buttons: list[str]) -> str:
    """Press buttons of a production one after another; answers its state."""
    production = Model.get("production")(id)
    for button in buttons:
        production.click(button)
    return str(production.state)


def change(id: int, *, quantity: float) -> None:
    """As a planner changes what is firm: back to a draft, another quantity, firm again."""
    production = Model.get("production")(id)
    production.click("draft")
    production.quantity = quantity
    production.save()
    production.click("wait")


def look(id: int) -> dict[str, object]:
    """What a production says: its state, what went in and came out, the time of its works."""
    production = Model.get("production")(id)
    return {
        "number": production.number,
        "state": production.state,
        "inputs": sorted(map(_moved, production.inputs)),
        "outputs": sorted(map(_moved, production.outputs)),
        "seconds": {work.operation.name: 0 for work in production.works} | _seconds(production.works),
    }


def _moved(move) -> list[object]:
    lot = move.lot.number if move.lot else ""
    return [move.product.code, move.quantity, move.unit.symbol, lot, move.to_location.type, move.state]


def _seconds(works) -> dict[str, float]:
    found: dict[str, float] = {}
    for work in works:
        spent = sum(cycle.duration.total_seconds() for cycle in work.cycles if cycle.state == "done")
        found[work.operation.name] = found.get(work.operation.name, 0) + spent
    return found


def stock(product: str, lot: str = "") -> float:
    """How much of a product, or of one lot of it, the storage has."""
    (storage,) = Model.get("stock.location").find([("code", "=", "STO")])
    (made,) = Model.get("product.product").find([("code", "=", product)])
    wanted = [("product", "=", made.id), ("state", "=", "done"), *([("lot.number", "=", lot)] if lot else [])]
    total = 0.0
    for move in Model.get("stock.move").find(wanted):
        sign = (move.to_location == storage) - (move.from_location == storage)
        total += sign * move.internal_quantity
    return total


VERBS = {verb.__name__: verb for verb in (produce, click, change, look, stock)}


def session(url: str, user: str, password: str) -> str:
    """Signed in once: with user and password in each request, each would cost the hash of a password."""
    key, token, *_ = xmlrpc.client.ServerProxy(url, allow_none=True).common.db.login(user, {"password": password})
    return base64.b64encode(f"{user}:{key}:{token}".encode()).decode()


def main() -> None:
    header = ("Authorization", f"Session {session(*sys.argv[1:])}")
    configuration = proteus_config.set_xmlrpc(sys.argv[1], headers=[header])
    configuration._context = Model.get("res.user").get_preferences(True, configuration.context)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"result": VERBS[asked.pop("do")](**asked)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:1000]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
