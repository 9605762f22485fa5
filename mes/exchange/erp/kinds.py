"""The ERPs there is a connector for; each is one folder beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mes.exchange.erp.rounds import Maker
from mes.exchange.erp.tryton.connector import TrytonConnector

MAKERS: Final[Mapping[str, Maker]] = {"tryton": TrytonConnector}
