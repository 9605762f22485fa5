"""The rules of the house that import-linter cannot derive from the folders, each a function root → offences."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.architecture.source import Module, inside, modules

EVERYTHING = ("standards", "mes", "opcua_bridge", "web", "tests", "benchmarks")
NOT_A_SCREEN = frozenset({"live", "system"})
CLOCKS = (
    "mes.kernel.clock",
    "opcua_bridge.clock",
    "opcua_bridge.health",  # one process tells another when it last was well
    "opcua_bridge.simulator",
    "opcua_bridge.source",
    "web.demo",
)
AT_A_PROMPT = ("cli", "commands")  # a command line is a composition root: it may pass the time on
CLOCK_CALLS = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns))$")
READING_ROOMS = frozenset({"queries", "statements"})
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|managers?|misc)$")


def tables_have_one_owner(root: Path) -> list[str]:
    """A feature's tables: itself, the reading rooms of other features (floors say which), and mes.schema."""
    return [
        str(found)
        for module in modules(root)
        for found in module.imports
        if (owner := table_owner(found.imported)) and not may_see_tables(module.name, owner)
    ]


def table_owner(imported: str) -> str | None:
    match = re.match(r"mes\.(\w+)\.tables(\.|$)", imported)
    return match.group(1) if match and match.group(1) != "kernel" else None


def may_see_tables(importer: str, owner: str) -> bool:
    if inside(importer, f"mes.{owner}") or importer == "mes.schema":
        return True
    wing, *rooms = importer.split(".")
    return wing == "mes" and bool(READING_ROOMS.intersection(rooms))


def screens_stand_alone(root: Path) -> list[str]:
    """A screen: no other screen, no SQL, and of mes neither tables, statements, rules, REST nor its schemas."""
    names = screens(root)
    found = (one for name in names for module in modules(root, f"web/{name}") for one in module.imports)
    return [str(one) for one in found if is_another_screen(one.importer, one.imported, names) or hidden(one.imported)]


def screens(root: Path) -> list[str]:
    """Folders of web with routes."""
    return sorted(path.parent.name for path in root.glob("web/*/routes.py") if path.parent.name not in NOT_A_SCREEN)


def is_another_screen(importer: str, imported: str, names: Iterable[str]) -> bool:
    own = ".".join(importer.split(".")[:2])
    return any(inside(imported, f"web.{name}") for name in names if f"web.{name}" != own)


def hidden(imported: str) -> bool:
    room = re.match(r"mes\.\w+\.(tables|statements|rules|api|schemas)(\.|$)", imported)
    return room is not None or imported.split(".")[0] in {"sqlalchemy", "sqlmodel"}


def only_the_kernel_commits(root: Path) -> list[str]:
    """The bridge's journal is a database of its own and not meant."""
    return [
        offence(module, line, name)
        for module in modules(root, "standards", "mes", "web")
        if not inside(module.name, "mes.kernel")
        for name, line in module.calls
        if name.endswith(".commit")
    ]


def clocks_are_few(root: Path) -> list[str]:
    return [
        offence(module, line, name)
        for module in modules(root)
        if not any(inside(module.name, clock) for clock in CLOCKS) and not module.name.endswith(AT_A_PROMPT)
        for name, line in module.calls
        if CLOCK_CALLS.search(name)
    ]


def no_wait_for(root: Path) -> list[str]:
    """asyncio.wait_for swallows cancellations on Python 3.11: asyncio.timeout instead."""
    called = [
        offence(module, line, name)
        for module in modules(root, *EVERYTHING)
        for name, line in module.calls
        if name in {"asyncio.wait_for", "wait_for"}
    ]
    return called + imported_from_asyncio(root, "wait_for")


def no_bare_tasks(root: Path) -> list[str]:
    """A task belongs to a TaskGroup, which waits for it, cancels it and hears its errors (decision 0001)."""
    called = [
        offence(module, line, name) for module in modules(root) for name, line in module.calls if is_bare_task(name)
    ]
    return called + imported_from_asyncio(root, "create_task") + imported_from_asyncio(root, "ensure_future")


def is_bare_task(called: str) -> bool:
    receiver, _, verb = called.rpartition(".")
    if verb == "ensure_future":
        return True
    return verb == "create_task" and (receiver == "asyncio" or receiver.endswith(("loop", "loop()")))


def imported_from_asyncio(root: Path, name: str) -> list[str]:
    found = (one for module in modules(root, *EVERYTHING) for one in module.imports)
    return [str(one) for one in found if one.imported == f"asyncio.{name}"]


def rules_in_every_file_are_pure(root: Path) -> list[str]:
    """The contract knows rules.py; a feature may also have calendar_rules.py."""
    impure = {"asyncio", "logging", "random", "secrets", "sqlalchemy", "sqlmodel", "threading", "time"}
    return [
        str(found)
        for module in modules(root, "mes")
        if module.name.endswith("_rules")
        for found in module.imports
        if found.imported.split(".")[0] in impure
    ]


def http_stays_at_the_doors(root: Path) -> list[str]:
    doors = frozenset({"api", "schemas", "door"})
    return [
        str(found)
        for module in modules(root, "mes")
        if not doors & set(module.name.split("."))
        for found in module.imports
        if found.imported.split(".")[0] in {"fastapi", "starlette"}
    ]


def names_say_something(root: Path) -> list[str]:
    return [
        f"{module.name} is a name that says nothing"
        for module in modules(root, *EVERYTHING)
        if EMPTY_NAMES.search(module.name.split(".")[-1])
    ]


def every_code_has_its_page(root: Path) -> list[str]:
    """An error's code is a promise: docs/problems/<code>.md says what it means and what to do."""
    return [
        f"docs/problems/{code}.md is missing ({where})"
        for code, where in sorted(error_codes(root))
        if not (root / "docs" / "problems" / f"{code}.md").is_file()
    ]


def error_codes(root: Path) -> set[tuple[str, str]]:
    meant = [
        module
        for module in modules(root, "mes")
        if module.name.endswith(".errors") or inside(module.name, "mes.kernel")
    ]
    return {(code, module.name) for module in meant for one in module.classes for code in codes_of(one)}


def every_code_of_the_bridge_has_its_page(root: Path) -> list[str]:
    """Of tag maps, of outcomes of commands, of its command line: written where they are raised."""
    found = {
        (code, module.name)
        for module in modules(root, "opcua_bridge")
        if not inside(module.name, "opcua_bridge.simulator")
        for node in module.nodes
        for code in bridge_codes(node)
    }
    return [
        f"docs/problems/{code}.md is missing ({where})"
        for code, where in sorted(found)
        if not (root / "docs" / "problems" / f"{code}.md").is_file()
    ]


CODE_FIRST = frozenset({"MapError", "NoReceiver", "_refused"})
CODE_SECOND = frozenset({"CommandResult", "result"})


def bridge_codes(node: ast.AST) -> Iterator[str]:
    """`MapError(code, …)`, `result(outcome, code, …)`, `(is_well, code, words)`, `status: (code, words)`, and keys of
    REFUSALS."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        place = 0 if node.func.id in CODE_FIRST else 1 if node.func.id in CODE_SECOND else len(node.args)
        yield from kebabs(node.args[place : place + 1])
    elif isinstance(node, ast.Tuple) and len(node.elts) == 3 and not isinstance(node.elts[0], ast.Constant):
        yield from kebabs(node.elts[1:2])
    elif isinstance(node, ast.Dict):
        firsts = (value.elts[0] for value in node.values if isinstance(value, ast.Tuple) and len(value.elts) == 2)
        yield from (code for code in kebabs(firsts) if "-" in code)
    elif isinstance(node, ast.AnnAssign) and assignment(node)[0] == "REFUSALS" and isinstance(node.value, ast.Dict):
        yield from kebabs(key for key in node.value.keys if key is not None)


def kebabs(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", str(node.value)):
            yield str(node.value)


def codes_of(one: ast.ClassDef) -> Iterator[str]:
    for statement in one.body:
        target, value = assignment(statement)
        if target == "code" and isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
            yield value.value


def assignment(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value
    return "", None


def offence(module: Module, line: int, name: str) -> str:
    return f"{module.name}:{line} calls {name}"


RULES: tuple[Callable[[Path], list[str]], ...] = (
    tables_have_one_owner,
    screens_stand_alone,
    only_the_kernel_commits,
    clocks_are_few,
    no_wait_for,
    no_bare_tasks,
    rules_in_every_file_are_pure,
    http_stays_at_the_doors,
    names_say_something,
    every_code_has_its_page,
    every_code_of_the_bridge_has_its_page,
)
