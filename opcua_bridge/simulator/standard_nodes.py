"""The standard address space, filled once per process (it takes seconds) and borrowed by every server after that."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator, MutableMapping
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, NodeData, NodeManagementService
from asyncua.server.standard_address_space import standard_address_space

_pristine: dict[ua.NodeId, NodeData] = {}


class BorrowedNodes(MutableMapping[Any, Any]):
    """Nodes of a shared original; each is copied when it is first asked for, so that nobody sees another's changes."""

    def __init__(self, original: dict[Any, Any]) -> None:
        self._original = original
        self._own: dict[Any, Any] = {}
        self._gone: set[Any] = set()

    def __getitem__(self, key: Any) -> Any:
        if key not in self._own and key not in self._gone:
            self._own[key] = copy.deepcopy(self._original[key])
        return self._own[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._gone.discard(key)
        self._own[key] = value

    def __delitem__(self, key: Any) -> None:
        self._own.pop(key, None)
        self._gone.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self._own or (key in self._original and key not in self._gone)

    def __iter__(self) -> Iterator[Any]:
        yield from self._own
        yield from (key for key in self._original if key not in self._own and key not in self._gone)

    def __len__(self) -> int:
        return sum(1 for _ in self)


async def borrow_standard_nodes() -> BorrowedNodes:
    """Every node OPC 10000-5 and its relatives define."""
    if not _pristine:
        space = AddressSpace()
        await asyncio.to_thread(standard_address_space.fill_address_space, NodeManagementService(space))
        _pristine.update(space._nodes)
    return BorrowedNodes(_pristine)
