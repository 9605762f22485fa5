"""The tag map is checked whole; every error has a code and a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from opcua_bridge.cli import main
from opcua_bridge.tag_map import TagClass, TagMapRefused, load_tag_map, parse_tag_map
from tests.opcua_bridge.support import TOKEN, environment

HEAD = '[namespaces]\nm = "urn:m"\n[[endpoint]]\nname = "e"\nurl = "opc.tcp://h:4840/"\nsecurity = "none"\n'


def tag(**entries: str) -> str:
    values = {"tag": '"T"', "node": '"m;s=T"', "class": '"counter"'} | entries
    return "[[endpoint.tag]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def target(driver: str, *lines: str) -> str:
    return "\n".join(['[[endpoint.job_target]]\nequipment = "M"', f'driver = "{driver}"', *lines, ""])


def test_the_nodes_of_a_job_target_are_written_out_and_its_tags_have_a_name() -> None:
    lines = ('receiver = "m;s=R"', 'responses = "m;s=P"', 'remote = "i=2258"', 'job = "LINE.Current"')
    [endpoint] = parse_tag_map(HEAD + target("isa95-job-control", *lines)).endpoints
    [found] = endpoint.job_target
    assert found.nodes == {"receiver": "nsu=urn:m;s=R", "responses": "nsu=urn:m;s=P", "remote": "i=2258"}
    assert found.job_tags == ("LINE.Current.OrderId", "LINE.Current.State", "LINE.Current.Substate")


def test_aliases_are_written_out_and_addresses_can_be_replaced() -> None:
    text = HEAD + tag() + tag(tag='"U"', node='"nsu=urn:x;s=a;b=c"') + tag(tag='"V"', node='"i=2258"')
    [endpoint] = parse_tag_map(text, urls={"e": "opc.tcp://other:1/"}).endpoints
    assert [t.node for t in endpoint.tag] == ["nsu=urn:m;s=T", "nsu=urn:x;s=a;b=c", "i=2258"]
    assert endpoint.tag[0].tag_class is TagClass.counter
    assert endpoint.url == "opc.tcp://other:1/"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("[[endpoint", "not-toml", 1),
        (HEAD + tag(node='"x;s=T"'), "unknown-namespace", 8),
        (HEAD + tag(node='"T"'), "bad-node", 8),
        (HEAD + tag(node='"m;i=T"'), "bad-node", 8),
        (HEAD + tag(**{"class": '"counters"'}), "bad-entry", 8),
        (HEAD + tag(colour='"red"'), "bad-entry", 8),
        (HEAD + tag(deadband="0.5"), "bad-deadband", 8),
        (HEAD + tag() + tag(), "twice", 12),
        (HEAD.replace("opc.tcp", "http"), "bad-url", 4),
        (HEAD.replace('"none"', '"Basic256"'), "bad-entry", 4),
        (HEAD + 'password = "x"\n', "bad-entry", 4),
        (HEAD + 'username = "a"\npassword_env = "A"\npassword_file = "b"\n', "two-passwords", 4),
        (HEAD + 'password_env = "A"\n', "no-username", 4),
        (HEAD + 'user_certificate = "a.der"\n', "half-a-certificate", 4),
        (HEAD + 'username = "a"\nuser_certificate = "a.der"\nuser_key = "a.pem"\n', "two-users", 4),
        (HEAD + "publishing_interval_ms = 1\n", "bad-interval", 4),
        (HEAD + target("magic", 'prefix = "m;s=M"'), "unknown-driver", 8),
        (HEAD + target("plain-tags", 'receiver = "m;s=R"'), "no-job-node", 8),
        (HEAD + target("isa95-job-control", 'prefix = "m;s=M"'), "no-job-node", 8),
        (HEAD + target("isa95-job-control", 'receiver = "x;s=R"'), "unknown-namespace", 8),
        (HEAD + tag(tag='"M.Job.State"') + target("isa95-job-control", 'receiver = "m;s=R"'), "twice", 8),
    ],
)
def test_errors_say_what_and_where(text: str, code: str, line: int) -> None:
    with pytest.raises(TagMapRefused) as refused:
        parse_tag_map(text)
    assert (refused.value.errors[0].code, refused.value.errors[0].line) == (code, line)


def test_all_errors_are_told_at_once() -> None:
    with pytest.raises(TagMapRefused) as refused:
        parse_tag_map(HEAD + tag(tag='"A"', node='"x;s=T"') + tag(tag='"B"', node='"?"'))
    assert [e.code for e in refused.value.errors] == ["unknown-namespace", "bad-node"]


def test_the_demo_map_is_sound() -> None:
    path = Path("opcua_bridge/demo_tag_map.toml")
    [endpoint] = load_tag_map(path).endpoints
    assert {t.equipment for t in endpoint.job_target} == {"SMT-1", "DEPANEL-1", "TEST-1", "CNC-1"}
    assert {t.tag for t in endpoint.tag} >= {"SMT-1-AOI.XOutCount", "DEPANEL-1.GoodCount", "CNC-1.StartedAt"}


def test_check_prints_every_error_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "map.toml"
    path.write_text(HEAD + tag(node='"x;s=T"'))
    with environment({"LINESIDE_BRIDGE_TOKEN": TOKEN}):
        assert main(["check", str(path)]) == 1
    assert "line 8: endpoint[0].tag[0]: [namespaces] has no 'x' [unknown-namespace]" in capsys.readouterr().err
    path.write_text(HEAD + tag())
    with environment({"LINESIDE_BRIDGE_TOKEN": TOKEN}):
        assert main(["check", str(path)]) == 0
