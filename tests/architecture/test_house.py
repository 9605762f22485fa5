"""The house as it stands, and one planted violation of each rule and each import contract, seen caught."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import house
from tests.architecture.source import WINGS

pytestmark = pytest.mark.xdist_group("house")
"""On one worker every file is parsed once for all rules."""
Rule = Callable[[Path], list[str]]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    offences = rule(ROOT)
    assert not offences, "\n".join(["", *offences])


def test_the_house_keeps_its_import_contracts() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


# rule → file of the copy, and what is planted there
PLANTED_OFFENCES: dict[Rule, tuple[str, str]] = {
    house.tables_have_one_owner: ("mes/reporting/service.py", "from mes.access import tables"),
    house.screens_stand_alone: ("web/planted/routes.py", "from mes.access.tables import anything"),
    house.only_the_kernel_commits: ("mes/reporting/service.py", "def verb(uow): uow.session.commit()"),
    house.clocks_are_few: ("mes/reporting/rules.py", "import datetime\nat = datetime.datetime.now()"),
    house.no_wait_for: ("web/planted.py", "from asyncio import wait_for"),
    house.no_bare_tasks: ("opcua_bridge/planted.py", "import asyncio\ndef go(work): asyncio.create_task(work)"),
    house.rules_in_every_file_are_pure: ("mes/reporting/shift_rules.py", "import random"),
    house.http_stays_at_the_doors: ("mes/reporting/planted.py", "from fastapi import Request"),
    house.names_say_something: ("web/string_utils.py", ""),
    house.every_code_of_the_bridge_has_its_page: (
        "opcua_bridge/planted.py",
        'def refused(errors): errors.append(MapError("planted", "file", "because"))',
    ),
    house.every_code_has_its_page: ("mes/reporting/errors.py", 'class Planted(Exception):\n    code = "planted"'),
}


def test_every_rule_has_a_planted_offence() -> None:
    assert set(PLANTED_OFFENCES) == set(house.RULES)


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_a_planted_offence_is_seen(rule: Rule, tmp_path: Path) -> None:
    file, code = PLANTED_OFFENCES[rule]
    plant(tmp_path, file, code)
    assert len(rule(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("mes/reporting/queries.py", "from mes.access.tables import anything"),
        ("mes/reporting/statements/late.py", "from mes.access import tables"),
        ("mes/access/pins.py", "from mes.access.tables import anything"),
        ("mes/schema.py", "import mes.access.tables"),
        ("mes/kernel/uow.py", "def close(session): session.commit()"),
        ("opcua_bridge/journal.py", "def close(connection): connection.commit()"),
        ("mes/kernel/clock.py", "import datetime\nat = datetime.datetime.now(datetime.UTC)"),
        ("web/planted/routes.py", "from web.planted import views\nfrom mes.access import queries"),
        ("web/planted.py", "async def go(group, locator): group.create_task(locator.wait_for())"),
    ],
)
def test_what_is_allowed_is_no_offence(file: str, code: str, tmp_path: Path) -> None:
    plant(tmp_path, file, code)
    assert [found for rule in house.RULES for found in rule(tmp_path)] == []


def test_a_screen_may_not_lean_on_another(tmp_path: Path) -> None:
    plant(tmp_path, "web/board/routes.py", "")
    plant(tmp_path, "web/station/routes.py", "from ..board import views")
    assert house.screens_stand_alone(tmp_path) == ["web.station.routes:2 imports web.board.views"]


# contract id → file of the copy, and the import planted there
PLANTED_IMPORTS = {
    "wings": ("mes/reporting/planted.py", "import web"),
    "bridge-is-light": ("opcua_bridge/planted.py", "import sqlalchemy"),
    "simulator-shares-nothing": ("opcua_bridge/simulator/planted.py", "import standards.opcua.status"),
    "only-the-bridge-speaks-opc-ua": ("mes/ingest/planted.py", "import asyncua"),
    "standards-are-pure": ("standards/isa95/planted.py", "import socket"),
    "floors": ("mes/access/planted.py", "import mes.orders"),
    "rooms": ("mes/reporting/queries/planted.py", "import mes.reporting.api"),
    "http-at-the-door": ("mes/reporting/service/planted.py", "import fastapi"),
    "rules-are-pure": ("mes/reporting/rules/planted.py", "import mes.kernel.clock"),
    "screens-read-through-queries": ("web/planted.py", "import mes.access.tables"),
    "no-cycles": ("standards/packml/planted.py", "import standards.opcua.planted"),
}
# What the planted import needs to exist.
PLANTED_BESIDES = {
    "rooms": ("mes/reporting/api.py", ""),
    "no-cycles": ("standards/opcua/planted.py", "import standards.packml"),
}


def contracts() -> dict[str, str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {one["id"]: one["name"] for one in settings["tool"]["importlinter"]["contracts"]}


def test_every_contract_has_a_planted_import() -> None:
    assert set(PLANTED_IMPORTS) == set(contracts())


@pytest.mark.parametrize("contract", PLANTED_IMPORTS)
def test_a_planted_import_breaks_its_contract(contract: str, tmp_path: Path) -> None:
    copy_house(tmp_path)
    plant(tmp_path, *PLANTED_IMPORTS[contract])
    if contract in PLANTED_BESIDES:
        plant(tmp_path, *PLANTED_BESIDES[contract])
    done = lint_imports(tmp_path, "--contract", contract)
    assert done.returncode != 0
    assert f"{contracts()[contract]} BROKEN" in " ".join(done.stdout.split())


def test_a_feature_without_a_floor_breaks_the_floors(tmp_path: Path) -> None:
    copy_house(tmp_path)
    plant(tmp_path, "mes/maintenance/__init__.py", "")
    done = lint_imports(tmp_path, "--contract", "floors")
    assert "mes.maintenance" in done.stdout
    assert done.returncode != 0


def copy_house(target: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", target)
    for wing in WINGS:
        shutil.copytree(ROOT / wing, target / wing, ignore=shutil.ignore_patterns("__pycache__", "static"))


def plant(root: Path, file: str, code: str) -> None:
    """Add a line to a file of the copy; a folder in the way of a module of that name gives way, and the reverse."""
    path = root / file
    for folder in reversed(path.relative_to(root).parents[:-1]):
        make_package(root / folder)
    if path.with_suffix("").is_dir():
        path = path.with_suffix("") / "__init__.py"
    with path.open("a", encoding="utf-8") as out:
        out.write(f"\n{code}\n")


def make_package(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    module = folder.with_suffix(".py")
    if module.is_file():
        module.rename(folder / "__init__.py")
    (folder / "__init__.py").touch()


def lint_imports(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
