"""What the repository holds: our own text, and names and sums of everybody else's."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.build.project import ROOT

FOREIGN = re.compile(
    r"\.min\.|(^|/)(vendor|node_modules|site-packages|dist)/|\.(wasm|woff2?|ttf|map|whl|gz|zip|jar|so|dll|exe)$"
)
BANNER = re.compile(r"@licen[sc]e|/\*!|\(c\) (19|20)\d\d (?!The Lineside)", re.IGNORECASE)


def tracked() -> list[str]:
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]


def test_no_third_party_file_is_committed() -> None:
    assert [name for name in tracked() if FOREIGN.search(name)] == []


@pytest.mark.parametrize("name", ["web/static/vendor/htmx.org/4.0.1/htmx.js", "a/x.min.css", "scanner.wasm"])
def test_a_third_party_file_would_be_seen(name: str) -> None:
    assert FOREIGN.search(name)


def test_no_script_or_style_carries_somebody_elses_banner() -> None:
    ours = [name for name in tracked() if name.endswith((".js", ".css", ".svg")) and (ROOT / name).is_file()]
    assert [name for name in ours if BANNER.search((ROOT / name).read_text("utf-8"))] == []


def test_the_locks_name_no_other_registry() -> None:
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text("utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


@pytest.mark.parametrize("lock", ["package-lock.json", "tests/peers/package-lock.json"])
def test_the_npm_locks_name_versions_and_sums_only(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text("utf-8"))["packages"]
    assert len(packages) > 1
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_the_licence_is_apache_2_by_spdx() -> None:
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(
        "utf-8"
    )


def test_ci_runs_the_readmes_command() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert script.rstrip().endswith("exec make test")
    assert Path(ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_make_help_names_every_job() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = [line.split()[1] for line in done.stdout.splitlines()]
    assert {"help", "demo", "test", "test-long", "lint", "bench"} <= set(named)
