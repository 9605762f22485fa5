"""`python -m tests.support.interpreters`: the other Pythons at hand that the tests have to pass on.

Prints one path a line: the oldest and the newest supported version of this machine, without the version that
runs this. Nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

Version = tuple[int, int]
OLDEST: Version = (3, 11)
# Installed by version managers, though not on PATH.
MANAGED = ("~/.pyenv/versions/*/bin", "~/.local/share/uv/python/*/bin", "/usr/local/bin", "/opt/python/*/bin")
ASK = "import json, sys; print(json.dumps([sys.implementation.name, *sys.version_info[:4]]))"


def main() -> int:
    here = sys.version_info[:2]
    for path in others(at_hand(), here):
        print(path)
    return 0


def others(found: Mapping[Version, Path], here: Version) -> list[Path]:
    """The ends of the range, but for `here`."""
    ends = sorted({min([*found, here]), max([*found, here])} - {here})
    return [found[version] for version in ends]


def at_hand() -> dict[Version, Path]:
    """One released CPython for each supported minor version."""
    found: dict[Version, Path] = {}
    for path in candidates():
        version = version_of(path)
        if version is not None and version >= OLDEST:
            found.setdefault(version, path)
    return found


def candidates() -> Iterable[Path]:
    folders = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    for pattern in MANAGED:
        root, _, rest = os.path.expanduser(pattern).partition("*")
        folders += sorted(Path(root).glob("*" + rest)) if rest else [Path(root)]
    for folder in folders:
        yield from sorted(folder.glob("python3.[0-9][0-9]"))


def version_of(path: Path) -> Version | None:
    """The version of a released CPython that starts; None for anything else."""
    try:
        done = subprocess.run([path, "-c", ASK], capture_output=True, text=True, timeout=20, check=True)
        name, major, minor, _, level = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return (major, minor) if name == "cpython" and level == "final" else None


if __name__ == "__main__":
    sys.exit(main())
