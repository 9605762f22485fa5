"""What an administrator does at a prompt: master data, people, tokens, backup. Imported only when it is asked for."""

from __future__ import annotations

import argparse
import asyncio
import gc
import getpass
import os
import platform
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy.engine import make_url

from mes.access.permissions import Permission
from mes.access.pins import random_pin
from mes.access.queries import get_access_policy, list_tokens
from mes.access.service import create_principal, create_token, revoke_token
from mes.access.sign_in import set_password_now, set_pin_now
from mes.access.types import Role, SignedAct
from mes.edge.types import Signal
from mes.exchange.erp import queries as erp_queries
from mes.exchange.erp import service as erp
from mes.exchange.erp.checking import check_connection
from mes.exchange.erp.kinds import MAKERS
from mes.exchange.erp.types import ConnectionSpec, Consumption
from mes.exchange.history_files import HistoryImport, Unreadable
from mes.exchange.plant_file import KnownPlant, check_plant_file, load_plant, read_known_plant
from mes.exchange.result_files import FileReport, ResultFolder
from mes.exchange.table_files.importing import RowImport, import_file
from mes.exchange.table_files.queries import get_import
from mes.exchange.table_files.refused import refused_csv
from mes.exchange.table_files.types import Kind as RowKind
from mes.exchange.table_files.watching import take_named_file
from mes.genealogy import queries as genealogy
from mes.genealogy.formats import Format, answer_bytes
from mes.genealogy.service import hold_suspects, release_suspects
from mes.genealogy.types import Answer, Suspects
from mes.history.export import ExportedTag, ExportRefused, export_parquet
from mes.history.queries import get_retention
from mes.history.service import set_retention
from mes.kernel.db import Database
from mes.kernel.errors import BadRequest, Refusal, Unavailable
from mes.kernel.origins import PLACE_MAX, Origin, acting_from
from mes.kernel.paging import LIMIT_MAX
from mes.kernel.sqltypes import to_us
from mes.kernel.vault import open_vault
from mes.migrations.transfer import TransferRefused
from mes.personnel.service import erase_person
from mes.quality.service import record_results
from mes.quality.types import Recorded, ResultSpec
from mes.reporting.measurements.queries import list_history_tags
from mes.reporting.measurements.types import TagView
from web.backup import BackupRefused, back_up, restore
from web.live.wakeup import announce
from web.moments import find_backup
from web.plants import open_plants
from web.settings import Settings
from web.system.routes import version


class NotDone(Exception):
    """Nothing was changed; the text says why."""


class UnknownRole(BadRequest):
    code = "unknown-role"
    title = "There is no such role"


class UnknownPermission(BadRequest):
    code = "unknown-permission"
    title = "There is no such permission"


def settings_of(options: argparse.Namespace) -> Settings:
    given = {name: getattr(options, name, None) for name in ("host", "port", "data_dir")}
    return Settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def plant_of(options: argparse.Namespace) -> Iterator[Database]:
    """The plant that was asked for, and its running servers told when something was written."""
    plants = open_plants(settings_of(options))
    try:
        database = plants.get(options.plant)
        acting = acting_from.set(Origin("command-line", place=_who_types()))
        wrote: list[bool] = []
        database.on_commit(lambda: wrote.append(True))
        try:
            yield database
        finally:
            acting_from.reset(acting)
        if wrote:
            announce(database)
    finally:
        plants.close()


def _who_types() -> str:
    """Of the operating system: Lineside asks nobody at a prompt who they are."""
    try:
        return f"{getpass.getuser()}@{platform.node()}"[:PLACE_MAX]
    except (KeyError, OSError):  # a user without a name, in a container
        return f"{os.getuid()}@{platform.node()}"[:PLACE_MAX]


def plant_load(options: argparse.Namespace) -> int:
    if options.check:
        known = _known_plant(options)
        check_plant_file(_read(options.file), filename=options.file.name, known=known)
        say(f"{options.file}: no errors")
        return 0
    with plant_of(options) as database:
        known = database.read_now(read_known_plant)
        plant = check_plant_file(_read(options.file), filename=options.file.name, known=known)
        summary = database.write_now(load_plant, actor=None, plant=plant)
    for kind in summary.kinds:
        say(f"{kind.kind}: {kind.created} added, {kind.updated} changed, {kind.unchanged} as they were")
    return 0


def _known_plant(options: argparse.Namespace) -> KnownPlant:
    """What is in the plant already; where there is no installation yet, none is made to look."""
    settings = settings_of(options)
    if settings.database_url is None and not settings.data_dir.exists():
        return KnownPlant()
    with plant_of(options) as database:
        return database.read_now(read_known_plant)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotDone(f"{path}: {error.strerror}") from error


def principal_create(options: argparse.Namespace) -> None:
    with plant_of(options) as database:
        database.write_now(
            create_principal,
            actor=None,
            principal_id=options.id,
            role=_role(options.role),
            display_name=options.name or options.id,
            language=options.language,
        )
    say(f"{options.id} is {options.role}")


def _role(text: str) -> Role:
    if text not in set(Role):
        raise UnknownRole(f"{text}; there are {', '.join(Role)}")
    return Role(text)


def person_erase(options: argparse.Namespace) -> None:
    """It cannot be undone, so it asks for the id again."""
    if not options.yes and input(f"This cannot be undone. Type {options.id} to erase: ") != options.id:
        raise NotDone("nothing was erased")
    with plant_of(options) as database:
        name = database.write_now(erase_person, actor=None, person_id=options.id, reason=options.reason)
    say(f"from now on: {name}")


def pin_set(options: argparse.Namespace) -> int:
    pin = random_pin() if options.random else _ask("PIN")
    with plant_of(options) as database:
        set_pin_now(database, actor=None, principal_id=options.id, pin=pin)
    say(f"PIN of {options.id}: {pin}" if options.random else f"{options.id} has a new PIN")
    return 0


def password_set(options: argparse.Namespace) -> int:
    password = _ask("Password")
    with plant_of(options) as database:
        set_password_now(database, actor=None, principal_id=options.id, password=password)
    say(f"{options.id} has a new password")
    return 0


def _ask(what: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    text = getpass.getpass(f"{what}: ")
    if getpass.getpass("Again: ") != text:
        raise NotDone("the two are not the same")
    return text


def token_create(options: argparse.Namespace) -> None:
    with plant_of(options) as database:
        expires_at = None if options.days is None else database.clock() + timedelta(days=options.days)
        made = database.write_now(
            create_token,
            actor=None,
            plant_id=database.plant_id,
            principal_id=options.id,
            label=options.label,
            expires_at=expires_at,
            permissions=None if options.may is None else [_permission(name) for name in options.may],
        )
    say(made.token)


def token_list(options: argparse.Namespace) -> None:
    """A line each: number, whose, where it is used, until when, what it may do."""
    cursor: str | None = None
    with plant_of(options) as database:
        while True:
            page = database.read_now(list_tokens, cursor=cursor, limit=LIMIT_MAX)
            for one in page.items:
                until = "revoked" if one.revoked_at else f"until {one.expires_at or 'revoked'}"
                say(f"{one.token_id}\t{one.principal_id}\t{one.label}\t{until}\t{one.scope or 'all of its role'}")
            cursor = page.next_cursor
            if cursor is None:
                return


def token_revoke(options: argparse.Namespace) -> None:
    with plant_of(options) as database:
        database.write_now(revoke_token, actor=None, token_id=options.number)
    say(f"token {options.number} is revoked")


def _permission(text: str) -> Permission:
    if text not in set(Permission):
        raise UnknownPermission(f"{text}; there are {', '.join(Permission)}")
    return Permission(text)


def db_upgrade(options: argparse.Namespace) -> None:
    plants = open_plants(settings_of(options))
    try:
        for plant_id in plants.ids():
            plants.get(plant_id)
            say(f"{plant_id}: at this version's schema")
    finally:
        plants.close()


def backup(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    if settings.database_url is not None:
        return _pg_dump(settings, options.target)
    made = back_up(settings.data_dir, options.target, now=datetime.now(UTC), version=version())
    say(f"{options.target}: {len(made.files)} databases, {made.bytes} bytes")
    return 0


def _pg_dump(settings: Settings, target: Path) -> int:
    if target.exists():
        raise BackupRefused(f"{target} is there already")
    assert settings.database_url is not None
    run_postgres(["pg_dump", "--format=custom", f"--file={target}"], libpq_variables(settings.database_url))
    say(f"{target}: all plants, {target.stat().st_size} bytes")
    return 0


def run_postgres(command: Sequence[str], variables: Mapping[str, str]) -> None:
    """One of PostgreSQL's own programs. NotDone if it is not here or fails."""
    try:
        done = subprocess.run(command, check=False, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise NotDone(f"{command[0]} is not installed here; run this where it is") from None
    if done.returncode != 0:
        raise NotDone(f"{command[0]}: {done.stderr.strip()[-2_000:]}")


def libpq_variables(address: str) -> dict[str, str]:
    """The address as PG* variables, so that no password is among the arguments of a process."""
    url = make_url(address)
    host = url.host or url.query.get("host", "")
    named = {"PGHOST": host, "PGPORT": url.port, "PGUSER": url.username, "PGDATABASE": url.database}
    named["PGPASSWORD"] = None if url.password is None else str(url.password)
    return {name: str(value) for name, value in named.items() if value}


def restore_backup(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    if settings.database_url is not None:
        raise NotDone("on PostgreSQL restore with pg_restore, to a moment from its log; see docs/operate/backup.md")
    source = backup_meant(options)
    names = restore(source, settings.data_dir)
    say(f"{settings.data_dir}: {len(names)} databases restored from {source}")
    return 0


def backup_meant(options: argparse.Namespace) -> Path:
    """The file that was named, or the one of a folder that is as it was at the moment that was named."""
    source: Path = options.source
    moment = instant(options.moment)
    if moment is None:
        return source
    if not source.is_dir():
        raise NotDone(f"{source} is no folder: a moment is looked for in a folder of backups")
    return find_backup(source, moment, plant_id=options.plant)


def instant(text: str | None) -> datetime | None:
    """UTC where no zone is named. NotDone for what is none."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotDone(f"{text!r} is no instant: 2026-03-02 or 2026-03-02T08:00:00+01:00") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def openapi(_options: argparse.Namespace) -> None:
    from web.main import create_app
    from web.openapi import written

    say(written(create_app(Settings()).openapi()).rstrip())


def healthcheck(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    url = options.url or f"http://{host}:{settings.port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            say(response.read().decode())
            return 0 if response.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        raise NotDone(f"{url}: {error}") from error


def history_export(options: argparse.Namespace) -> int:
    """Samples into a Parquet file."""
    with plant_of(options) as database:
        tags = [
            view for view in _measurements(database, options.equipment) if not options.tag or view.tag in options.tag
        ]
        if missing := set(options.tag) - {view.tag for view in tags}:
            raise NotDone(f"no such measurement: {', '.join(sorted(missing))}")
        rows = export_parquet(
            database,
            options.target,
            tags=[ExportedTag(view.pk, view.bridge_id, view.tag, view.equipment_id, view.unit) for view in tags],
            from_us=_instant(options.from_at) if options.from_at else 0,
            to_us=_instant(options.to_at) if options.to_at else to_us(database.clock()),
        )
    say(f"{options.target}: {rows} samples of {len(tags)} measurements")
    return 0


def _measurements(database: Database, equipment_id: str | None) -> Iterator[TagView]:
    cursor: str | None = None
    while True:
        page = database.read_now(
            list_history_tags,
            equipment_id=equipment_id,
            cursor=cursor,
            limit=LIMIT_MAX,
            signals=(Signal.measurement,),
        )
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _instant(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotDone(f"{text} is no date and no instant; write 2026-03-02 or 2026-03-02T06:00:00Z") from None
    return to_us(at if at.tzinfo else at.replace(tzinfo=UTC))


def trace(options: argparse.Namespace) -> int:
    """Ask genealogy, and write the answer to standard output; a recall may also hold what it finds, or release it."""
    query, values = _asked(options)
    if options.question == "recall":
        _check_recall(options)
    with plant_of(options) as database:
        if options.question in ("as-built", "difference"):
            values["now_us"] = to_us(database.clock())
        if options.question == "recall" and options.hold:
            held = database.write_now(hold_suspects, actor=None, reason=options.hold, **values)
            _complain(f"{held} put on hold")
        if options.question == "recall" and options.release:
            _release(database, options, values["suspects"])
        how = {"format": Format(options.format), "table": options.table}
        content = database.read_now(answer_bytes, query=query, **how, **values)
    sys.stdout.write(content.decode().rstrip("\n") + "\n")
    return 0


def _check_recall(options: argparse.Namespace) -> None:
    """A release is asked for whole, and by itself."""
    if options.hold and options.release:
        raise NotDone("--hold or --release, not both")
    if options.release and not options.because.strip():
        raise NotDone("--release needs --because: why it is released")
    for name, given in (("because", options.because), ("dry-run", options.dry_run), ("yes", options.yes)):
        if given and not options.release:
            raise NotDone(f"--{name} belongs to --release")


def _release(database: Database, options: argparse.Namespace, suspects: Suspects) -> None:
    """Tell what is on hold for the reason, then release it; NotDone where nothing is, or where releases are signed."""
    reason: str = options.release
    standings = database.read_now(genealogy.list_recall_holds, suspects=suspects)
    others = ", ".join(
        f"{len(group.lot_ids)} for {group.reason!r}" for group in standings.held if group.reason != reason
    )
    group = next((group for group in standings.held if group.reason == reason), None)
    if group is None:
        raise NotDone(f"nothing of this recall is on hold for {reason!r}; on hold: {others or 'nothing'}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(group.kinds.items()))
    _complain(f"{len(group.lot_ids)} on hold for {reason!r}: {kinds}")
    _complain(f"on hold for other reasons, and stays: {others or 'nothing'}")
    if options.dry_run:
        return
    if SignedAct.release_lot in database.read_now(get_access_policy).signed_acts:
        raise NotDone("this plant has releases signed, and nobody signs here: release it on screen or by REST")
    if not options.yes and input("Type release to release them: ") != "release":
        raise NotDone("nothing was released")
    what = {"suspects": suspects, "hold_reason": reason, "reason": options.because.strip()}
    _complain(f"{database.write_now(release_suspects, actor=None, **what).released} released")


def _asked(options: argparse.Namespace) -> tuple[Callable[..., Answer], dict[str, Any]]:
    lots: list[str] = options.lot
    match options.question:
        case "recall":
            return genealogy.get_recall, {"suspects": _suspects(options)}
        case "shared":
            return genealogy.list_shared, {"failed_ids": lots, "good_ids": options.good}
        case "difference":
            return genealogy.get_difference, {"first_id": lots[0], "second_id": lots[1]}
        case "as-built":
            return genealogy.get_as_built, {"lot_id": lots[0]}
        case question:
            return (genealogy.trace_from if question == "from" else genealogy.trace_used), {"lot_id": lots[0]}


def _suspects(options: argparse.Namespace) -> Suspects:
    return Suspects(
        lot_ids=tuple(options.lot),
        from_lot_id=options.first,
        to_lot_id=options.last,
        equipment_id=options.machine,
        program=options.program,
        tool=options.tool,
        operator_id=options.operator,
        job_id=options.job,
        from_at_us=_instant_us(options.since),
        until_us=_instant_us(options.until),
    )


def _instant_us(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise NotDone(f"{text[:40]} is no time such as 2026-11-28T06:00+01:00") from error
    if at is not None and at.tzinfo is None:
        raise NotDone(f"{text[:40]} needs its offset, such as +01:00")
    return None if at is None else to_us(at)


def history_retention(options: argparse.Namespace) -> int:
    """Say for how long history is kept; set it where something is given."""
    with plant_of(options) as database:
        kept = database.read_now(get_retention)
        if options.samples_days is not None or options.rollups_days is not None:
            database.write_now(
                set_retention,
                actor=None,
                samples_days=kept.samples_days if options.samples_days is None else options.samples_days,
                rollups_days=kept.rollups_days if options.rollups_days is None else options.rollups_days,
            )
            kept = database.read_now(get_retention)
    say(f"samples {kept.samples_days} days, by the minute {kept.rollups_days} days")
    return 0


def quality_watch(options: argparse.Namespace) -> int:
    """Take result files out of a folder until it is stopped, or once; 1 if then something was refused."""
    if not options.folder.is_dir():
        raise NotDone(f"{options.folder} is no folder")
    if not 0.05 <= options.every <= 3600 or not re.fullmatch(r"[!-~]{1,100}", options.source):
        raise NotDone("--every is 0.05 to 3600 seconds, --source 1 to 100 printable characters without blanks")
    with plant_of(options) as database:

        def take(results: Sequence[ResultSpec]) -> Recorded:
            return database.write_now(record_results, actor=None, results=results)

        folder = ResultFolder(options.folder, take, options.source, partial(take_named_file, RowImport(database)))
        if options.once:
            folder.look()
            time.sleep(options.every)
            reports = folder.look()
            _tell(reports)
            return 0 if all(report.is_done for report in reports) else 1
        while True:
            if _look(folder):
                announce(database)
            time.sleep(options.every)


def _look(folder: ResultFolder) -> Sequence[FileReport]:
    """One look; weather is left to the next."""
    try:
        reports = folder.look()
    except Unavailable as weather:
        _complain(f"{folder.path} waits: {weather.detail}")
        return ()
    _tell(reports)
    return reports


def _tell(reports: Sequence[FileReport]) -> None:
    for report in reports:
        refused = report.unreadable or f"{len(report.refused)} refused"
        say(f"{report.moved_to}/{report.name}: {report.recorded} recorded, {report.known} known, {refused}")


def erp_add(options: argparse.Namespace) -> int:
    """Keep an ERP connection; the password is asked for, or the first line of standard input."""
    password = _ask("Password of the ERP's user")
    spec = ConnectionSpec(
        connection_id=options.id,
        kind=options.kind,
        url=options.url,
        database=options.database,
        user=options.user,
        plain_http=options.plain_http,
        private_addresses=options.private_addresses,
        place=options.place,
        places=_pairs(options.at),
        order_prefix=options.order_prefix,
    )
    with plant_of(options) as database:
        sealed = open_vault(settings_of(options).key_file).seal(password)
        database.write_now(erp.create_connection, actor=None, spec=spec, sealed_password=sealed, kinds=tuple(MAKERS))
    say(f"{options.id} is worked with from now on")
    return 0


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in texts]
    if wrong := [text for text, (name, _, place) in zip(texts, pairs, strict=True) if not name or not place]:
        raise NotDone(f"{wrong[0]} is no place; write 'Press 1=PRESS'")
    return {name: place for name, _, place in pairs}


def erp_list(options: argparse.Namespace) -> int:
    """How every ERP connection stands; 1 if one fails, or somebody has to see to an order."""
    with plant_of(options) as database:
        views = database.read_now(erp_queries.list_connections)
    for view in views:
        well = f"well since {view.last_ok_at:%Y-%m-%d %H:%M}Z" if view.last_ok_at else "not looked at yet"
        state = "switched off" if not view.spec.active else view.said or well
        counts = f"{view.orders} orders, {view.waiting} to be told, {view.troubled} troubled"
        say(f"{view.spec.connection_id} ({view.spec.kind}, {view.spec.url}): {state}; {counts}")
        for remark in view.remarks:
            say(f"  {remark}")
    return 1 if any(view.failing_since or view.troubled for view in views) else 0


def erp_check(options: argparse.Namespace) -> int:
    """Sign in to the ERP and look around; 1 if something would not work."""
    with plant_of(options) as database:
        vault = open_vault(settings_of(options).key_file)
        found = asyncio.run(check_connection(database, vault, MAKERS, options.id))
    say(f"{found.product}, {found.company or 'no company'}")
    for remark in found.remarks:
        say(remark)
    return 1 if found.remarks else 0


def erp_orders(options: argparse.Namespace) -> int:
    """The newest orders of an ERP, and what either side has against them."""
    wanted = {"connection_id": options.id, "troubled": options.troubled, "cursor": None, "limit": LIMIT_MAX}
    with plant_of(options) as database:
        page = database.read_now(erp_queries.list_erp_orders, **wanted)
    for view in page.items:
        told = f"told {view.told_at:%Y-%m-%d %H:%M}Z" if view.told_at else "not told"
        say(f"{view.order_id or '(not taken)'} [{view.key}]: {view.state or '-'}, {told} {view.said}".rstrip())
    return 0


def erp_consumption(options: argparse.Namespace) -> int:
    """Say how the use of a material is found."""
    chosen = None if options.how == "default" else Consumption(options.how)
    with plant_of(options) as database:
        database.write_now(
            erp.choose_consumption,
            actor=None,
            connection_id=options.id,
            material_id=options.material,
            consumption=chosen,
        )
    say(f"{options.material}: {options.how}")
    return 0


def erp_tell_again(options: argparse.Namespace) -> int:
    with plant_of(options) as database:
        database.write_now(erp.tell_again, actor=None, connection_id=options.id, order_id=options.order)
    say(f"{options.order} is told again")
    return 0


def erp_remove(options: argparse.Namespace) -> int:
    with plant_of(options) as database:
        database.write_now(erp.remove_connection, actor=None, connection_id=options.id)
    say(f"{options.id} is gone")
    return 0


def import_rows(options: argparse.Namespace) -> int:
    """Take a file of rows, or say what would become of it; 1 if rows are refused."""
    path: Path = options.file
    data = _read(path)
    with plant_of(options) as database:
        done = import_file(
            RowImport(database),
            data,
            name=path.name[:200],
            kind=RowKind(options.kind),
            mapping_name=options.mapping,
            dry_run=options.dry_run,
        )
        view = database.read_now(get_import, import_id=done.import_id) if done.import_id else None
    for outcome in done.outcomes:
        if outcome.code:
            say(f"line {outcome.line}: {outcome.id} refused, {outcome.detail} ({outcome.code})")
    count = done.counts
    tried = " would be" if done.import_id == "" else ""
    told = f"{count.created} added, {count.updated} changed, {count.unchanged} as they were, {count.refused} refused"
    if view is not None and count.refused:
        report: Path = options.refused or path.with_name(f"{path.name}.refused.csv")
        report.write_bytes(refused_csv(view))
        told += f" ({report})"
    say(f"{path}:{tried} {told}")
    return 1 if count.refused else 0


def import_history(options: argparse.Namespace) -> int:
    """Record a file of history, or go on with it; 1 if rows are refused."""
    from web.progress import shown

    path: Path = options.file
    report = options.report or path.with_name(f"{path.name}.refused.csv")
    try:
        with plant_of(options) as database:
            *_, done = shown(HistoryImport(database, path, report).run(), path.name)
    except OSError as error:
        raise NotDone(f"{error.filename}: {error.strerror}") from error
    except Unreadable as error:
        raise NotDone(f"{path}: {error}; what stands before that is recorded") from error
    if done.was_over:
        say(f"{path}: imported before, {done.rows_done - done.refused} recorded, {done.refused} refused")
        return 0
    say(f"{path}: {done.rows_done - done.refused} recorded, {done.refused} refused ({report})")
    return 1 if done.refused else 0


def serve(options: argparse.Namespace) -> None:
    """The server, until it is stopped."""
    gc.disable()  # of what is loaded now nothing goes: looking for it took a fifth of the start
    from web.server import serve as run_server
    from web.server import why_it_cannot_start

    gc.enable()
    settings = settings_of(options)
    if sentence := why_it_cannot_start(settings):
        raise NotDone(sentence)
    run_server(settings)


def run(name: str, options: argparse.Namespace, module: str = __name__) -> int:
    """One command by name; 1 or 2 with sentences where it was refused."""
    try:
        return int(getattr(import_module(module), name)(options) or 0)
    except ValidationError as error:
        for fault in error.errors():
            _complain(f"{'LINESIDE_' + '_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}")
        return 2
    except Refusal as refusal:
        _complain_about(refusal)
        return 1
    except (NotDone, BackupRefused, ExportRefused, TransferRefused, Unavailable) as error:
        _complain(str(error))
        return 1


def _complain_about(refusal: Refusal) -> None:
    _complain(f"{refusal.detail or refusal.title} [{refusal.code}]")
    for fault in refusal.errors:
        _complain(f"{fault.where}: {fault.message}")
    if refusal.next_step:
        _complain(refusal.next_step)


def _complain(text: str) -> None:
    sys.stderr.write(f"lineside: {text}\n")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
