"""What is asked of the machine: a browser that starts, one clear sentence for what is missing, other Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.support import chromium, interpreters
from tests.support.chromium import ChromiumMissing, find_chromium, launch_options


@pytest.mark.browser
async def test_the_browser_starts_and_runs_a_script() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        page = await browser.new_page()
        assert await page.evaluate("6 * 7") == 42
        await browser.close()


def test_a_missing_browser_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(chromium.VARIABLE, str(tmp_path / "chromium"))
    with pytest.raises(ChromiumMissing, match="apt-get install chromium"):
        find_chromium()


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("LINESIDE_TEST_POSTGRES_BIN", "PostgreSQL 15 or newer is missing"),
        ("LINESIDE_TEST_CHROMIUM", "Chromium is missing"),
    ],
)
def test_preparing_names_the_one_thing_missing_and_fails(variable: str, sentence: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"  # a PATH without apt-get: nothing may be installed
    programs.mkdir()
    (programs / "chromium").symlink_to(find_chromium())
    environment = {**os.environ, "PATH": str(programs), variable: str(tmp_path / "nowhere")}
    command = [sys.executable, "-m", "tests.support.prepare"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("at_hand", "here", "others"),
    [
        ([(3, 11), (3, 12), (3, 13)], (3, 11), [(3, 13)]),
        ([(3, 11), (3, 12), (3, 13)], (3, 12), [(3, 11), (3, 13)]),
        ([(3, 11), (3, 12), (3, 13)], (3, 13), [(3, 11)]),
        ([(3, 12)], (3, 12), []),
        ([], (3, 11), []),
    ],
)
def test_the_ends_of_the_range_are_tested(
    at_hand: list[tuple[int, int]], here: tuple[int, int], others: list[tuple[int, int]]
) -> None:
    found = {version: Path(f"/python{version[0]}.{version[1]}") for version in at_hand}
    assert interpreters.others(found, here) == [found[version] for version in others]


def test_the_python_that_runs_this_is_at_hand() -> None:
    assert interpreters.version_of(Path(sys.executable)) == sys.version_info[:2]


def test_what_is_no_python_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "python3.99"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    assert interpreters.version_of(broken) is None


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_test_on_postgresql_is_marked_as_one(engine: str, request: pytest.FixtureRequest) -> None:
    """So that the quick part on another Python leaves it out, whoever wrote it."""
    marked = request.node.get_closest_marker("postgres") is not None
    assert marked == (engine == "postgresql")
