"""A real ERP for tests: Tryton 8 with production, sale and stock-lot modules, in an environment of its own.

`make prepare` installs what tests/peers/tryton/requirements.txt names from the package index into `.lineside/tryton`
(git-ignored), and makes one SQLite database there with a small plant; every test works on a copy. Nothing of Tryton is
imported here: it is spoken to over HTTP, by the connector, and by its own client in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from hatch_build import last_error
from tests.support.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPTS: Final = ROOT / "tests" / "peers" / "tryton"
PLACE: Final = ROOT / ".lineside" / "tryton"
STAMP: Final = "made-of.sha256"
DATABASE: Final = "plant"
USER, PASSWORD = "lineside", "a long password of the tests"
ADMIN: Final = "admin"
MODULES: Final = ("production_work", "sale_supply_production", "stock_lot")
MISSING: Final = "The ERP of the tests (Tryton) is missing: run `make prepare` where a Python package index is in reach"
START_S: Final = 90.0
"""On a loaded machine it reads its modules for a while."""


class TrytonMissing(RuntimeError):
    """It is not installed; tests fail on it, they never skip."""


# ----------------------------------------------------------------- installed once


def find_tryton() -> Path:
    """The folder of the environment and of the template. Raises TrytonMissing if it is not what is pinned."""
    stamp = PLACE / STAMP
    if not stamp.is_file() or stamp.read_text("utf-8") != _stamp():
        raise TrytonMissing(MISSING)
    return PLACE


def install_tryton() -> None:
    """Install what is pinned, make the template, put both in place whole. Raises TrytonMissing with the reason."""
    PLACE.parent.mkdir(exist_ok=True)
    shutil.rmtree(PLACE, ignore_errors=True)
    try:
        _run([_uv(), "venv", "--quiet", "--python", sys.executable, str(PLACE / "env")])
        pinned = ["--requirement", str(SCRIPTS / "requirements.txt")]
        _run([_uv(), "pip", "install", "--quiet", "--no-deps", "--python", str(_program("python")), *pinned])
        _make_template(PLACE / "template")
    except TrytonMissing:
        shutil.rmtree(PLACE, ignore_errors=True)
        raise
    (PLACE / STAMP).write_text(_stamp(), "utf-8")


def _make_template(folder: Path) -> None:
    folder.mkdir()
    configuration = _configure(folder, port=0)
    (folder / f"{DATABASE}.sqlite").touch()
    with tempfile.NamedTemporaryFile("w", prefix="password-") as password:
        password.write(f"{ADMIN}\n")
        password.flush()
        command = [str(_program("trytond-admin")), "-c", str(configuration), "-d", DATABASE]
        modules = ["--update", *MODULES, "--activate-dependencies", "--email", "admin@example.com"]
        _run([*command, *modules], TRYTONPASSFILE=password.name)
    _run([str(_program("python")), str(SCRIPTS / "plant.py"), str(configuration), DATABASE])


def _configure(folder: Path, *, port: int) -> Path:
    configuration = folder / "trytond.conf"
    lines = ("[database]", "uri = sqlite://", f"path = {folder}", "[web]", f"listen = 127.0.0.1:{port}")
    configuration.write_text("\n".join((*lines, "")), "utf-8")
    return configuration


def _run(command: list[str], **environment: str) -> None:
    try:
        done = subprocess.run(command, env=_environment(**environment), text=True, capture_output=True, check=False)
    except OSError as error:
        raise TrytonMissing(f"{MISSING} ({error})") from error
    if done.returncode != 0:
        raise TrytonMissing(f"{MISSING} ({last_error(done.stderr)})")


def _environment(**more: str) -> dict[str, str]:
    """Without what our own environment says of Python."""
    ours = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **more}


def _uv() -> str:
    """The uv that runs this, or one at hand."""
    own = ROOT / ".lineside" / "tools" / "bin" / "uv"
    return os.environ.get("UV") or shutil.which("uv") or str(own)


def _program(name: str) -> Path:
    return PLACE / "env" / "bin" / name


def _stamp() -> str:
    files = ("requirements.txt", "plant.py")
    return hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in files)).hexdigest()


# ----------------------------------------------------------------------- running


class Tryton:
    """One ERP with the plant of plant.py in a database of its own, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        template = find_tryton() / "template"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(template / f"{DATABASE}.sqlite", folder)
        self.folder = folder
        self.port = free_port()
        self._configuration = _configure(folder, port=self.port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Tryton:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Until it answers."""
        command = [str(_program("trytond")), "-c", str(self._configuration), "-d", DATABASE]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, env=_environment(), stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Tryton does not start:\n{(self.folder / 'log').read_text('utf-8')[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        body = json.dumps({"id": 0, "method": "common.server.version", "params": []}).encode()
        request = urllib.request.Request(f"{self.url}/rpc/", body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class ErpUser:
    """A person at Tryton, with Tryton's own client: what our connector did is looked at by another make."""

    def __init__(self, erp: Tryton) -> None:
        self._process = subprocess.Popen(
            [str(_program("python")), str(SCRIPTS / "user.py"), f"{erp.url}/{DATABASE}/rpc/", ADMIN, ADMIN],
            env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> ErpUser:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def __call__(self, verb: str, **what: Any) -> Any:
        """Its answer. RuntimeError with Tryton's reason."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": verb, **what}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "it has ended"}')
        if "error" in answer:
            raise RuntimeError(f"{verb}: {answer['error']}")
        return answer["result"]
