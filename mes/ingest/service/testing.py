"""Results of testers and inspection machines out of their tags. What is no result is kept in quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mes.edge.types import Signal, TagBinding
from mes.genealogy.feeding.statements import load_places
from mes.ingest import statements
from mes.ingest.result_rules import AtTester, Found, Heard, What, follow_tester
from mes.ingest.rules import Quarantined, Word, instant_of
from mes.ingest.service.reading import sample_of
from mes.kernel.uow import UnitOfWork
from mes.quality.service import record_machine_results
from mes.quality.types import MACHINE, FoundDefect, ResultSpec
from standards.lineside.ingest_v1 import Sample


def follow_results(
    uow: UnitOfWork,
    tags: Mapping[int, Sequence[TagBinding]],
    words: Sequence[Word],
    bad: Sequence[tuple[TagBinding, Sample]],
) -> list[Quarantined]:
    """Record verdicts of units; answers rows of quarantine for the others. `tags`: those of each piece of equipment."""
    place_of = {binding.pk: place for place, bindings in tags.items() for binding in bindings}
    told = {word.seq: word for word in words if word.binding.pk in place_of}
    heard: dict[int, list[Heard]] = defaultdict(list)
    for word in told.values():
        heard[place_of[word.binding.pk]].append(_heard(word))
    for binding, sample in bad:
        if binding.pk in place_of and _what(binding) not in (What.verdict, What.together):
            heard[place_of[binding.pk]].append(Heard(binding.pk, _what(binding), None, instant_of(sample), 0))
    if not heard:
        return []
    testers = _testers(uow, {place: tags[place] for place in heard})
    found: list[tuple[int, Found]] = []
    quarantine: list[Quarantined] = []
    for place, tester in testers.items():
        results, untold = follow_tester(tester, heard[place])
        found += [(place, one) for one in results]
        quarantine += [Quarantined(seq, why.value, sample_of(told[seq])) for seq, why in untold.items()]
    statements.save_parts(uow, {pk: said for tester in testers.values() for pk, said in tester.said.items()})
    quarantine += _record(uow, found, told)
    return quarantine


def _heard(word: Word) -> Heard:
    return Heard(word.binding.pk, _what(word.binding), word.value, word.at_us, word.seq, word.certain)


def _what(binding: TagBinding) -> What | None:
    return What(binding.what) if binding.signal is Signal.result else None


def _testers(uow: UnitOfWork, tags: Mapping[int, Sequence[TagBinding]]) -> dict[int, AtTester]:
    """As their tags left them."""
    parts = statements.load_parts(uow, {binding.pk for bindings in tags.values() for binding in bindings})
    testers = {}
    for place, bindings in tags.items():
        tester = testers[place] = AtTester()
        old = [Heard(b.pk, _what(b), *parts[b.pk], 0) for b in bindings if b.pk in parts]
        follow_tester(tester, (one for one in old if one.what not in (What.verdict, What.together)))
        tester.said |= {one.binding_pk: (one.value, one.at_us) for one in old}
    return testers


def _record(uow: UnitOfWork, found: Sequence[tuple[int, Found]], told: Mapping[int, Word]) -> list[Quarantined]:
    if not found:
        return []
    places = load_places(uow, {place for place, _ in found})
    by_id = {one.result_id: one for _, one in found}
    refused = record_machine_results(uow, results=[_result(one, places[place]) for place, one in found])
    return [Quarantined(by_id[id].seq, code, sample_of(told[by_id[id].seq])) for id, code in refused.items()]


def _result(found: Found, equipment_id: str) -> ResultSpec:
    defects = (FoundDefect(found.defect_code, found.position),) if found.defect_code else ()
    note = "" if defects else found.position
    return ResultSpec(
        MACHINE,
        found.result_id,
        found.unit_id,
        equipment_id,
        found.verdict,
        found.at_us,
        note=note,
        defects=defects,
    )
