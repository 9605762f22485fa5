"""Extras: the edge box gets the bridge and no server package; every third party is named with its licence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions

import pytest

from hatch_build import runtime_packages
from tests.build.project import ROOT, lock

SERVER_ONLY = {
    "alembic",
    "argon2-cffi",
    "babel",
    "biip",
    "fastapi",
    "jinja2",
    "numpy",
    "orjson",
    "pcodec",
    "psycopg",
    "psycopg-binary",
    "segno",
    "sqlalchemy",
    "sqlmodel",
    "starlette",
    "tsdownsample",
    "uvicorn",
    "websockets",
}
# Classifier → SPDX, for packages whose metadata have no licence expression.
CLASSIFIED = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
}
# Imports every module of the bridge where nothing but its own packages may be found.
EDGE_BOX = """
import importlib, json, pkgutil, sys
class Absent:
    def __init__(self, names): self.names = names
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r} on an edge box", name=name)
sys.meta_path.insert(0, Absent(frozenset(json.load(sys.stdin))))
import opcua_bridge
for found in pkgutil.walk_packages(opcua_bridge.__path__, "opcua_bridge."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
"""


def test_the_bridge_extra_carries_no_server_package() -> None:
    bridge = runtime_packages(lock(), ["bridge"])
    assert "asyncua" in bridge
    assert SERVER_ONLY & set(bridge) == set()


def test_the_keyring_is_an_extra_of_its_own() -> None:
    assert "keyring" not in runtime_packages(lock(), ["bridge", "server"])
    assert "keyring" in runtime_packages(lock(), ["keyring"])


def test_the_server_extra_carries_no_opc_ua() -> None:
    server = runtime_packages(lock(), ["server"])
    assert set(server) >= SERVER_ONLY
    assert "asyncua" not in server


def test_every_module_of_the_bridge_loads_on_an_edge_box() -> None:
    allowed = {canonical(name) for name in runtime_packages(lock(), ["bridge"])} | {"lineside"}
    absent = [
        module
        for module, distributions in packages_distributions().items()
        if not allowed & {canonical(name) for name in distributions}
    ] + ["mes", "web"]
    command = [sys.executable, "-c", EDGE_BOX]
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(absent), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licences() -> dict[str, str]:
    known: dict[str, str] = tomllib.loads((ROOT / "third_party.toml").read_text("utf-8"))["licences"]
    return known


def test_the_licence_table_names_what_the_lock_installs_and_nothing_else() -> None:
    assert set(licences()) == set(runtime_packages(lock(), ["bridge", "keyring", "server"]))


@pytest.mark.parametrize("name", sorted(licences()))
def test_a_package_has_the_licence_we_say(name: str) -> None:
    try:
        declared = declared_licence(name)
    except PackageNotFoundError:
        declared = licences()[name]  # of another platform or Python
    assert declared in {licences()[name], "Apache 2.0" if licences()[name] == "Apache-2.0" else ""}


def declared_licence(name: str) -> str:
    about = metadata(name)
    if "License-Expression" in about:
        return about["License-Expression"]
    classes = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or [] if line.startswith("License")]
    return CLASSIFIED[classes[0]] if classes else about["License"]


def test_what_is_lgpl_is_imported_only() -> None:
    remarks = tomllib.loads((ROOT / "third_party.toml").read_text("utf-8"))["remarks"]
    lgpl = [name for name, licence in licences().items() if licence.startswith("LGPL")]
    assert "asyncua" in lgpl
    assert [name for name in lgpl if not remarks[name].startswith("imported only")] == []
