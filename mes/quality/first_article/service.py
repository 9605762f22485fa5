"""Somebody decides a first article."""

from __future__ import annotations

from collections.abc import Sequence

from mes.kernel.uow import UnitOfWork
from mes.orders.service import settle_first_article
from mes.quality.errors import ResultsTooMany
from mes.quality.first_article.errors import FirstArticleContradicted
from mes.quality.first_article.types import MEASUREMENTS_MAX
from mes.quality.rules import judged
from mes.quality.types import MeasuredVerdict, Measurement


def decide_first_article(
    uow: UnitOfWork,
    *,
    job_id: str,
    version: int,
    passed: bool,
    note: str = "",
    measurements: Sequence[Measurement] = (),
) -> None:
    """Say that the first pieces of a job are good, so that it may go on, or that they are not, and why.

    `first-article-contradicted` where it is to pass with a value outside its limits; `result-invalid` of a number,
    `results-too-many`; else as `settle_first_article`.
    """
    if len(measurements) > MEASUREMENTS_MAX:
        raise ResultsTooMany(f"There are {len(measurements)} measurements.")
    told = [judged(one) for one in measurements]
    outside = [one.name for one in told if one.verdict == MeasuredVerdict.failed]
    if passed and outside:
        raise FirstArticleContradicted(f"Outside its limits: {', '.join(outside)[:200]}.")
    settle_first_article(uow, job_id=job_id, version=version, passed=passed, note=note, measurements=told)
