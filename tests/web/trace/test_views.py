"""View models of traces."""

from __future__ import annotations

from tests.web.trace_factory import DIFFERENT, difference
from web.trace.unit_views import DifferencePage


def test_a_difference_says_what_is_only_possible() -> None:
    _, page = difference(*DIFFERENT)
    assert isinstance(page, DifferencePage)
    reels, passed = page.differences
    assert reels.first == (("R-00000041", False),)
    assert reels.second == (("R-00000042", True), ("R-00000043", True))
    assert (passed.what, passed.second) == ("pass", ())
