"""`python -m tests.support.prepare`: get PostgreSQL, Chromium, OPC UA peers, an ERP, or name what is missing.

Debian's packages only where we are root on a Debian, the peers wherever npm can reach its registry, the ERP wherever
Python's package index is in reach; where nothing may be installed the exit status is 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from tests.support.chromium import ChromiumMissing, find_chromium
from tests.support.node_peer import PeerMissing, find_peers, install_peers
from tests.support.postgres import ClusterError, find_programs
from tests.support.tryton import TrytonMissing, find_tryton, install_tryton

NEEDS: tuple[tuple[Callable[[], object], tuple[str, ...]], ...] = (
    (find_programs, ("postgresql",)),
    (find_chromium, ("chromium", "fonts-noto-core")),
)
OURS: tuple[tuple[Callable[[], object], Callable[[], None]], ...] = (
    (find_peers, install_peers),
    (find_tryton, install_tryton),
)


def main() -> int:
    for find, packages in NEEDS:
        if missing(find) and may_install():
            install(packages)
        if sentence := missing(find):
            print(sentence, file=sys.stderr)
            return 1
    return int(not all(prepared(find, get) for find, get in OURS))


def prepared(find: Callable[[], object], get: Callable[[], None]) -> bool:
    if not missing(find):
        return True
    try:
        get()
    except (PeerMissing, TrytonMissing, OSError) as error:
        print(error, file=sys.stderr)
        return False
    return True


def missing(find: Callable[[], object]) -> str:
    """What is missing, in one sentence; nothing if all is there."""
    try:
        find()
    except (ClusterError, ChromiumMissing, PeerMissing, TrytonMissing) as error:
        return str(error)
    return ""


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: tuple[str, ...]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], env=environment, check=False)


if __name__ == "__main__":
    sys.exit(main())
