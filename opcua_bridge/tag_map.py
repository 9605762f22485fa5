"""The tag map: which node of which machine is which tag. TOML, nodes by namespace URI, checked whole.

It may be empty: a bridge without machines waits to be told of one (`apply-map`).

```toml
[namespaces]
sim = "urn:lineside:simulator"

[[endpoint]]
name = "simulator"
url = "opc.tcp://127.0.0.1:4840/"
# security = "none"                    # not given: the best the server offers; or "Basic256Sha256",
                                       # "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"

  [[endpoint.tag]]
  tag = "SMT-1-AOI.GoodCount"
  node = "sim;s=SMT-1-AOI.GoodCount"   # or "nsu=urn:lineside:simulator;s=SMT-1-AOI.GoodCount", or "i=2258"
  class = "counter"

  [[endpoint.tag]]
  tag = "SMT-1-AOI.State"
  node = "i=85"                        # where the path begins: Objects
  path = ["sim;SMT-1-AOI", "sim;State"]   # browse names, looked up anew at every connect
  class = "state"

  [[endpoint.events]]
  tag = "{source}.Alarm"               # {source}: SourceName of the event
  node = "i=2253"                      # a path from there, too: path = ["sim;…"]

  [[endpoint.job_target]]
  equipment = "SMT-1"
  driver = "plain-tags"
  prefix = "sim;s=SMT-1"

  [[endpoint.job_target]]
  equipment = "TEST-1"
  driver = "isa95-job-control"
  receiver = "sim;s=TEST-1.JobOrderControl"   # or by a path from there: receiver_path = ["sim;…"]

  [[endpoint.ask]]
  equipment = "TEST-1"
  prefix = "sim;s=TEST-1.MayI"         # .Serial, .Question; answered in .Allowed, .Code, .Answer
```
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from opcua_bridge.browse_path import address, canonical_step, split_step
from standards.lineside.ingest_v1 import MAX_TAG

MAX_TAGS: Final = 50_000
NODE: Final = re.compile(r"^(?:(?P<space>[^;]+);)?(?P<kind>[isgb])=(?P<key>.+)$", re.DOTALL)


class TagClass(StrEnum):
    """What a tag is for. Measurements are the first to go where room runs out; nothing else may be dropped."""

    counter = "counter"
    state = "state"
    identity = "identity"
    alarm = "alarm"
    measurement = "measurement"


class Security(StrEnum):
    auto = "auto"
    """The best that the server offers."""
    none = "none"
    basic256sha256 = "Basic256Sha256"
    aes128 = "Aes128Sha256RsaOaep"
    aes256 = "Aes256Sha256RsaPss"


class Tag(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"tag_class": "class"}):
    tag: str
    node: str
    tag_class: TagClass
    deadband: float = 0.0
    """Changes up to this much are not passed on (measurements only); 0: every change."""
    heartbeat_s: float = 60.0
    """A change inside the deadband is passed on all the same once the last one is this old."""
    queue_size: int = 0
    """Values the machine's server is asked to keep between two publishings; 0: by class, 10000 (measurements 1000)."""
    path: tuple[str, ...] = ()
    """Browse names from `node` to the variable, `<namespace>;<name>` each; empty: `node` is the variable. A map that
    has been checked has none: they are part of `node` then (see browse_path)."""


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events and alarms of one notifier. `{source}` in `tag` becomes the SourceName of the event."""

    tag: str
    node: str = "i=2253"
    path: tuple[str, ...] = ()
    """Browse names from `node` to the notifier, as of a tag."""
    active: str = ""
    """Event field that says whether it is active, `<namespace>;<name>`; empty: ActiveState of conditions."""


class JobDriver(StrEnum):
    """How a job order is put to a machine."""

    plain_tags = "plain-tags"
    isa95_job_control = "isa95-job-control"


DRIVERS: Final = frozenset(JobDriver)


class JobTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How job orders reach a piece of equipment."""

    equipment: str
    driver: str
    prefix: str = ""
    """plain-tags: what the nodes of the job's variables begin with."""
    receiver: str = ""
    """isa95-job-control: the machine's ISA95JobOrderReceiverObjectType."""
    responses: str = ""
    """isa95-job-control, optional: its ISA95JobResponseProviderObjectType."""
    remote: str = ""
    """isa95-job-control, optional: a Boolean, true while the machine takes commands."""
    receiver_path: tuple[str, ...] = ()
    responses_path: tuple[str, ...] = ()
    remote_path: tuple[str, ...] = ()
    """isa95-job-control, optional: browse names from these nodes to where it really is, as of a tag."""
    job: str = ""
    """isa95-job-control: tags `<job>.OrderId`, `<job>.State`, `<job>.Substate`; empty: `<equipment>.Job`."""
    ack_timeout_s: float = 5.0

    @property
    def job_tags(self) -> tuple[str, str, str]:
        """The tags made of JobOrderList: job order id, state, sub-state."""
        job = self.job or f"{self.equipment}.Job"
        return f"{job}.OrderId", f"{job}.State", f"{job}.Substate"

    @property
    def nodes(self) -> dict[str, str]:
        """Field → node, of those that are given."""
        named = {"prefix": self.prefix, "receiver": self.receiver, "responses": self.responses, "remote": self.remote}
        return {field: node for field, node in named.items() if node}

    @property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """Field → browse names from its node."""
        return {"receiver": self.receiver_path, "responses": self.responses_path, "remote": self.remote_path}


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine that asks before it works on a unit (see asker)."""

    equipment: str
    prefix: str
    """What the nodes of question and answer begin with."""
    within_s: float = 2.0
    """How long the server has to answer; then the plant's policy counts."""
    valid_s: float = 60.0
    """How long an answer stands that the machine has not taken."""


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    url: str
    security: Security = Security.auto
    mode: str = "SignAndEncrypt"
    username: str = ""
    password_env: str = ""
    """Environment variable with the password."""
    password_file: str = ""
    password_keyring: str = ""
    """Service under which the system keyring has the password of `username`."""
    password_in_clear: bool = False
    """Send the password readable, to a server that takes it no other way."""
    user_certificate: str = ""
    """File, PEM or DER: the user is a certificate, in place of name and password."""
    user_key: str = ""
    """File, PEM, without a password."""
    publishing_interval_ms: int = 100
    keep_alive_s: float = 2.0
    lifetime_s: float = 600.0
    """How long the machine's server is asked to keep session and values for a bridge that is away."""
    grace_s: float = 1.0
    """A lost connection that is back this soon, without loss, is not reported."""
    backfill: bool = True
    """After a gap, ask the machine's own history for what was missed of measurements and identities."""
    tag: tuple[Tag, ...] = ()
    events: tuple[Events, ...] = ()
    job_target: tuple[JobTarget, ...] = ()
    ask: tuple[Ask, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: tuple[Endpoint, ...] = ()
    namespaces: dict[str, str] = {}


class TagMap(msgspec.Struct, frozen=True):
    endpoints: tuple[Endpoint, ...]
    """Nodes are written out with `nsu=`; aliases are resolved."""

    def target(self, equipment: str) -> tuple[Endpoint, JobTarget] | None:
        for endpoint in self.endpoints:
            for target in endpoint.job_target:
                if target.equipment == equipment:
                    return endpoint, target
        return None


class MapError(msgspec.Struct, frozen=True):
    """One thing wrong in a tag map. `line` is 0 where it could not be found."""

    code: str
    where: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.where}: {self.message} [{self.code}]"


class TagMapRefused(Exception):
    """The tag map is not used; `errors` has everything that is wrong with it."""

    def __init__(self, errors: list[MapError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


def load_tag_map(path: Path, *, urls: Mapping[str, str] | None = None) -> TagMap:
    """Read and check a tag map. Raises TagMapRefused. `urls` replaces the address of the endpoints it names."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TagMapRefused([MapError("tag-map-unreadable", str(path), str(error))]) from error
    return parse_tag_map(text, urls=urls)


def parse_tag_map(text: str, *, urls: Mapping[str, str] | None = None) -> TagMap:
    """Check a tag map whole. Raises TagMapRefused with every error found, each with a code and a line."""
    document = _document(text)
    errors: list[MapError] = []
    endpoints = []
    for number, raw in enumerate(document.endpoint):
        endpoint = _with_url(raw, urls or {})
        errors += _endpoint_errors(text, number, endpoint, document)
        endpoints.append(_resolved(endpoint, document.namespaces))
    errors += _twice(text, "endpoint name", [e.name for e in document.endpoint])
    made = [tag for e in document.endpoint for tag in _job_tags(e)]
    errors += _twice(text, "tag", [*(t.tag for e in document.endpoint for t in e.tag), *made])
    errors += _twice(text, "ask", [a.equipment for e in document.endpoint for a in e.ask])
    errors += _twice(text, "job target", [t.equipment for e in document.endpoint for t in e.job_target])
    if errors:
        raise TagMapRefused(errors)
    return TagMap(endpoints=tuple(endpoints))


def _document(text: str) -> _File:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise TagMapRefused([MapError("not-toml", "file", str(error), line)]) from error
    try:
        return msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        raise TagMapRefused([_shape_error(text, raw, str(error))]) from error


def _shape_error(text: str, raw: dict[str, Any], message: str) -> MapError:
    """The error again, with the entry it is about (msgspec says `$.endpoint[0].tag[3].class`)."""
    what, _, path = message.partition(" - at ")
    if what.endswith("unknown field `password`"):
        what = "a password does not belong in a file: use password_env, password_file or password_keyring"
    where = path.strip("`").removeprefix("$.") or "file"
    entry: Any = raw
    name = ""
    for key in re.findall(r"\w+", where):
        try:
            entry = entry[int(key)] if isinstance(entry, list) else entry[key]
        except (KeyError, IndexError, ValueError, TypeError):
            break
        if isinstance(entry, dict):
            name = next((str(entry[k]) for k in ("tag", "equipment", "name") if isinstance(entry.get(k), str)), name)
    return MapError("bad-entry", where, what, _line_of(text, name))


def _with_url(endpoint: Endpoint, urls: Mapping[str, str]) -> Endpoint:
    url = urls.get(endpoint.name)
    return msgspec.structs.replace(endpoint, url=url) if url else endpoint


def _endpoint_errors(text: str, number: int, endpoint: Endpoint, document: _File) -> list[MapError]:
    place = f"endpoint[{number}]"
    line = _line_of(text, endpoint.name)
    errors = [MapError(code, place, message, line) for ok, code, message in _endpoint_checks(endpoint) if not ok]
    for index, tag in enumerate(endpoint.tag):
        errors += _tag_errors(text, f"{place}.tag[{index}]", tag, document)
    for index, events in enumerate(endpoint.events):
        errors += _node_errors(text, f"{place}.events[{index}]", events.node, events.tag, document)
        errors += _path_errors(text, f"{place}.events[{index}]", events.path, events.tag, document)
        if events.active and _written_out(_field(events.active), document.namespaces) == _field(events.active):
            line = _line_of(text, events.tag)
            errors.append(MapError("bad-field", f"{place}.events[{index}]", f"unknown field {events.active!r}", line))
    for index, target in enumerate(endpoint.job_target):
        errors += _target_errors(text, f"{place}.job_target[{index}]", target, document)
    for index, ask in enumerate(endpoint.ask):
        errors += _node_errors(text, f"{place}.ask[{index}]", ask.prefix, ask.equipment, document)
        if not (0.1 <= ask.within_s <= 30 and 1 <= ask.valid_s <= 3600):
            limits = "within_s is 0.1 to 30, valid_s 1 to 3600"
            errors.append(MapError("bad-ask", f"{place}.ask[{index}]", limits, _line_of(text, ask.equipment)))
    return errors


_NEEDS: Final = {JobDriver.plain_tags: "prefix", JobDriver.isa95_job_control: "receiver"}


def _target_errors(text: str, where: str, target: JobTarget, document: _File) -> list[MapError]:
    line = _line_of(text, target.equipment)
    errors = [
        error for node in target.nodes.values() for error in _node_errors(text, where, node, target.equipment, document)
    ]
    for field, path in target.paths.items():
        errors += _path_errors(text, where, path, target.equipment, document)
        if path and field not in target.nodes:
            errors.append(MapError("bad-path", where, f"`{field}_path` needs `{field}`, where it begins", line))
    if target.driver not in _NEEDS:
        return [*errors, MapError("unknown-driver", where, f"no driver {target.driver!r}", line)]
    needed = _NEEDS[JobDriver(target.driver)]
    if needed not in target.nodes:
        errors.append(MapError("no-job-node", where, f"driver {target.driver!r} needs `{needed}`", line))
    return errors


def _job_tags(endpoint: Endpoint) -> list[str]:
    """Tags that are made of the endpoint's JobOrderLists."""
    return [tag for t in endpoint.job_target if t.driver == JobDriver.isa95_job_control for tag in t.job_tags]


def _endpoint_checks(endpoint: Endpoint) -> list[tuple[bool, str, str]]:
    interval_s = endpoint.publishing_interval_ms / 1000
    return [
        (bool(endpoint.name), "no-name", "an endpoint needs a name"),
        (endpoint.url.startswith("opc.tcp://"), "bad-url", f"not an opc.tcp address: {endpoint.url!r}"),
        (endpoint.mode in ("Sign", "SignAndEncrypt"), "bad-mode", "mode is Sign or SignAndEncrypt"),
        (0.01 <= interval_s <= 60, "bad-interval", "publishing_interval_ms is 10 to 60000"),
        (endpoint.keep_alive_s >= interval_s, "bad-keep-alive", "keep_alive_s is at least the publishing interval"),
        (endpoint.lifetime_s >= 3 * endpoint.keep_alive_s, "bad-lifetime", "lifetime_s is at least 3 × keep_alive_s"),
        (len(endpoint.tag) <= MAX_TAGS, "too-many-tags", f"at most {MAX_TAGS} tags"),
        *_user_checks(endpoint),
    ]


def _user_checks(endpoint: Endpoint) -> list[tuple[bool, str, str]]:
    passwords = [p for p in (endpoint.password_env, endpoint.password_file, endpoint.password_keyring) if p]
    certificate, key = bool(endpoint.user_certificate), bool(endpoint.user_key)
    return [
        (len(passwords) <= 1, "two-passwords", "give one of password_env, password_file, password_keyring"),
        (not passwords or bool(endpoint.username), "no-username", "a password needs a username"),
        (certificate == key, "half-a-certificate", "user_certificate and user_key go together"),
        (not (certificate and endpoint.username), "two-users", "give a username or a user_certificate, not both"),
    ]


def _tag_errors(text: str, where: str, tag: Tag, document: _File) -> list[MapError]:
    errors = _node_errors(text, where, tag.node, tag.tag, document) + _path_errors(
        text, where, tag.path, tag.tag, document
    )
    line = _line_of(text, tag.tag)
    if not tag.tag or len(tag.tag) > MAX_TAG:
        errors.append(MapError("bad-tag", where, f"a tag has 1 to {MAX_TAG} characters", line))
    if tag.deadband < 0 or (tag.deadband and tag.tag_class is not TagClass.measurement):
        errors.append(MapError("bad-deadband", where, "only a measurement has a deadband, and not below 0", line))
    if not 0 <= tag.queue_size <= 100_000:
        errors.append(MapError("bad-queue-size", where, "queue_size is 0 to 100000", line))
    return errors


def _node_errors(text: str, where: str, node: str, name: str, document: _File) -> list[MapError]:
    found = NODE.match(node)
    line = _line_of(text, name)
    if found is None:
        hint = "nsu=<uri>;s=<name>, <alias>;s=<name> or i=<number>"
        return [MapError("bad-node", where, f"not a node: {node!r} ({hint})", line)]
    space = found["space"]
    if space and not space.startswith("nsu=") and space not in document.namespaces:
        return [MapError("unknown-namespace", where, f"[namespaces] has no {space!r}", line)]
    if found["kind"] == "i" and not found["key"].isdigit():
        return [MapError("bad-node", where, f"i= needs a number: {node!r}", line)]
    return []


def _path_errors(text: str, where: str, path: tuple[str, ...], name: str, document: _File) -> list[MapError]:
    line = _line_of(text, name)
    errors = []
    for step in path:
        space, browse_name = split_step(step)
        if not browse_name:
            errors.append(MapError("bad-path", where, f"not a browse name: {step!r} (<alias>;<name>)", line))
        elif space and not space.startswith("nsu=") and space not in document.namespaces:
            errors.append(MapError("unknown-namespace", where, f"[namespaces] has no {space!r}", line))
    return errors


def _twice(text: str, what: str, names: list[str]) -> list[MapError]:
    seen: set[str] = set()
    errors = []
    for name in names:
        if name in seen:
            errors.append(MapError("twice", what, f"{name!r} is there twice", _line_of(text, name, last=True)))
        seen.add(name)
    return errors


def _line_of(text: str, name: str, *, last: bool = False) -> int:
    """The line with this word between quotes, 0 if there is none."""
    first_and_last = _quoted_words(text).get(name)
    return first_and_last[last] if first_and_last and name else 0


@lru_cache(maxsize=2)
def _quoted_words(text: str) -> dict[str, tuple[int, int]]:
    """The first and the last line of each word between quotes."""
    lines: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for word in re.findall(r"\"([^\"]*)\"|'([^']*)'", line):
            found = word[0] or word[1]
            lines[found] = (lines[found][0] if found in lines else number, number)
    return lines


def _resolved(endpoint: Endpoint, namespaces: Mapping[str, str]) -> Endpoint:
    replace = msgspec.structs.replace
    return replace(
        endpoint,
        tag=tuple(replace(t, node=_address(t.node, t.path, namespaces), path=()) for t in endpoint.tag),
        events=tuple(_resolved_events(e, namespaces) for e in endpoint.events),
        job_target=tuple(_resolved_target(t, namespaces) for t in endpoint.job_target),
        ask=tuple(replace(a, prefix=_written_out(a.prefix, namespaces)) for a in endpoint.ask),
    )


def _address(node: str, path: tuple[str, ...], namespaces: Mapping[str, str]) -> str:
    return address(_written_out(node, namespaces), [canonical_step(step, namespaces) for step in path])


def _resolved_target(target: JobTarget, namespaces: Mapping[str, str]) -> JobTarget:
    paths = target.paths
    nodes = {field: _address(node, paths.get(field, ()), namespaces) for field, node in target.nodes.items()}
    return msgspec.structs.replace(target, **nodes, **{f"{field}_path": () for field in paths})


def _resolved_events(events: Events, namespaces: Mapping[str, str]) -> Events:
    active = _written_out(_field(events.active), namespaces).replace(";s=", ";", 1) if events.active else ""
    return msgspec.structs.replace(events, node=_address(events.node, events.path, namespaces), path=(), active=active)


def _field(active: str) -> str:
    """`sim;Active` in the form of a node, so that one function writes out namespaces."""
    return active.replace(";", ";s=", 1)


def _written_out(node: str, namespaces: Mapping[str, str]) -> str:
    found = NODE.match(node)
    if found is None or not found["space"] or found["space"].startswith("nsu="):
        return node
    uri = namespaces.get(found["space"], "")
    return f"nsu={uri};{found['kind']}={found['key']}"


def fingerprint(value: msgspec.Struct) -> str:
    """Changes when anything about the entry changes."""
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]
