"""`lineside`: the server, the demo, and what an administrator does at a prompt.

Nothing heavy is imported before it is known what is wanted: the demo's processes start while its plant is made.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

Command = Callable[[argparse.Namespace], int | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 done, 1 refused or not well, 2 wrongly called."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options) or 0)
    except KeyboardInterrupt:
        return 0


def _command(name: str, module: str = "web.commands") -> Command:
    """A function of `web.commands` or another module, its refusals told as sentences."""

    def run(options: argparse.Namespace) -> int:
        return int(import_module("web.commands").run(name, options, module))

    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lineside", description="A manufacturing execution system.")
    parser.add_argument("--version", action="version", version=f"lineside {_version()}")
    commands = parser.add_subparsers(required=True, metavar="command")
    _serving(commands)
    _master_data(commands)
    _people(commands)
    _audit(commands)
    _events(commands)
    _history(commands)
    _quality(commands)
    _trace(commands)
    _erp(commands)
    _import(commands)
    _upkeep(commands)
    return parser


def _serving(commands: Any) -> None:
    serve = commands.add_parser("serve", help="run the server; settings from LINESIDE_*")
    serve.add_argument("--host")
    serve.add_argument("--port", type=int)
    _with_data_dir(serve)
    serve.set_defaults(command=_command("serve"))
    demo = commands.add_parser("demo", help="a simulated factory, a bridge and the server, ready to be looked at")
    demo.add_argument("--data-dir", type=Path, default=Path(".lineside/demo"))
    demo.add_argument("--port", type=int, default=8080, help="0: any free one")
    demo.add_argument("--control-port", type=int, default=None, help="of the demo's own page; default: port + 1")
    demo.add_argument("--database-url", default=None, help="postgresql://… instead of SQLite")
    demo.add_argument("--speed", type=float, default=1.0, help="simulated seconds a second")
    demo.add_argument("--seed", type=int, default=42)
    demo.add_argument("--disturbances", type=float, default=1.0)
    demo.add_argument("--no-history", action="store_true", help="start without the two weeks before today")
    demo.add_argument("--keep", action="store_true", help="go on with the data of the last demo")
    demo.set_defaults(command=_demo)


def _master_data(commands: Any) -> None:
    plant = commands.add_parser("plant", help="plants and their master data").add_subparsers(
        required=True, metavar="what"
    )
    _plants(plant)
    load = plant.add_parser("load", help="load a plant file (YAML or JSON); all of it or nothing")
    load.add_argument("file", type=Path)
    load.add_argument("--check", action="store_true", help="say what is wrong, write nothing")
    _with_plant(load)
    load.set_defaults(command=_command("plant_load"))


def _plants(plant: Any) -> None:
    """Whole plants; each is a database of its own."""
    made = _whole(plant, "create", "a new, empty plant")
    made.add_argument("--host", dest="hosts", action="append", default=[], help="a host name that stands for it")
    _whole(plant, "list", "all plants, their state and host names", named=False)
    host = _whole(plant, "host", "host names that stand for it")
    host.add_argument("hosts", nargs="+", metavar="host")
    host.add_argument("--remove", action="store_true")
    _whole(plant, "suspend", "serve it no more; returns when nobody has it open")
    _whole(plant, "resume", "serve it again")
    _whole(plant, "chain", "link each event to the one before by its hash, from now on")
    _whole(plant, "export", "all of it into one file, while it is in use").add_argument("target", type=Path)
    taken = _whole(plant, "import", "a plant from such a file, on whichever database", named=False)
    taken.add_argument("source", type=Path)
    taken.add_argument("--as", dest="id", help="under another name; its tokens and sessions count no more then")
    taken.add_argument("--host", dest="hosts", action="append", default=[])
    taken.add_argument("--suspended", action="store_true", help="do not open it yet")
    gone = _whole(plant, "delete", "for ever; leaves an export")
    gone.add_argument("--name", help="its name once more, instead of being asked for it")
    gone.add_argument("--export", type=Path, help="where to; default: NAME-TIME.plant")
    gone.add_argument("--without-export", action="store_true")
    moved = _whole(plant, "move", "into another installation, compared before it is deleted here; leaves an export")
    moved.add_argument("--to-data-dir", type=Path)
    moved.add_argument("--to-database-url", help="postgresql://…; without it: SQLite")
    moved.add_argument("--export", type=Path, help="where to; default: NAME-TIME.plant")


def _whole(plant: Any, what: str, help_: str, *, named: bool = True) -> Any:
    parser = plant.add_parser(what, help=help_)
    if named:
        parser.add_argument("id")
    _with_data_dir(parser)
    parser.set_defaults(command=_command(f"plant_{what}", "web.plant_commands"))
    return parser


def _people(commands: Any) -> None:
    principal = commands.add_parser("principal", help="who may call").add_subparsers(required=True, metavar="what")
    create = principal.add_parser("create", help="a person, an integration, a bridge or a monitor")
    create.add_argument("id")
    create.add_argument(
        "--role", required=True, help="operator, supervisor, engineer, administrator, integration, bridge, monitor"
    )
    create.add_argument("--name", default="")
    create.add_argument("--language", default="en")
    _with_plant(create)
    create.set_defaults(command=_command("principal_create"))
    person = commands.add_parser("person", help="people").add_subparsers(required=True, metavar="what")
    erase = person.add_parser("erase", help="take away what identifies somebody, for good; what they did stays")
    erase.add_argument("id")
    erase.add_argument("--reason", required=True, help="stays in the record: a number of the request, not a name")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    _with_plant(erase)
    erase.set_defaults(command=_command("person_erase"))
    pin = commands.add_parser("pin", help="PINs of people").add_subparsers(required=True, metavar="what")
    set_pin = pin.add_parser("set", help="ask for a person's PIN, or make one")
    set_pin.add_argument("id")
    set_pin.add_argument("--random", action="store_true", help="make one and print it")
    _with_plant(set_pin)
    set_pin.set_defaults(command=_command("pin_set"))
    password = commands.add_parser("password", help="passwords of people").add_subparsers(required=True, metavar="what")
    set_password = password.add_parser("set", help="ask for a person's password, in the place of the PIN")
    set_password.add_argument("id")
    _with_plant(set_password)
    set_password.set_defaults(command=_command("password_set"))
    token = commands.add_parser("token", help="tokens of programs").add_subparsers(required=True, metavar="what")
    new_token = token.add_parser("create", help="print a new token of a bridge or an integration, once")
    new_token.add_argument("id")
    new_token.add_argument("--label", default="made at the command line")
    new_token.add_argument("--days", type=int, default=None, help="how long it is good; default: until revoked")
    new_token.add_argument(
        "--may", action="append", help="limit it to this permission; may be given again; default: all of the role"
    )
    _with_plant(new_token)
    new_token.set_defaults(command=_command("token_create"))
    tokens = token.add_parser("list", help="the tokens there are, without their text")
    _with_plant(tokens)
    tokens.set_defaults(command=_command("token_list"))
    revoke = token.add_parser("revoke", help="refuse a token from now on")
    revoke.add_argument("number", type=int)
    _with_plant(revoke)
    revoke.set_defaults(command=_command("token_revoke"))


def _audit(commands: Any) -> None:
    audit = commands.add_parser("audit", help="who did what, and whether the record of it holds")
    audit = audit.add_subparsers(required=True, metavar="what")
    verify = audit.add_parser("verify", help="follow the chain of hashes; exit 1 where anything was changed")
    verify.add_argument("--noted", action="append", default=[], metavar="SEQ:LINK", help="what an earlier check said")
    verify.add_argument("--part", action="append", default=[], type=Path, help="an export (JSON lines) to check, too")
    _with_plant(verify)
    verify.set_defaults(command=_command("audit_verify", "web.audit_commands"))
    export = audit.add_parser("export", help="a period for an auditor, with the links of the chain")
    export.add_argument("target", type=Path)
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    export.add_argument("--since", help="a day or an instant; default: the beginning")
    export.add_argument("--until", help="up to, not including it; default: now")
    _with_plant(export)
    export.set_defaults(command=_command("audit_export", "web.audit_commands"))


def _events(commands: Any) -> None:
    events = commands.add_parser("events", help="old events into an archive, and out of the database")
    events = events.add_subparsers(required=True, metavar="what")
    archive = events.add_parser("archive", help="what was not archived yet into a file, with the links of the chain")
    archive.add_argument("target", type=Path)
    archive.add_argument("--until", help="up to, not including it; default: 30 days ago")
    _with_plant(archive)
    archive.set_defaults(command=_command("events_archive", "web.audit_commands"))
    remove = events.add_parser("remove", help="what is in an archive, needed by nobody, and told by tables as well")
    remove.add_argument("archive", type=Path)
    _with_plant(remove)
    remove.set_defaults(command=_command("events_remove", "web.audit_commands"))


def _history(commands: Any) -> None:
    history = commands.add_parser("history", help="measurements").add_subparsers(required=True, metavar="what")
    export = history.add_parser("export", help="samples into a Parquet file (needs pyarrow), while the server runs")
    export.add_argument("target", type=Path)
    export.add_argument("--from", dest="from_at", help="2026-03-02 or 2026-03-02T06:00:00Z; default: all there is")
    export.add_argument("--to", dest="to_at", help="up to, not including; default: now")
    export.add_argument("--tag", action="append", default=[], help="only this one; may be given again")
    export.add_argument("--equipment", help="only what is measured there")
    _with_plant(export)
    export.set_defaults(command=_command("history_export"))
    retention = history.add_parser("retention", help="say or set for how long it is kept")
    retention.add_argument("--samples-days", type=int, help="every sample, and texts; default 90")
    retention.add_argument("--rollups-days", type=int, help="by the minute; default 1095")
    _with_plant(retention)
    retention.set_defaults(command=_command("history_retention"))


def _quality(commands: Any) -> None:
    quality = commands.add_parser("quality", help="results of testers").add_subparsers(required=True, metavar="what")
    watch = quality.add_parser(
        "watch", help="take result files (CSV, JSON), and files of rows a mapping is for, out of a folder"
    )
    watch.add_argument("folder", type=Path)
    watch.add_argument("--source", default="files", help="who says so, where a file does not; default: files")
    watch.add_argument("--every", type=float, default=2.0, help="seconds between two looks; default 2")
    watch.add_argument("--once", action="store_true", help="take what is there, then end")
    _with_plant(watch)
    watch.set_defaults(command=_command("quality_watch"))


def _trace(commands: Any) -> None:
    trace = commands.add_parser("trace", help="genealogy: where from, where used, recall").add_subparsers(
        required=True, metavar="question"
    )
    lots = {
        "from": (1, "everything a lot was made of"),
        "used": (1, "everything a lot went into"),
        "as-built": (1, "one unit, everything"),
        "difference": (2, "what only one of two units has"),
        "recall": ("*", "everything that what is suspected may have got into, and where it is"),
        "shared": ("+", "what failed units share that good ones do not"),
    }
    for question, (count, what) in lots.items():
        asked = trace.add_parser(question, help=what)
        asked.add_argument("lot", nargs=count)
        if question == "shared":
            asked.add_argument("--good", nargs="+", required=True)
        if question == "recall":
            _with_suspects(asked)
        asked.add_argument("--format", choices=("text", "json", "csv"), default="text")
        asked.add_argument(
            "--table", default="", help="for text and csv: which of the answer's tables; default: the first"
        )
        _with_plant(asked)
        asked.set_defaults(command=_command("trace"), question=question)


def _with_suspects(recall: argparse.ArgumentParser) -> None:
    """What is suspected besides lots."""
    for name, what in (
        ("first", "of a range of serials"),
        ("last", "of a range of serials"),
        ("machine", "what was done at it"),
        ("program", "what was done with it"),
        ("tool", "what was done with it"),
        ("operator", "what somebody did: the person's id"),
        ("job", "what was done in it"),
        ("since", "what was done from then on: 2026-11-28T06:00+01:00"),
        ("until", "what was done before"),
    ):
        recall.add_argument(f"--{name}", default="", help=what)
    recall.add_argument("--hold", default="", metavar="REASON", help="also put everything on hold, in one step")
    recall.add_argument(
        "--release",
        default="",
        metavar="REASON",
        help="release what is on hold for this reason, in one step; asks first",
    )
    recall.add_argument("--because", default="", metavar="REASON", help="why it is released")
    recall.add_argument("--dry-run", action="store_true", help="say what would be released, release nothing")
    recall.add_argument("--yes", action="store_true", help="release without asking")


def _erp(commands: Any) -> None:
    erp = commands.add_parser("erp", help="the ERP the plant works with").add_subparsers(required=True, metavar="what")
    add = erp.add_parser("add", help="work with an ERP from now on; asks for the password")
    add.add_argument("id")
    add.add_argument("--kind", required=True, help="tryton")
    add.add_argument("--url", required=True, help="https://erp.example")
    add.add_argument("--database", required=True)
    add.add_argument("--user", required=True)
    add.add_argument("--plain-http", action="store_true", help="let the password travel without TLS")
    add.add_argument("--private-addresses", action="store_true", help="it stands in the plant's own network")
    add.add_argument("--place", default="", help="equipment where bills are made whose steps say nothing else")
    add.add_argument(
        "--at", action="append", default=[], metavar="NAME=EQUIPMENT", help="where the ERP's place is here"
    )
    add.add_argument("--order-prefix", default="", help="put before the ERP's order numbers")
    _with_plant(add)
    add.set_defaults(command=_command("erp_add"))
    stand = erp.add_parser("list", help="how every connection stands; exit 1 if one needs somebody")
    _with_plant(stand)
    stand.set_defaults(command=_command("erp_list"))
    orders = _of_erp(erp, "orders", "the newest orders and how each stands", "erp_orders")
    orders.add_argument("--troubled", action="store_true", help="only those somebody has to see to")
    _of_erp(erp, "check", "sign in and look around, change nothing", "erp_check")
    again = _of_erp(erp, "tell-again", "tell the outcome of an order now", "erp_tell_again")
    again.add_argument("order")
    consumption = _of_erp(erp, "consumption", "how the use of a material is found", "erp_consumption")
    consumption.add_argument("material")
    consumption.add_argument("how", choices=("by-bill", "actual", "default"))
    _of_erp(erp, "remove", "forget a connection; what it brought stays", "erp_remove")


def _of_erp(erp: Any, name: str, what: str, command: str) -> Any:
    parser = erp.add_parser(name, help=what)
    parser.add_argument("id")
    _with_plant(parser)
    parser.set_defaults(command=_command(command))
    return parser


ROW_KINDS = (
    *("equipment", "material-definitions", "material-lots", "persons", "operations-requests"),
    *("bills", "erp-orders", "erp-lots"),
)


def _import(commands: Any) -> None:
    rows = commands.add_parser("import", help="master data or orders out of a CSV file or a workbook (.xlsx)")
    rows.add_argument("file", type=Path)
    rows.add_argument("--as", dest="kind", required=True, choices=ROW_KINDS, help="what the rows are")
    rows.add_argument("--mapping", default="", help="one the plant remembers; default: by the headings")
    rows.add_argument("--dry-run", action="store_true", help="say what would become of each row, write nothing")
    rows.add_argument("--refused", type=Path, help="where refused rows go; default: FILE.refused.csv")
    _with_plant(rows)
    rows.set_defaults(command=_command("import_rows"))
    history = commands.add_parser("import-history", help="lots and genealogy of another system, CSV or JSON")
    history.add_argument("file", type=Path)
    history.add_argument("--report", type=Path, help="of the refused rows; default: FILE.refused.csv")
    _with_plant(history)
    history.set_defaults(command=_command("import_history"))


def _upkeep(commands: Any) -> None:
    openapi = commands.add_parser("openapi", help="print the description of the REST API (OpenAPI 3.1)")
    openapi.set_defaults(command=_command("openapi"))
    db = commands.add_parser("db", help="databases").add_subparsers(required=True, metavar="what")
    upgrade = db.add_parser("upgrade", help="bring every plant to this version's schema")
    _with_data_dir(upgrade)
    upgrade.set_defaults(command=_command("db_upgrade"))
    backup = commands.add_parser("backup", help="all databases into one file, while the server runs")
    backup.add_argument("target", type=Path)
    _with_data_dir(backup)
    backup.set_defaults(command=_command("backup"))
    verifying = commands.add_parser("verify", help="read a backup or a plant's file whole; can it be restored?")
    verifying.add_argument("source", type=Path)
    verifying.set_defaults(command=_command("verify_file", "web.plant_commands"))
    restoring = commands.add_parser("restore", help="a backup into an empty data directory, or one plant out of it")
    restoring.add_argument("source", type=Path)
    restoring.add_argument("--plant", help="only this one, while servers run")
    restoring.add_argument("--as", dest="id", help="under another name")
    restoring.add_argument("--moment", help="SOURCE is a folder of backups: the one that is exactly that")
    _with_data_dir(restoring)
    restoring.set_defaults(command=_restore)
    health = commands.add_parser("healthcheck", help="exit 0 if the server is ready")
    health.add_argument("--url", default=None, help="default: the host and port of the settings")
    health.set_defaults(command=_command("healthcheck"))


def _restore(options: argparse.Namespace) -> int | None:
    one = options.plant is not None
    return _command(*(("restore_one", "web.plant_commands") if one else ("restore_backup",)))(options)


def _with_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, help="instead of LINESIDE_DATA_DIR")


def _with_plant(parser: argparse.ArgumentParser) -> None:
    _with_data_dir(parser)
    parser.add_argument("--plant", default="default")


def _demo(options: argparse.Namespace) -> int:
    from web.demo import DemoOptions, run_demo

    chosen = {name: value for name, value in vars(options).items() if name != "command"}
    return asyncio.run(run_demo(DemoOptions(**chosen)))


def _version() -> str:
    try:
        return metadata.version("lineside")
    except metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
