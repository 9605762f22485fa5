"""What a Get asks."""

from __future__ import annotations

from mes.exchange.b2mml.types import SHOWN_MAX, Asked
from mes.exchange.b2mml.values import unusable
from standards.isa95.b2mml import Document


def asked_of(document: Document) -> Asked:
    """What a Get looks for: ids of its objects, and `after:` and `limit:` among its expressions."""
    ids = tuple(dict.fromkeys(found for element in document.objects if (found := element.value("ID"))))
    if len(ids) > SHOWN_MAX:
        raise unusable(f"A Get names at most {SHOWN_MAX} ids.")
    after, limit = None, SHOWN_MAX
    for expression in document.verb.values("Expression"):
        key, _, value = expression.partition(":")
        if key == "after" and value:
            after = value
        elif key == "limit" and value.isascii() and value.isdigit() and 1 <= int(value[:6]) <= SHOWN_MAX:
            limit = int(value)
        else:
            raise unusable(f"Expression {expression[:100]!r} is neither after:… nor limit: with 1 to {SHOWN_MAX}.")
    return Asked(ids, after, limit)
