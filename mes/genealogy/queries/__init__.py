"""Reads of the genealogy feature; one module a question."""

from mes.genealogy.queries.faults import find_faults
from mes.genealogy.queries.recall import get_recall, list_recall_holds
from mes.genealogy.queries.shared import list_shared
from mes.genealogy.queries.trace import (
    get_as_built,
    get_difference,
    list_affected,
    list_shipped,
    trace_from,
    trace_used,
)

__all__ = [
    "find_faults",
    "get_as_built",
    "get_difference",
    "get_recall",
    "list_affected",
    "list_recall_holds",
    "list_shared",
    "list_shipped",
    "trace_from",
    "trace_used",
]
