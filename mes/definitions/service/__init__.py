"""Verbs of the definitions feature, one module per use case."""

from __future__ import annotations

from mes.definitions.service.documents import put_document
from mes.definitions.service.drafts import (
    add_draft_instruction,
    begin_draft,
    drop_draft_instruction,
    drop_draft_segment,
    put_draft_segment,
    replace_draft,
    set_draft_tolerances,
)
from mes.definitions.service.operations_definitions import (
    create_definition,
    put_definitions,
    set_definition_effectivity,
    set_definition_state,
    update_definition,
)
from mes.definitions.service.scrap_reasons import create_scrap_reason, put_scrap_reasons, update_scrap_reason
from mes.definitions.service.work_masters import (
    create_work_master,
    put_work_masters,
    set_work_master_effectivity,
    update_work_master,
)

__all__ = [
    "add_draft_instruction",
    "begin_draft",
    "create_definition",
    "create_scrap_reason",
    "create_work_master",
    "drop_draft_instruction",
    "drop_draft_segment",
    "put_definitions",
    "put_document",
    "put_draft_segment",
    "put_scrap_reasons",
    "put_work_masters",
    "replace_draft",
    "set_definition_effectivity",
    "set_definition_state",
    "set_draft_tolerances",
    "set_work_master_effectivity",
    "update_definition",
    "update_scrap_reason",
    "update_work_master",
]
