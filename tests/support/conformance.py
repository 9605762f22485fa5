"""The conformance report: what is held against whose word, out of the tests that do it. `make conformance` writes it.

A test module that lets somebody else judge says so in `JUDGES`: pairs of a name and a version, None for a package whose
version is what this project has locked.
"""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
REPORT: Final = ROOT / "docs" / "standards" / "conformance.md"
HEAD: Final = """# Conformance

What Lineside is held against that is not its own, and what is held. `make conformance` writes this page out of the
tests: each names its judges and their versions, and has no other way onto this page. The files of standards are read
where they lie (`LINESIDE_CONFORMANCE`), never copied in.
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """A test module: what it says of itself, who judges, what holds."""

    path: str
    about: str
    judges: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def judged_modules() -> tuple[Judged, ...]:
    """Every test module that names judges, by path. Nothing is imported: some need what is not there."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    return tuple(found for path in paths if (found := _judged(path)) is not None)


def _judged(path: Path) -> Judged | None:
    text = path.read_text("utf-8")
    if "\nJUDGES" not in text:
        return None
    module = ast.parse(text)
    about = (ast.get_docstring(module) or "").split("\n\n")[0]
    judges = tuple((name, version_of(name) if version is None else version) for name, version in _judges(module))
    return Judged(path.relative_to(ROOT).as_posix(), " ".join(about.split()).rstrip("."), judges, tuple(_tests(module)))


def _judges(module: ast.Module) -> tuple[tuple[str, str | None], ...]:
    (statement,) = (
        node
        for node in module.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "JUDGES"
    )
    assert statement.value is not None, "judges are named where they are declared"
    judges: tuple[tuple[str, str | None], ...] = ast.literal_eval(statement.value)
    return judges


def _tests(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name.removeprefix("test_").replace("_", " ")


def version_of(package: str) -> str:
    """As it is locked, for Python or for the peers. KeyError for a package that is not."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    versions = {one["name"]: one["version"] for one in locked if "version" in one}
    peers = json.loads((ROOT / "tests" / "peers" / "package.json").read_text("utf-8"))["dependencies"]
    return str({**versions, **peers}[package])


def report() -> str:
    """The page."""
    return HEAD + "".join(_section(one) for one in judged_modules())


def _section(one: Judged) -> str:
    judges = "".join(f"| {name} | {version} |\n" for name, version in one.judges)
    held = "".join(f"- {test}\n" for test in one.tests)
    return f"\n## {one.about}\n\n`{one.path}`\n\n| Judge | Version |\n|---|---|\n{judges}\n{held}"


def main() -> None:
    REPORT.write_text(report(), "utf-8")
    sys.stdout.write(f"{REPORT.relative_to(ROOT)}: {len(judged_modules())} modules\n")


if __name__ == "__main__":
    main()
