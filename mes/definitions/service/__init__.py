"""Verbs of the definitions feature, one module per use case."""

from __future__ import annotations

from mes.definitions.service.operations_definitions import (
    create_definition,
    put_definitions,
    set_definition_state,
    update_definition,
)
from mes.definitions.service.scrap_reasons import create_scrap_reason, put_scrap_reasons, update_scrap_reason
from mes.definitions.service.work_masters import create_work_master, put_work_masters, update_work_master

__all__ = [
    "create_definition",
    "create_scrap_reason",
    "create_work_master",
    "put_definitions",
    "put_scrap_reasons",
    "put_work_masters",
    "set_definition_state",
    "update_definition",
    "update_scrap_reason",
    "update_work_master",
]
