"""What a screen says of versions, and what is read out of its forms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mes.definitions.errors import EffectivityInvalid, OperationsDefinitionInvalid
from mes.definitions.types import DefinitionState, Effectivity, Substitute
from tests.web import routing_factory as r
from web.routings.forms import effectivity_of, number_of, substitutes_of
from web.routings.views import routing_page, step_page, version_word

BERLIN = ZoneInfo("Europe/Berlin")


def words(*versions: object) -> list[str]:
    return [version_word(v, versions, r.NOW) for v in versions]  # type: ignore[arg-type]


def test_only_the_newest_that_is_effective_is_in_force() -> None:
    assert words(*r.versions()) == ["obsolete", "current", "later", "draft"]
    over = r.definition("3", effectivity=Effectivity(until_at=r.NOW))
    assert words(r.definition("2"), over) == ["current", "ended"]
    assert words(r.definition("1"), r.definition("2")) == ["ended", "current"]


def test_a_withdrawn_version_can_come_back_and_a_draft_be_changed() -> None:
    def page(state: DefinitionState, *, may_edit: bool = True) -> object:
        one = r.definition("1", state)
        return routing_page(one, (one,), r.recipes(), r.CHECKS, may_edit=may_edit, zone=BERLIN, now=r.NOW)

    shown = {state: page(state) for state in DefinitionState}
    acts = {s: (p.release, p.withdraw, p.may_change) for s, p in shown.items()}  # type: ignore[attr-defined]
    assert acts == {
        DefinitionState.Draft: ("release", False, True),
        DefinitionState.Released: ("", True, False),
        DefinitionState.Obsolete: ("again", False, False),
    }
    guest = page(DefinitionState.Draft, may_edit=False)
    assert (guest.release, guest.may_change) == ("", False)  # type: ignore[attr-defined]


def test_steps_beside_each_other_are_named_and_own_values_told_apart() -> None:
    one = r.definition()
    page = routing_page(one, (one,), r.recipes(), r.CHECKS, may_edit=False, zone=BERLIN, now=r.NOW)
    assert [step.parallel for step in page.steps] == [(), ("LABEL",), ("DEPANEL",), ()]
    peak = next(p for p in page.steps[0].parameters if p.name == "peak_c")
    assert (peak.value, peak.recipe_value, peak.own, peak.limits) == ("247", "245", True, "240 – 250")


def test_the_form_of_a_step_says_what_the_step_says_and_a_new_one_follows_the_last() -> None:
    draft = r.versions()[-1]
    page = step_page(draft, draft.segments[0], r.recipes()["WM-SMT", "1"], r.choices())
    assert [o.value for o in page.alternatives if o.chosen] == ["SMT-2"]
    assert "SMT-1" not in [o.value for o in page.alternatives]
    assert [(m.quantity, m.allowance, m.substitutes) for m in page.materials[1:3]] == [
        ("24", "", "R-10K-0402-B, R-10K-0603"),
        ("0.6", "2.5", ""),
    ]
    new = step_page(draft, None, None, r.choices())
    assert [(a.segment_id, a.none) for a in new.after][-1] == ("PACK", False)
    assert all(a.none for a in new.after[:-1])


def test_substitutes_are_read_in_order_each_with_its_quantity() -> None:
    found = substitutes_of("A, B 1.5 ,, C", Decimal(2))
    assert found == (Substitute("A", Decimal(2)), Substitute("B", Decimal("1.5")), Substitute("C", Decimal(2)))
    assert substitutes_of("A; B 1,5", Decimal(2))[1] == Substitute("B", Decimal("1.5"))


@pytest.mark.parametrize("text", ["", "x", "1.0000001", "1e40", "nan"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(OperationsDefinitionInvalid):
        number_of(text)


def test_times_are_the_plants_own() -> None:
    found = effectivity_of("2026-07-01T06:00", "", BERLIN)
    assert found == Effectivity(datetime(2026, 7, 1, 4, tzinfo=UTC))
    with pytest.raises(EffectivityInvalid):
        effectivity_of("tomorrow", "", BERLIN)
    shown = r.definition(effectivity=replace(found, until_at=found.from_at and found.from_at + timedelta(days=1)))
    page = routing_page(shown, (shown,), {}, {}, may_edit=True, zone=BERLIN, now=r.NOW)
    assert (page.from_at, page.until_at) == ("2026-07-01T06:00", "2026-07-02T06:00")
