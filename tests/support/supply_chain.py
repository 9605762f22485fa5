"""What Lineside is made of, by its locks: known weaknesses (`make audit`), a bill of materials (`make sbom`).

uv and npm do both, each for its own lock: they are here already and know it best.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent.parent
UV: Final = os.environ.get("UV", "uv")
EXTRAS: Final = ("bridge", "keyring", "server", "export")
"""What is installed at a plant; what tests and builds need is audited, too, but not in the bill."""
PYTHON_AUDIT: Final = (UV, "audit", "--frozen", "--preview-features", "audit-command")
BROWSER_AUDIT: Final = ("npm", "audit", "--package-lock-only", "--json", "--fetch-retries=0")
_PYTHON_BILL: Final = (UV, "export", "--quiet", "--frozen", "--no-dev", "--no-header", "--format", "cyclonedx1.5")
_BROWSER_BILL: Final = ("npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only")
_UNREACHED: Final = 2
"""How uv ends where it could not ask."""


@dataclass(frozen=True, slots=True)
class Audited:
    """`asked` False: the database of advisories was not reached, so nothing is known."""

    asked: bool
    weaknesses: int = 0
    told: str = ""


def audit_python(environment: Mapping[str, str] | None = None) -> Audited:
    """Of `uv.lock`."""
    done = _run(PYTHON_AUDIT, environment)
    if done.returncode == _UNREACHED:
        return Audited(asked=False)
    return Audited(True, int(done.returncode != 0), done.stdout + done.stderr)


def audit_browser(environment: Mapping[str, str] | None = None) -> Audited:
    """Of `package-lock.json`."""
    return judged(_run(BROWSER_AUDIT, environment).stdout)


def judged(answer: str) -> Audited:
    """npm's answer: an error instead of a report is no report."""
    try:
        report: dict[str, Any] = json.loads(answer)
    except json.JSONDecodeError:
        return Audited(asked=False)
    if "vulnerabilities" not in report:
        return Audited(asked=False)
    found = report["vulnerabilities"]
    told = "".join(f"{name}: {one.get('severity', '')} in {one.get('range', '')}\n" for name, one in found.items())
    return Audited(True, len(found), told)


def audit() -> int:
    """0 nothing known, 1 weaknesses, 2 not asked."""
    answers = {"uv.lock": audit_python(), "package-lock.json": audit_browser()}
    if not all(answer.asked for answer in answers.values()):
        unasked = " and ".join(name for name, answer in answers.items() if not answer.asked)
        print(f"The advisories for {unasked} cannot be asked from here: go online and try again.", file=sys.stderr)
        return 2
    for name, answer in answers.items():
        print(f"{name}: {answer.weaknesses or 'no'} known weaknesses\n{answer.told}".rstrip())
    return int(any(answer.weaknesses for answer in answers.values()))


def write_bills(folder: Path) -> tuple[Path, Path]:
    """CycloneDX 1.5, of the Python packages and of the browser libraries."""
    folder.mkdir(parents=True, exist_ok=True)
    python, browser = folder / "lineside-python.cdx.json", folder / "lineside-browser.cdx.json"
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    python.write_text(_checked((*_PYTHON_BILL, *extras)), "utf-8")
    browser.write_text(_checked(_BROWSER_BILL), "utf-8")
    return python, browser


def _checked(command: Sequence[str]) -> str:
    done = _run(command)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    there = {**os.environ, "UV_HTTP_RETRIES": "0", **(environment or {})}
    return subprocess.run(command, cwd=ROOT, env=there, capture_output=True, text=True, check=False)


def main(what: str) -> int:
    """`audit`, or `sbom` into `dist/`."""
    if what == "audit":
        return audit()
    for path in write_bills(ROOT / "dist"):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
