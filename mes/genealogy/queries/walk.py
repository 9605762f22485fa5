"""Walks through the graph, level by level: one statement a level, however many lots it has.

First everything that is certainly in reach, then what is reached through a splice, of which nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from mes.genealogy.statements import (
    Reads,
    load_links_from,
    load_links_to,
    lots_that_passed,
    made_of_links,
    parents_of,
    used_in,
    used_in_links,
)
from mes.genealogy.types import DEPTH_MAX, LINKS_MAX, MADE_OF_MAX, NODES_MAX, LinkKind, LinkRow, Reach

KEYS_A_STATEMENT: Final = 5_000
"""Of a level with links, so that what comes at once is bounded; a unit has hundreds of links."""


def walk_up(reads: Reads, roots: Collection[int], *, limit: int = NODES_MAX) -> Reach:
    """What some lots are made of, with every link."""
    return _with_links(reads, roots, made_of_links, lambda link: link.parent_pk, limit)


def walk_down(reads: Reads, roots: Collection[int], *, limit: int = NODES_MAX) -> Reach:
    """What some lots went into, with every link."""
    return _with_links(reads, roots, used_in_links, lambda link: link.child_pk, limit)


def reach_down(reads: Reads, roots: Collection[int], *, limit: int = NODES_MAX) -> Reach:
    """What some lots went into, without the links: half the cost."""
    return _spread(roots, lambda keys: used_in(reads, keys), limit)


def contents(reads: Reads, pks: Collection[int]) -> set[int]:
    """Lots and everything that is packed in them, at any depth."""
    found: set[int] = set()
    frontier = set(pks)
    while frontier:
        found |= frontier
        frontier = {link.parent_pk for link in load_links_to(reads, frontier, LinkKind.packed)} - found
    return found


def containers_of(reads: Reads, pks: Collection[int]) -> set[int]:
    """The containers, and the shipments, that lots are in, at any depth."""
    found: set[int] = set()
    frontier = set(pks)
    while frontier := {link.child_pk for link in load_links_from(reads, frontier, LinkKind.packed)} - found:
        found |= frontier
    return found


def all_made_of(reads: Reads, lots: Iterable[int]) -> dict[int, set[int]]:
    """All lots that some lots are made of, at any depth, by recorded links. Left out are lots made of very many
    (`MADE_OF_MAX`), and where one of them, or the lot, passed a station: what is in it by that is told by mounts."""
    found: dict[int, set[int]] = {lot: set() for lot in lots}
    frontiers = {lot: {lot} for lot in found}
    while frontiers:
        parents: dict[int, list[int]] = {}
        children, above = parents_of(reads, sorted(set().union(*frontiers.values())))
        for child, parent in zip(children.tolist(), above.tolist(), strict=True):
            parents.setdefault(child, []).append(parent)
        for lot, frontier in [*frontiers.items()]:
            frontiers[lot] = {one for child in frontier for one in parents.get(child, ())} - found[lot]
            found[lot] |= frontiers[lot]
            if len(found[lot]) > MADE_OF_MAX:
                del found[lot]
            if lot not in found or not frontiers[lot]:
                del frontiers[lot]
    passed = lots_that_passed(reads, set(found).union(*found.values()))
    return {lot: inside for lot, inside in found.items() if passed.isdisjoint({lot, *inside})}


def _with_links(
    reads: Reads,
    roots: Collection[int],
    links_of: Callable[[Reads, Collection[int]], list[LinkRow]],
    target: Callable[[LinkRow], int],
    limit: int,
) -> Reach:
    links: list[LinkRow] = []

    def step(keys: Sequence[int]) -> tuple[Iterable[int], Iterable[int]]:
        before = len(links)
        for start in range(0, len(keys), KEYS_A_STATEMENT):
            if len(links) <= LINKS_MAX:
                links.extend(links_of(reads, keys[start : start + KEYS_A_STATEMENT]))
        found = links[before:LINKS_MAX]
        return (
            [target(link) for link in found if not link.possible],
            [target(link) for link in found if link.possible],
        )

    reach = _spread(roots, step, limit)
    reach.links = links[:LINKS_MAX]
    if len(links) > LINKS_MAX:
        reach.truncated = "links"
    return reach


Step = Callable[[Sequence[int]], tuple[Iterable[int], Iterable[int]]]


def _spread(roots: Collection[int], step: Step, limit: int) -> Reach:
    reach = Reach()
    doubtful: set[int] = set()
    _levels(reach, set(roots), step, limit, reach.certain, doubtful)
    frontier = doubtful - reach.certain
    while frontier and not reach.truncated:
        doubtful = set()
        _levels(reach, frontier, step, limit, reach.possible, doubtful)
        frontier = doubtful - reach.certain - reach.possible
    return reach


def _levels(reach: Reach, frontier: set[int], step: Step, limit: int, into: set[int], doubtful: set[int]) -> None:
    """Level by level from the frontier, by certain links; what possible ones lead to is set aside."""
    for _ in range(DEPTH_MAX):
        room = limit - len(reach.certain) - len(reach.possible)
        if len(frontier) > room:
            reach.truncated = "lots"
            into.update(sorted(frontier)[: max(room, 0)])
            return
        into |= frontier
        certain, possible = step(sorted(frontier))
        doubtful.update(possible)
        frontier = set(certain).difference(reach.certain, reach.possible)
        if not frontier:
            return
    reach.truncated = "levels"
