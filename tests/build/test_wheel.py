"""The build hook and what it makes: a wheel with its browser libraries, or no wheel at all."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from hatch_build import ICONS, PROBLEMS, PROBLEMS_IN_WHEEL, VENDOR, stamp
from tests.build.project import ROOT

INPUTS = (
    "pyproject.toml",
    "hatch_build.py",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "third_party.toml",
    "uv.lock",
    "LICENSE",
    "NOTICE",
)
# Stands in for the registry: lays out node_modules as `npm ci` would. FORGET leaves out a file.
NPM = """#!{python}
import json, os, pathlib, sys
assert sys.argv[1] == "ci", sys.argv
def put(name, text):
    if name != os.environ.get("FORGET"):
        path = pathlib.Path("node_modules", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
for package, licence in [("htmx.org", "0BSD"), ("lucide-static", "ISC")]:
    put(package + "/package.json", json.dumps({{"version": "9.9.9", "license": licence}}))
    put(package + "/LICENSE", "Permission is granted by " + package)
put("htmx.org/dist/htmx.min.js", "htmx = 1")
put("htmx.org/dist/ext/hx-ws.min.js", "ws = 1")
for icon in {icons!r}:
    put("lucide-static/icons/" + icon + ".svg", "<svg\\n class='x'>\\n <path d='M0 0' />\\n</svg>")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's build files around four empty packages, and an npm that needs no network."""
    for name in INPUTS:
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "README.md").write_text("Lineside")
    for wing in ("standards", "mes", "opcua_bridge", "web"):
        (tmp_path / wing).mkdir()
        (tmp_path / wing / "__init__.py").touch()
    (tmp_path / PROBLEMS).mkdir(parents=True)
    (tmp_path / PROBLEMS / "job-not-found.md").write_text("# No such job")
    npm = tmp_path / "npm"
    npm.write_text(NPM.format(python=sys.executable, icons=ICONS))
    npm.chmod(0o755)
    return tmp_path


def build(project: Path, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Through the backend's own entrance, as pip and uv come in."""
    variables = {**os.environ, "LINESIDE_NPM": str(project / "npm"), **environment}
    command = [sys.executable, "-c", f"import hatchling.build as b; print(b.build_{kind}('dist'))"]
    return subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False, timeout=120)


def names(project: Path) -> set[str]:
    (wheel,) = (project / "dist").glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def manifest(project: Path) -> dict[str, dict[str, str]]:
    files: dict[str, dict[str, str]] = json.loads((project / VENDOR / "manifest.json").read_text())["files"]
    return files


def test_a_wheel_carries_the_libraries_their_sums_and_the_notices(project: Path) -> None:
    done = build(project, "wheel")
    assert done.returncode == 0, done.stderr
    assert names(project) >= {
        f"{VENDOR}/manifest.json",
        f"{VENDOR}/THIRD_PARTY_NOTICES.txt",
        f"{VENDOR}/htmx.org/9.9.9/htmx.min.js",
        f"{VENDOR}/htmx.org/9.9.9/hx-ws.min.js",
        f"{VENDOR}/lucide.svg",
        f"{PROBLEMS_IN_WHEEL}/job-not-found.md",
    }
    assert set(manifest(project)) == {"htmx.org/htmx.min.js", "htmx.org/hx-ws.min.js", "lucide.svg"}
    for file in manifest(project).values():
        digest = hashlib.sha384((project / VENDOR / file["path"]).read_bytes()).digest()
        assert file["integrity"] == "sha384-" + base64.b64encode(digest).decode()


def test_the_sprite_has_every_icon_once(project: Path) -> None:
    assert build(project, "editable").returncode == 0
    drawn = re.findall(r'<symbol id="([^"]+)"', (project / VENDOR / "lucide.svg").read_text())
    assert drawn == sorted(ICONS)


def test_the_notices_name_everybody(project: Path) -> None:
    assert build(project, "editable").returncode == 0
    notices = (project / VENDOR / "THIRD_PARTY_NOTICES.txt").read_text()
    assert "htmx.org 9.9.9 (0BSD)\n\n    Permission is granted by htmx.org" in notices
    assert re.search(r"^asyncua \S+ \(LGPL-3\.0-or-later\); imported only", notices, re.MULTILINE)
    assert re.search(r"^fastapi \S+ \(MIT\)$", notices, re.MULTILINE)


def test_an_editable_install_without_npm_warns_and_goes_on(project: Path) -> None:
    done = build(project, "editable", LINESIDE_NPM="false")
    assert done.returncode == 0, done.stderr
    assert "uv sync --reinstall-package lineside" in done.stdout + done.stderr
    assert not (project / VENDOR).exists()


def test_a_wheel_without_npm_is_not_built(project: Path) -> None:
    done = build(project, "wheel", LINESIDE_NPM="false")
    assert done.returncode != 0
    assert "npm ci failed" in done.stderr
    assert list((project / "dist").glob("*.whl")) == []


def test_a_library_that_lost_a_file_stops_the_wheel(project: Path) -> None:
    done = build(project, "wheel", FORGET="htmx.org/dist/ext/hx-ws.min.js")
    assert done.returncode != 0
    assert "htmx.org 9.9.9 has no dist/ext/hx-ws.min.js" in done.stderr


def test_a_package_without_a_licence_line_stops_the_wheel(project: Path) -> None:
    table = project / "third_party.toml"
    table.write_text(table.read_text().replace('fastapi = "MIT"\n', ""))
    done = build(project, "wheel")
    assert done.returncode != 0
    assert "names no licence for fastapi" in done.stderr


def test_what_is_current_is_not_fetched_again(project: Path) -> None:
    assert build(project, "editable").returncode == 0
    assert build(project, "wheel", LINESIDE_NPM="false").returncode == 0


@pytest.mark.parametrize("change", ["lock", "file"])
def test_a_changed_lock_or_a_lost_file_is_fetched_again(project: Path, change: str) -> None:
    assert build(project, "editable").returncode == 0
    before = stamp(project)
    if change == "lock":
        (project / "package-lock.json").write_text((project / "package-lock.json").read_text() + "\n")
        assert stamp(project) != before
    else:
        (project / VENDOR / "lucide.svg").unlink()
    assert build(project, "wheel", LINESIDE_NPM="false").returncode != 0
    assert build(project, "wheel").returncode == 0
    assert (project / VENDOR / "lucide.svg").is_file()


def test_the_source_archive_holds_no_third_party_code(project: Path) -> None:
    assert build(project, "editable").returncode == 0
    assert build(project, "sdist").returncode == 0
    (archive,) = (project / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames()}
    assert {"hatch_build.py", "package-lock.json", "uv.lock", "third_party.toml", "LICENSE"} <= packed
    assert [name for name in packed if "vendor" in name] == []


def test_this_very_environment_has_its_browser_libraries() -> None:
    """What `uv sync` built here: the real packages, as pinned."""
    files = manifest(ROOT)
    pinned = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    version = pinned["node_modules/htmx.org"]["version"]
    assert files["htmx.org/htmx.min.js"]["path"] == f"htmx.org/{version}/htmx.min.js"
    for file in files.values():
        assert (ROOT / VENDOR / file["path"]).stat().st_size > 1000


@pytest.mark.long
def test_the_real_registry_gives_what_the_lock_pins(project: Path) -> None:
    done = build(project, "wheel", LINESIDE_NPM=shutil.which("npm") or "npm")
    assert done.returncode == 0, done.stderr
    assert manifest(project) == manifest(ROOT)


@pytest.mark.long
def test_one_changed_sum_stops_the_wheel(project: Path) -> None:
    lock = project / "package-lock.json"
    lock.write_text(re.sub(r"sha512-..", "sha512-AA", lock.read_text(), count=1))
    done = build(project, "wheel", LINESIDE_NPM=shutil.which("npm") or "npm")
    assert done.returncode != 0
    assert "EINTEGRITY" in done.stderr
