"""What docs/api/quickstart.md prints is what happens: its commands, run as they stand there, and their answers."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping

import pytest

from mes.orders.service import transition
from tests.web.openapi.quickstart import agrees, documents, steps
from tests.web.site import Site
from web.cli import main


def test_every_command_answers_what_is_printed(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shutil.which("curl"), "curl is missing: the quickstart is tried with it (Debian: apt-get install curl)"
    monkeypatch.setattr(transition, "UNDO_S", 0)
    monkeypatch.setenv("LINESIDE_DATA_DIR", str(site.folder))
    environment = {"LINESIDE": site.address, "PATH": os.environ["PATH"]}
    ran = 0
    for step in steps():
        if step.text.startswith("lineside "):
            environment |= _tokens(step.text, capsys)
        elif step.text.startswith("curl "):
            said = _run(step.text, environment)
            told, answered = documents(step.answer), documents(said)
            assert agrees(told, answered), f"{step.text}\nanswered {said}\nprinted {step.answer}"
            ran += step.text.count("curl -sS ")
    assert ran >= 14


def _tokens(commands: str, capsys: pytest.CaptureFixture[str]) -> Mapping[str, str]:
    """The prompt's commands are run here; the page says how their tokens are named afterwards."""
    for command in commands.splitlines():
        assert main(shlex.split(command)[1:]) == 0, command
    setup, erp = re.findall(r"lst_\S+", capsys.readouterr().out)
    return {"SETUP": setup, "ERP": erp}


def _run(commands: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(["bash", "-c", commands], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("printed", "got", "same"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "…": "…"}, {"a": 1, "b": 2}, True),
        ({"a": 1, "…": "…"}, {"b": 2}, False),
        ([1], [1, 2], False),
        ([1, "…"], [1, 2], True),
        ([1, "…"], [2], False),
        ([1, 2, "…"], [1], False),
        ({"at": "…"}, {"at": 5}, True),
    ],
)
def test_dots_stand_for_more_and_for_nothing_else(printed: object, got: object, same: bool) -> None:
    assert agrees(printed, got) is same
