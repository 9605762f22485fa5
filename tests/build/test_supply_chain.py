"""What Lineside is made of: the bill names all of it, and an audit that could not ask says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import supply_chain
from tests.support.supply_chain import Audited, audit_python, judged, write_bills

NOWHERE = {"HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}


def test_an_audit_that_cannot_ask_is_no_clean_bill(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offline = audit_python(NOWHERE)
    assert offline == Audited(asked=False)
    monkeypatch.setattr(supply_chain, "audit_python", lambda: offline)
    monkeypatch.setattr(supply_chain, "audit_browser", lambda: judged('{"vulnerabilities": {}}'))
    assert supply_chain.audit() == 2
    assert capsys.readouterr().err == "The advisories for uv.lock cannot be asked from here: go online and try again.\n"


@pytest.mark.parametrize(
    ("answer", "asked", "weaknesses"),
    [
        ("", False, 0),
        ('{"message": "connect ECONNREFUSED", "error": {}}', False, 0),
        ('{"auditReportVersion": 2, "vulnerabilities": {}}', True, 0),
        ('{"auditReportVersion": 2, "vulnerabilities": {"htmx.org": {"severity": "high", "range": "<5"}}}', True, 1),
    ],
)
def test_what_npm_says_is_a_report_or_none(answer: str, asked: bool, weaknesses: int) -> None:
    found = judged(answer)
    assert (found.asked, found.weaknesses) == (asked, weaknesses)


def test_the_bill_names_what_is_installed_at_a_plant(tmp_path: Path) -> None:
    python, browser = (json.loads(path.read_text("utf-8")) for path in write_bills(tmp_path))
    for bill in (python, browser):
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    named = {part["name"]: part for part in python["components"]}
    assert {"fastapi", "psycopg", "asyncua", "pyarrow"} <= named.keys()
    assert not {"pytest", "mypy"} & named.keys()
    assert named["fastapi"]["purl"] == f"pkg:pypi/fastapi@{named['fastapi']['version']}"
    assert {part["name"] for part in browser["components"]} == {"htmx.org", "lucide-static"}
