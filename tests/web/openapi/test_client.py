"""A client that a public generator makes of docs/api/openapi.json, without a complaint, runs the quickstart."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mes.access.service import create_principal, create_token
from mes.access.types import Role
from mes.orders.service import transition
from tests.support.contract import PROMISED
from tests.web.openapi.quickstart import Step, steps
from tests.web.site import Site
from web.openapi import operations

JUDGES: Final = (("openapi-python-client", None),)
Document = dict[str, Any]
_IMPORTED: Final = re.compile(r"from lineside_client\.api\.\w+ import (\([^)]+\)|[^\n]+)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the client comes, with the settings that the quickstart prints; nobody reads it, so it is not formatted."""
    (settings,) = (step.text for step in steps() if step.language == "yaml")
    (tmp_path / "generator.yaml").write_text(settings + "post_hooks: []\n", "utf-8")
    return tmp_path


def program() -> Step:
    (found,) = (step for step in steps() if step.language == "python")
    return found


def generate(folder: Path, document: Document) -> None:
    """Fails on a warning, too."""
    (folder / "openapi.json").write_text(json.dumps(document), "utf-8")
    options = ["--path", "openapi.json", "--config", "generator.yaml", "--meta", "none", "--fail-on-warning"]
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options, "--output-path", "lineside_client"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def run_quickstart(site: Site, folder: Path) -> None:
    """The program that the quickstart prints says what the quickstart prints."""
    (folder / "program.py").write_text(program().text, "utf-8")
    tokens = {"SETUP": _token(site, "SETUP", Role.administrator), "ERP": _token(site, "ERP-1", Role.integration)}
    environment = {**os.environ, "LINESIDE": site.address, **tokens}
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == (program().answer, 0), done.stderr


def _token(site: Site, name: str, role: Role) -> str:
    what = {"principal_id": name, "role": role, "display_name": name}
    site.database.write_now(create_principal, actor=None, **what)
    plant_id = site.database.plant_id
    token = site.database.write_now(create_token, actor=None, plant_id=plant_id, principal_id=name, label="client")
    return str(token.token)


def used_by(text: str, document: Document) -> Document:
    """The part of a description that a program uses: the generator takes seconds for the whole."""
    names = set(re.findall(r"\w+", " ".join(_IMPORTED.findall(text))))
    paths = {
        path: {method: operation for method, operation in methods.items() if operation["operationId"] in names}
        for path, methods in document["paths"].items()
    }
    part = {**document, "paths": {path: methods for path, methods in paths.items() if methods}, "components": {}}
    assert {operation["operationId"] for _, operation in operations(part)} == names
    part["components"] = _components(document, set(_refs(part["paths"])))
    return part


def _components(document: Document, wanted: set[str]) -> Document:
    """Components by their references, and what they refer to."""
    found: Document = {"schemas": {}, "responses": {}, "securitySchemes": document["components"]["securitySchemes"]}
    while wanted:
        _, _, kind, name = wanted.pop().split("/")
        if name not in found[kind]:
            found[kind][name] = document["components"][kind][name]
            wanted |= set(_refs(found[kind][name]))
    return found


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _refs(child)


def test_a_generated_client_runs_the_quickstart(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transition, "UNDO_S", 0)
    generate(folder, used_by(program().text, json.loads(PROMISED.read_text("utf-8"))))
    run_quickstart(site, folder)


@pytest.mark.long
def test_the_client_of_the_whole_interface_is_made_without_a_warning_and_can_be_imported(folder: Path) -> None:
    generate(folder, json.loads(PROMISED.read_text("utf-8")))
    modules = [path for path in (folder / "lineside_client" / "api").rglob("*.py") if path.stem != "__init__"]
    document = json.loads(PROMISED.read_text("utf-8"))
    assert {path.stem for path in modules} == {operation["operationId"] for _, operation in operations(document)}
    names = [".".join(path.relative_to(folder).with_suffix("").parts) for path in modules]
    done = subprocess.run(
        [sys.executable, "-c", "import " + ", ".join(names)], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
