"""Pure: whether a unit may be worked on at a station."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mes.genealogy.may_i.types import Permission, Step, UnitFacts, Why
from mes.quality.rules import standing_of
from mes.quality.types import Standing, StepCheck

PROGRAM: Final = "program"
PROGRAM_REVISION: Final = "program_revision"
"""Parameters of a recipe, or of a step, that name what the machine has to run."""
NOWHERE = ""
"""The step of a failure that could be given to no job: what is not known stops the unit until somebody decides."""


def permission_of(facts: UnitFacts) -> Permission:
    """The first reason that speaks against it, or leave to work on the first step here that is not done.

    A unit in rework may be worked on only at the step it returns to, even where that step was done before.
    """
    if not facts.known:
        return Permission(facts.unit_id, Why.unknown)
    standing = standing_of(facts.verdicts, facts.after)
    if standing.scrapped or facts.closed:
        return Permission(facts.unit_id, Why.scrapped)
    if facts.held_by:
        return Permission(facts.unit_id, Why.held, other=facts.held_by)
    here = [step for step in facts.steps if step.is_here]
    if not here:
        return Permission(facts.unit_id, Why.no_step)
    step = _meant(facts, standing, here)
    why, other = _against(facts, standing, step)
    if why is None and facts.spent is not None:
        why, other = Why(facts.spent.why.value), facts.spent.tool_id
    return Permission(facts.unit_id, why, step.segment_id, step.job_id, other)


def program_differs(expected: Mapping[str, str], program: str, revision: str) -> str:
    """What the step expects the machine to run, where it told something else; "": nothing against it."""
    told = {PROGRAM: program, PROGRAM_REVISION: revision}
    if all(not value or expected.get(name, value) == value for name, value in told.items()):
        return ""
    return expected_program(expected)


def expected_program(expected: Mapping[str, str]) -> str:
    """The program and its revision that a step asks for; "": none."""
    return " ".join(expected[name] for name in (PROGRAM, PROGRAM_REVISION) if expected.get(name))


def check_of(said: StepCheck | None, *, records: bool) -> StepCheck:
    """What a step asks where `said` leaves it to its station: nothing of one that never recorded a unit."""
    if said not in (None, StepCheck.recorded):
        return said
    return StepCheck.worked if records else StepCheck.nothing


def _meant(facts: UnitFacts, standing: Standing, here: list[Step]) -> Step:
    """Where one station does several steps: the one it returns to, else the first that is not done, else the last."""
    returning = [step for step in here if step.segment_id == standing.returns_to]
    waiting = [step for step in here if not is_done(facts, standing, step)]
    return (returning or waiting or here[-1:])[0]


def _against(facts: UnitFacts, standing: Standing, step: Step) -> tuple[Why | None, str]:
    if NOWHERE in standing.failed:
        return Why.step_failed, NOWHERE
    back = standing.returns_to
    if back and back != step.segment_id:
        failed_before = back in standing.failed and step.segment_id in facts.after.get(back, ())
        return (Why.step_failed if failed_before else Why.in_rework), back
    for other in facts.steps:
        if step.segment_id not in facts.after.get(other.segment_id, ()):
            continue
        if other.segment_id in standing.failed:
            return Why.step_failed, other.segment_id
        if not is_done(facts, standing, other):
            return Why.step_missing, other.segment_id
    if not back and _was_here(facts, standing, step):
        return Why.already_done, step.segment_id
    return None, ""


def is_done(facts: UnitFacts, standing: Standing, step: Step) -> bool:
    """Whether a later step may rely on it."""
    if step.check is StepCheck.nothing or step.segment_id in standing.passed:
        return True
    if step.check is StepCheck.passed or step.segment_id in standing.failed:
        return False
    return _worked(facts, standing, step)


def _was_here(facts: UnitFacts, standing: Standing, step: Step) -> bool:
    if step.segment_id in standing.passed:
        return True
    return step.check is StepCheck.worked and _worked(facts, standing, step)


def _worked(facts: UnitFacts, standing: Standing, step: Step) -> bool:
    """It was there, and since it was sent back to do so again."""
    at_us = facts.worked.get(step.segment_id)
    return at_us is not None and (step.segment_id not in standing.reset or at_us > facts.reset_at_us)
