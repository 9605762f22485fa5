"""A disk with a fault is made read-only by the kernel while the plant is at work: writes are refused, reads go on, and
what was acknowledged is there when the disk has been repaired.

A small ext4 of its own, whose kernel is told of a fault. It has to be unmounted to be repaired, so whoever has it open
is stopped; tests/journeys/test_full_disk.py is about a disk that takes writes again by itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mes.kernel.db import Database
from mes.kernel.errors import Unavailable
from tests.mes.kernel.test_database_away import facts, make_table, record

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[3]
HOW_MANY = "?"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    if os.geteuid() or not (
        Path("/sys/fs/ext4").is_dir() and shutil.which("mkfs.ext4") and Path("/dev/loop0").exists()
    ):
        pytest.fail("A disk of its own needs root, loop devices and mkfs.ext4: run `make test-long` there.")
    image = tmp_path / "disk.img"
    run("truncate", "-s", "64M", str(image))
    run("mkfs.ext4", "-q", str(image))
    return image


def run(*command: str, fine: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in fine, done.stderr
    return done.stdout.strip()


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    place = image.with_name("disk")
    place.mkdir(exist_ok=True)
    run("mount", "-o", "loop,errors=remount-ro", str(image), str(place))
    try:
        yield place
    finally:
        run("umount", str(place))


class Plant:
    """A process that has the plant open; a line is a fact to record, and answered."""

    def __init__(self, folder: Path) -> None:
        command = (sys.executable, "-m", "tests.mes.kernel.test_read_only_disk", f"sqlite:///{folder}/plant.sqlite")
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        return self._process.stdout.readline().strip()

    def stop(self) -> int:
        self._process.communicate(timeout=30)
        return self._process.returncode


def test_a_disk_that_turns_read_only_refuses_and_keeps(image: Path) -> None:
    with mounted(image) as folder:
        plant = Plant(folder)
        assert [plant.ask(name) for name in ("one", "two")] == ["kept", "kept"]
        device = Path(run("findmnt", "-no", "SOURCE", str(folder))).name
        run("sync")
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("a fault of the disk")
        with pytest.raises(OSError, match="Read-only file system"):
            (folder / "anything").touch()
        for name in ("three", "four"):
            assert plant.ask(name) == "database-unavailable"
            assert plant.ask(HOW_MANY) == "2"
        assert plant.stop() == 0
    run("e2fsck", "-fy", str(image), fine=(0, 1))
    with mounted(image) as folder:
        plant = Plant(folder)
        assert plant.ask(HOW_MANY) == "2"
        assert plant.ask("five") == "kept"
        assert plant.stop() == 0


def serve(url: str) -> None:
    database = Database(url)
    if not Path(url.removeprefix("sqlite:///")).exists():
        database.write_now(make_table, actor=None)
    for line in map(str.strip, sys.stdin):
        try:
            answer = str(len(database.read_now(facts))) if line == HOW_MANY else "kept"
            if line != HOW_MANY:
                database.write_now(record, actor=None, name=line)
        except Unavailable as weather:
            answer = weather.code
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    database.close()


if __name__ == "__main__":
    serve(sys.argv[1])
