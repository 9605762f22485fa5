"""A stranger's machine: git, Python and make, no uv, no Node, no Lineside environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.build.project import ROOT

PROGRAMS = ("make", "git", "sh", "env", "awk", "rm", "basename")


def strangers_environment(folder: Path) -> dict[str, str]:
    programs = folder / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(shutil.which(name) or name)
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "VIRTUAL_ENV"))}
    return {**kept, "PATH": str(programs), "HOME": str(folder)}


def make(clone: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(shutil.which("make")), *words]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=900)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    clone = tmp_path / "lineside"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    return clone


def test_an_old_python_is_named(clone: Path, tmp_path: Path) -> None:
    done = make(clone, strangers_environment(tmp_path), "install", "PYTHON=false")
    assert done.returncode != 0
    assert "Python 3.11 or newer is missing" in done.stderr


@pytest.mark.long
def test_a_clone_installs_itself_and_its_browser_libraries(clone: Path, tmp_path: Path) -> None:
    done = make(clone, strangers_environment(tmp_path), "install")
    assert done.returncode == 0, done.stderr
    assert (clone / "web/static/vendor/manifest.json").is_file()
    asked = subprocess.run([clone / ".venv/bin/lineside", "--version"], capture_output=True, text=True, check=False)
    assert asked.stdout.startswith("lineside "), asked.stderr
