"""All proposals for one endpoint, each tag with a name of its own. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from opcua_bridge.discovery import companions, plain
from opcua_bridge.discovery.behaviour import Behaviour, Observed, Pattern, behaviour_of
from opcua_bridge.discovery.proposal import Machine, Proposal, TargetProposal
from opcua_bridge.discovery.tree import Found, Tree


@dataclass(frozen=True)
class Proposals:
    """What an endpoint was found to be; nothing of it is bound."""

    machines: tuple[Machine, ...]
    tags: tuple[tuple[str, Proposal], ...]
    """Name of the tag below the machine's prefix, and the proposal; the names are all different."""
    targets: tuple[TargetProposal, ...]
    silent: tuple[tuple[Found, str], ...]
    """Variables nothing is proposed for, each with what was seen of it."""
    remarks: tuple[str, ...]


def propose(tree: Tree, observed: Mapping[str, Observed]) -> Proposals:
    """Companion specifications first; what they do not explain by name, type, unit and behaviour."""
    seen = {v.node: behaviour_of(observed.get(v.node)) for v in tree.variables}
    known = [_checked(p, seen[p.found.node]) for p in companions.recognised(tree)]
    targets = [*companions.job_targets(tree), *plain.plain_targets(tree)]
    taken = {p.found.node for p in known} | companions.explained(tree) | plain.of_targets(tree, targets)
    rest = [v for v in tree.variables if v.node not in taken and not v.is_property]
    guessed = {v.node: plain.proposed(v, seen[v.node]) for v in rest}
    proposals = known + [p for p in guessed.values() if p is not None]
    return Proposals(
        tuple(companions.machines(tree)),
        tuple(zip(names([p.label for p in proposals]), proposals, strict=True)),
        tuple(targets),
        tuple((v, plain.seen_in_words(v, seen[v.node])) for v in rest if guessed[v.node] is None),
        (*tree.remarks, *companions.remarks(tree)),
    )


def _checked(proposal: Proposal, behaviour: Behaviour) -> Proposal:
    """A specification's word against what was seen."""
    if behaviour.pattern in (Pattern.unwatched, Pattern.unreadable):
        return proposal
    against = (
        plain.misfit(proposal.tag_class, proposal.found.data_type, behaviour) if proposal.found.is_readable else ""
    )
    return replace(
        proposal,
        confidence=proposal.confidence * (0.6 if against else 1.0),
        evidence=(*proposal.evidence, behaviour.words),
        doubts=(*proposal.doubts, against) if against else proposal.doubts,
    )


def names(labels: Sequence[tuple[str, ...]]) -> list[str]:
    """For each label its last words, as few as tell it apart from the others and as many as its neighbours below the
    same object have; a number where nothing tells them apart."""
    clean = [tuple(_clean(word) for word in label) or ("tag",) for label in labels]
    lengths = [1] * len(clean)
    while True:
        short = [".".join(label[-n:]) for label, n in zip(clean, lengths, strict=True)]
        counts = Counter(short)
        longer = [n + (counts[s] > 1 and n < len(label)) for s, n, label in zip(short, lengths, clean, strict=True)]
        longer = _as_long_as_neighbours(clean, longer)
        if longer == lengths:
            return _numbered(short)
        lengths = longer


def _as_long_as_neighbours(labels: list[tuple[str, ...]], lengths: list[int]) -> list[int]:
    most: Counter[tuple[str, ...]] = Counter()
    for label, length in zip(labels, lengths, strict=True):
        most[label[:-1]] = max(most[label[:-1]], length)
    return [most[label[:-1]] for label in labels]


def _clean(word: str) -> str:
    return re.sub(r"[^\w.-]+", "_", word).strip("_.") or "x"


def _numbered(short: list[str]) -> list[str]:
    used: set[str] = set()
    counts = Counter(short)
    answer = []
    for name in short:
        number, unique = 1, name
        while unique in used or (number > 1 and unique in counts):
            number += 1
            unique = f"{name}-{number}"
        used.add(unique)
        answer.append(unique)
    return answer
