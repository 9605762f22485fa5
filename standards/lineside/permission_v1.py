"""permission_v1: what a machine is answered that asks whether it may work on a unit.

`GET /api/v1/units/{unit_id}/permission?equipment_id=…`, with the bridge's token. Members not named here are left alone.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

GO_ON: Final = "go-on"
STOP: Final = "stop"


class Permission(msgspec.Struct, frozen=True):
    """`code` is empty where it is allowed; `when_away`: what the plant wants while nobody can be asked."""

    allowed: bool
    code: str = ""
    when_away: Literal["go-on", "stop"] = "go-on"


def decode_permission(body: bytes) -> Permission:
    """msgspec.DecodeError if it is none."""
    return msgspec.json.decode(body, type=Permission)
