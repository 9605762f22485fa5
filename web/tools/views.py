"""View models of tools."""

from __future__ import annotations

from dataclasses import dataclass

from web.components.tools import ToolLine


@dataclass(frozen=True, slots=True)
class ToolList:
    """`request_id` makes an act done once when it is sent twice."""

    tools: tuple[ToolLine, ...]
    request_id: str


@dataclass(frozen=True, slots=True)
class ToolsPage:
    tools: ToolList
