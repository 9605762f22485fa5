"""The container files, as far as they can be judged without a container engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ruamel.yaml import YAML

import opcua_bridge.cli
import web.cli
from opcua_bridge.settings import BridgeSettings
from tests.build.project import ROOT
from web.settings import Settings

PROGRAMS: dict[str, Callable[[Sequence[str]], int]] = {
    "lineside": web.cli.main,
    "lineside-bridge": opcua_bridge.cli.main,
}
TARGETS = ("server", "bridge", "demo")


def stages() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    found = re.split(r"^FROM (\S+) AS (\S+)$", text, flags=re.MULTILINE)[1:]
    return {
        name: f"FROM {base}\n{body}" for base, name, body in zip(found[0::3], found[1::3], found[2::3], strict=True)
    }


def compose() -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose.yaml")
    return content


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_has_a_health_check_and_holds_nothing_of_the_build(target: str) -> None:
    stage = stages()[target]
    assert stage.startswith("FROM base\n")
    assert "HEALTHCHECK" in stage
    assert re.findall(r"COPY (.*)", stage) == [f"--from={target}-packages /app /app"]


def test_no_image_runs_as_root() -> None:
    assert re.findall(r"^USER (\S+)", stages()["base"], re.MULTILINE) == ["lineside"]
    assert [name for name in TARGETS if "USER" in stages()[name]] == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_commands_of_an_image_exist(target: str) -> None:
    commands = [json.loads(found) for found in re.findall(r"CMD (\[.*\])", stages()[target])]
    assert len(commands) == 2
    for program, *arguments in commands:
        with pytest.raises(SystemExit) as end:
            PROGRAMS[program]([*arguments, "--help"])
        assert end.value.code == 0


def test_the_build_copies_what_the_wheel_needs() -> None:
    """Every input of the hook, and nothing that .dockerignore keeps back."""
    copied = set(" ".join(re.findall(r"COPY (?!--from)(.*)", stages()["build"])).split())
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert kept <= copied
    assert kept >= {"uv.lock", "hatch_build.py", "package-lock.json", "third_party.toml", "web", "mes"}


def test_there_are_no_default_passwords() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    secrets = re.findall(r"^\s+\w*(?:PASSWORD|TOKEN|SECRET)\w*: (.*)$", text, re.MULTILINE)
    assert len(secrets) == 3
    assert [value for value in secrets if not re.fullmatch(r"\$\{LINESIDE_\w+(:\?[^}]+|:-)\}", value)] == []


def test_every_setting_of_the_services_is_one() -> None:
    known = {f"LINESIDE_{name}".upper() for name in Settings.model_fields}
    known |= {f"LINESIDE_BRIDGE_{name}".upper() for name in BridgeSettings.model_fields}
    services = compose()["services"]
    given = [name for service in services.values() for name in service["environment"] if name.startswith("LINESIDE_")]
    given += re.findall(r"(LINESIDE_\w+)=", (ROOT / "Dockerfile").read_text("utf-8"))
    assert set(given) - known == set()


def test_the_services_open_nothing_to_the_network() -> None:
    ports = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
