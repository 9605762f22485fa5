"""Secrets sealed with a key of one's own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mes.kernel.vault import SealedElsewhere, open_vault


def test_a_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    sealed = open_vault(path).seal("whsec_…")
    assert b"whsec" not in sealed
    assert open_vault(path).open(sealed) == "whsec_…"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret.key"]


SEAL = """
import pathlib, sys
from mes.kernel.vault import open_vault
print(open_vault(pathlib.Path(sys.argv[1])).seal("t").hex())
"""


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    command = [sys.executable, "-c", SEAL, str(path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    sealed = [bytes.fromhex(process.communicate(timeout=60)[0]) for process in started]
    assert {open_vault(path).open(one) for one in sealed} == {"t"}


def test_a_new_key_on_top_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    old = open_vault(path).seal("text")
    path.write_bytes(Fernet.generate_key() + b"\n" + path.read_bytes())
    assert open_vault(path).open(old) == "text"
    first, *_ = path.read_bytes().split()
    path.write_bytes(first)
    with pytest.raises(SealedElsewhere):
        open_vault(path).open(old)


def test_a_file_without_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"\n")
    with pytest.raises(ValueError, match="no key"):
        open_vault(tmp_path / "secret.key")
