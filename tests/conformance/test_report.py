"""The conformance report says what the tests hold: nothing more, nothing less, and every judge with its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.conformance import REPORT, judged_modules, report, version_of

HERE = Path(__file__)


def test_the_report_is_what_the_tests_say() -> None:
    same = REPORT.read_text("utf-8") == report()
    assert same, "docs/standards/conformance.md is not what the tests hold: run `make conformance`"


def test_every_test_of_conformance_names_its_judges() -> None:
    named = {Path(one.path).name: one for one in judged_modules()}
    mine = {path.name for path in HERE.parent.glob("test_*.py")} - {HERE.name}
    assert mine - named.keys() == set()
    assert all(one.judges and one.about and one.tests for one in named.values())


def test_a_package_that_is_not_locked_is_no_judge() -> None:
    assert version_of("lxml")
    with pytest.raises(KeyError):
        version_of("lxml-that-nobody-has")
