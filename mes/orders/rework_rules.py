"""Pure: which steps reworked pieces pass again."""

from __future__ import annotations

from collections.abc import Collection


def steps_between(edges: Collection[tuple[str, str]], first: str, last: str) -> frozenset[str]:
    """Every step on a way from `first` to `last`, both included; empty where no way leads there.

    `edges`: (step, the step before it).
    """
    if first == last:
        return frozenset({first})
    after = _reached(first, {(before, step) for step, before in edges})
    if last not in after:
        return frozenset()
    return (after & _reached(last, edges)) | {first, last}


def follows(edges: Collection[tuple[str, str]], step: str, before: str) -> bool:
    """Whether one step comes right after another."""
    return (step, before) in edges


def _reached(start: str, edges: Collection[tuple[str, str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        new = {other for here, other in edges if here == current} - found
        found |= new
        waiting.extend(new)
    return frozenset(found)
