"""No word is missing, none is left over, and a longer language fits the same placeholders."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import web.main  # noqa: F401  (loads every screen, and with it what each refuses)
from mes.access.permissions import Permission
from mes.access.privacy.types import PerformanceByPerson
from mes.access.signatures.types import Meaning
from mes.access.types import BadgeUse, Role, SignedAct
from mes.definitions.types import DataType, DependencyKind
from mes.edge.types import CommandState, ModelSlot, SetupState
from mes.exchange.reconciliation.types import Reason, Subject, What
from mes.exchange.table_files.columns import FIELDS
from mes.exchange.table_files.types import DateOrder
from mes.exchange.table_files.types import Kind as RowKind
from mes.exchange.table_files.types import Result as RowResult
from mes.genealogy.may_i.types import Why
from mes.genealogy.process_values.types import Judged, Known
from mes.genealogy.queries.steps import Way
from mes.genealogy.types import ActKind
from mes.genealogy.types import LinkKind as GenealogyLink
from mes.kernel.errors import Refusal
from mes.materials.types import LifeKind, LotKind, Storage
from mes.orders.types import JobRole, LinkKind, Note, Unassigned
from mes.quality.types import StepCheck, Verdict
from opcua_bridge.discovery.proposal import Slot
from standards.lineside.commands_v1 import TrustAction
from standards.lineside.health_v1 import CertificateState, Trouble
from standards.packml.states import EquipmentState
from web import wording
from web.access.views import TONES as TOKEN_TONES
from web.audit.views import FEATURES as AUDIT_FEATURES
from web.board.plan_views import SPANS
from web.board.views import SHOWS
from web.bridges.certificates import CERTIFICATE_TONES, FLAWS
from web.bridges.views import BRIDGE_TONES, CONCERNS, REASONS, REFUSALS, TONES
from web.components.job import STATES
from web.components.machine import MANUAL
from web.connect.views import CODES, PATTERNS
from web.demo.page import ACTIONS
from web.erp.views import TONES as ERP_TONES
from web.imports.views import field_label
from web.orders.timeline import MARKS, SCRAP
from web.orders.views import ICONS
from web.quarantine.views import KNOWN_REASONS
from web.receive.views import ICONS as ANSWERS
from web.routings.recipe_forms import PARAMETER_FAULTS
from web.routings.views import TOLERANCE_FAULTS
from web.routings.views import TONES as ROUTING_TONES
from web.scan.views import EVENTS as SCAN_EVENTS
from web.scan.views import SAID as SCAN_SAID
from web.station.views import DEEDS
from web.trace.forms import Typed
from web.trace.recall_views import KINDS, STEPS
from web.trace.views import LOOKS
from web.webhooks.views import TONES as HOOK_TONES
from web.wording import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    PSEUDO,
    UnknownWord,
    code_key,
    language_of,
    pseudo,
    translate,
    words,
)

WEB = Path(wording.__file__).parent
TEMPLATES = sorted(path for path in WEB.rglob("*.html") if "static" not in path.parts)
MAY = ["label", "makes_people", "administrators", "private_addresses"]
DECISIONS = [action for action in TrustAction if action is not TrustAction.list]
LITERAL = re.compile(r"""\bt\(\s*["']([a-zA-Z0-9_.-]+)["']\s*[,)]""")
PREFIX = re.compile(r"""\bt\(\s*["']([a-zA-Z0-9_.-]+\.)["']\s*\+""")
IN_PYTHON = re.compile(r'"([a-z]+\.[a-z-]+)"')


def test_every_language_has_the_same_words() -> None:
    for language in LANGUAGES:
        assert words(language).keys() == words(DEFAULT_LANGUAGE).keys(), language


def test_every_entry_asks_for_the_same_values() -> None:
    for key, entry in words(DEFAULT_LANGUAGE).items():
        for language in LANGUAGES:
            assert placeholders(words(language)[key]) == placeholders(entry), (language, key)


def placeholders(entry: wording.Entry) -> set[str | None]:
    texts = [entry] if isinstance(entry, str) else list(entry.values())
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_uses_only_words_there_are(template: Path) -> None:
    used = set(LITERAL.findall(template.read_text(encoding="utf-8")))
    assert used <= words(DEFAULT_LANGUAGE).keys()


def test_no_word_is_left_over() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES)
    python = "\n".join(path.read_text(encoding="utf-8") for path in WEB.rglob("*.py"))
    prefixes = (*PREFIX.findall(source), "scan.refused.", "note.", "unassigned.", "event.", "unit.", "uom.")
    used = {*LITERAL.findall(source), *IN_PYTHON.findall(python)}
    over = [key for key in words(DEFAULT_LANGUAGE) if key not in used and not key.startswith(tuple(prefixes))]
    assert over == []


def test_every_prefix_in_a_template_has_its_codes() -> None:
    codes = {
        "machine.": [*EquipmentState, MANUAL],
        "job.": [*STATES, "good", "scrap", "rework"],
        "role.": list(Role),
        "sign.act.": list(SignedAct),
        "sign.means.": list(Meaning),
        "sign.why.": ["wrong", "locked", "other"],
        "access.is.": TOKEN_TONES,
        "access.tab.": ["sign-ins", "tokens", "badges", "places", "policy", "elsewhere"],
        "access.problem.": ["secret", "locked", "code", "code-or-secret", "password"],
        "access.elsewhere.": ["issuer", "client_id", "client_secret", "person_claim", "groups_claim", *MAY],
        "access.badge.": list(BadgeUse),
        "permission.": list(Permission),
        "unknown.": ["no-signal", "bad-quality", "bridge-silent"],
        "mode.": ["maintenance", "manual"],
        "lead.": ["ahead", "behind"],
        "bridges.is.": BRIDGE_TONES,
        "bridges.state.": TONES,
        "bridges.trouble.": Trouble,
        "bridges.concern.": CONCERNS,
        "bridges.asked-for.": ["interval", "keep-alive", "lifetime"],
        "bridges.refused.": [*REFUSALS, "other"],
        "bridges.reason.": REASONS,
        "certificates.is.": CERTIFICATE_TONES,
        "certificates.why.": [
            *(state for state in CertificateState if state != "trusted"),
            "replaces",
            *FLAWS,
            "other",
        ],
        "certificates.do.": DECISIONS,
        "certificates.means.": DECISIONS,
        "certificates.did.": DECISIONS,
        "certificates.outcome.": CommandState,
        "access.performance.": PerformanceByPerson,
        "audit.": ["prompt", "itself", "session", "token"],
        "audit.feature.": AUDIT_FEATURES,
        "quarantine.why.": KNOWN_REASONS,
        "quarantine.do.": KNOWN_REASONS,
        "connect.is.": SetupState,
        "connect.standing.": CommandState,
        "connect.code.": [*CODES, "other"],
        "connect.after.": ["refused", "expired", "failed"],
        "connect.slot.": ModelSlot,
        "connect.proposed.": Slot,
        "connect.seen.": PATTERNS,
        "receive.is.": ANSWERS,
        "receive.next.": [kind for kind in ANSWERS if kind not in ("not-approved", "refused")],
        "receive.quirk.": ["separators-spelled-out", "rs-missing", "eot-missing"],
        "scan.said.": [kind for kind in SCAN_SAID if kind not in ("refused", "unit-no")],
        "scan.next.": [kind for kind in SCAN_SAID if kind not in ("refused", "unit", "unit-no")],
        "scan.why.": [*Why, "other"],
        "scan.why-next.": [*Why, "other"],
        "scan.event.": SCAN_EVENTS,
        "scan.state.": ["empty", "free", "right", "other", "stray"],
        "scan.do.": ["mount", "splice"],
        "scan.means.": ["mount", "splice"],
        "scan.pin.": ["wrong", "locked", "reason"],
        "scan.reason.": ["checked", "sample", "agreed"],
        "imports.kind.": RowKind,
        "imports.result.": RowResult,
        "imports.date.": DateOrder,
        "imports.field.": sorted({field_label(kind, field.name) for kind in RowKind for field in FIELDS[kind]}),
        "webhooks.is.": HOOK_TONES,
        "erp.is.": ERP_TONES,
        "reconciliation.of.": Subject,
        "reconciliation.one.": Subject,
        "reconciliation.whose.": ["connection", "program", "person"],
        "properties.of.": ["lot", "material", "equipment"],
        "reconciliation.what.": What,
        "reconciliation.reason.": Reason,
        "reconciliation.means.": Reason,
        "storage.": Storage,
        "life.kind.": LifeKind,
        "lots.refused.": [
            *("material-lot-closed", "lot-on-hold", "lot-not-released"),
            *("lot-expired", "lot-open-too-long", "floor-life-over"),
        ],
        "order.": ["late", "risk"],
        "order.is.": ["unreleased", "released", "running", "done", "aborted", "cancelled"],
        "order.by.": ["person", "machine", "correction"],
        "order.role.": [role.value for role in JobRole if role],
        "order.deviation.": ["under", "over"],
        "order.drawn.": ["stop", SCRAP[0], *(kind for kind, _ in MARKS.values())],
        "change.link.": list(LinkKind),
        "board.tab.": ["list", "kanban", "gantt"],
        "board.column.": ["unreleased", "done"],
        "board.span.": SPANS,
        "board.show.": SHOWS,
        "board.empty.": SHOWS,
        "done.": [*DEEDS, "release", "revoke"],
        "report.": ["scrap", "good"],
        "demo.": ["factory", "bridge", "server"],
        "demo.verdict.": ["equal", "behind", "interval", "wrong", "away"],
        "demo.said.": [*ACTIONS, "not-sent", "no-answer"],
        "routings.is.": ROUTING_TONES,
        "routings.kind.": [*DependencyKind, "none"],
        "routings.used.": ["consumed", "produced", "other"],
        "signin.": [
            "wrong",
            "wrong-password",
            "wrong-badge",
            "locked",
            "single-sign-on-failed",
            "single-sign-on-refused",
        ],
        "signin.by-badge.": [use for use in BadgeUse if use is not BadgeUse.off],
        "language.": LANGUAGES,
        "trace.look.": LOOKS,
        "trace.way.": Way,
        "trace.said.": Way,
        "trace.nothing.": Way,
        "trace.kind.": LotKind.__members__,
        "trace.link.": GenealogyLink.__members__,
        "trace.act.": ActKind.__members__,
        "trace.verdict.": Verdict.__members__,
        "trace.truncated-by.": ["lots", "links", "levels", "values"],
        "trace.known.": list(Known),
        "trace.known-of.": [*(known for known in Known if known is not Known.all), "never"],
        "trace.judged.": list(Judged),
        "trace.differs-by.": ["lot", "pass"],
        "routings.check.": list(StepCheck),
        "routings.type.": list(DataType),
        "routings.tolerance.": ["under_percent", "over_percent"],
        "routings.tolerance-field.": ["under_percent", "over_percent"],
        "routings.tolerance-wrong.": TOLERANCE_FAULTS,
        "recipes.wrong.": PARAMETER_FAULTS,
        "recall.step.": STEPS,
        "recall.count.": ["certain", "possible", "held", "closed"],
        "recall.kind.": KINDS,
        "recall.stays.": ["otherwise", "not-held", "closed"],
        "recall.field.": Typed.model_fields,
        "recall.by.": ["places", "orders", "jobs"],
        "recall.no.": ["places", "orders", "jobs"],
        "shared.kind.": ["lot", "machine", "job", "person", "program", "tool", "hour"],
        "theme.": ["light", "dark", "auto"],
        "tools.life.": ["worn", "dirty", "prolonged"],
        "tools.spent.": ["worn", "dirty"],
    }
    used = {prefix for path in TEMPLATES for prefix in PREFIX.findall(path.read_text(encoding="utf-8"))}
    assert used <= codes.keys()
    missing = [prefix + code for prefix in codes for code in codes[prefix] if prefix + code not in words("en")]
    assert missing == []


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [("note", [n.value for n in Note if n]), ("unassigned", list(Unassigned)), ("event", list(ICONS))],
)
def test_codes_of_the_features_have_words_of_their_own(prefix: str, codes: list[str]) -> None:
    assert [code for code in codes if code_key(prefix, code) != f"{prefix}.{code}"] == []


OF_SCREENS = (
    *("mes.exchange.table_files.", "mes.exchange.webhooks.", "mes.exchange.reconciliation.", "mes.exchange.erp."),
    *("mes.kernel.", "mes.access.", "mes.materials.", "mes.orders."),
    *("web.board.", "web.orders.", "web.dispatch.", "web.system.", "web.security"),
)
OF_MACHINES = {
    *("equipment-not-found", "bridge-not-found", "binding-invalid", "certificate-unknown", "certificate-decided"),
    *("machine-setup-not-found", "machine-setup-invalid", "machine-setup-closed", "too-many-machine-setups"),
    *("machine-template-not-found", "tag-taken"),
}
OF_ROUTINGS = {
    *("work-master-not-effective", "effectivity-invalid", "operations-definition-not-effective"),
    *("operations-definition-not-released", "operations-definition-not-found", "operations-definition-exists"),
    *("operations-definition-invalid", "operations-definition-version-fixed", "operations-segment-not-found"),
    *("instruction-document-not-found", "instruction-document-invalid", "instruction-document-too-large"),
}
OF_SCANNING = {
    *("lot-unknown", "genealogy-cycle", "genealogy-invalid", "mount-out-of-order"),
    *("slot-empty", "not-linked", "act-not-reversible", "unit-refused", "result-invalid", "result-differs"),
    *("suspects-missing", "genealogy-too-large"),
    *("unit-not-seen", "unit-not-failed", "unit-scrapped", "defect-not-found"),
    *("reading-not-found", "reading-decided", "reading-not-retriable", "reading-still-refused"),
}
WITHOUT_A_CLASS = {
    *("internal-error", "invalid", "unreadable", "not-found", "method-not-allowed", "cross-site-request"),
    *("host-not-allowed", "database-unavailable", "database-busy", "shutting-down", "not-ready", "sign-in-busy"),
    *("plant-suspended", "plant-busy"),
}


def refusals_of_screens() -> set[str]:
    """Codes a person may meet."""

    def below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
        for refusal in kind.__subclasses__():
            yield refusal
            yield from below(refusal)

    codes = {refusal.code for refusal in below(Refusal) if refusal.__module__.startswith(OF_SCREENS)}
    return codes | WITHOUT_A_CLASS | OF_MACHINES | OF_ROUTINGS | OF_SCANNING


@pytest.mark.parametrize("language", [x for x in LANGUAGES if x not in (DEFAULT_LANGUAGE, PSEUDO)])
def test_every_refusal_a_person_may_meet_is_in_their_language(language: str) -> None:
    table = wording.refusals(language)
    assert table.keys() == refusals_of_screens()
    assert [code for code, entry in table.items() if not (entry["title"] and entry["next"])] == []


def test_a_code_nobody_translated_gets_a_general_word() -> None:
    assert code_key("note", "moon-phase") == "note.other"


def test_an_unknown_key_and_a_missing_value_are_mistakes() -> None:
    with pytest.raises(UnknownWord):
        translate("en", "no.such.word")
    with pytest.raises(KeyError):
        translate("en", "job.of-order")


@pytest.mark.parametrize(
    ("wished", "given"),
    [("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("fr", "en"), ("", "en"), (PSEUDO, PSEUDO)],
)
def test_the_nearest_language_is_taken(wished: str, given: str) -> None:
    assert language_of(wished) == given


def test_numbers_and_times_are_written_in_the_manner_of_the_language() -> None:
    at = datetime(2026, 11, 21, 14, 2, 9, tzinfo=UTC)
    assert translate("en", "format.number", n=Decimal("1234.5")) == "1,234.5"
    assert translate("de", "format.number", n=Decimal("1234.5")) == "1.234,5"
    assert translate("en", "format.moment", at=at) == "21 Nov, 14:02"
    assert translate("de", "format.moment", at=at) == "21. Nov., 14:02"
    assert translate("de", "format.clock", at=at) == "14:02:09"
    assert translate("en", "format.between", low=Decimal(56), high=Decimal(58)) == "56–58"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7_199, "119 min"), (7_200, "2 h"), (172_799, "47 h"), (172_800, "2 d")],
)
def test_an_age_is_told_in_the_largest_unit_that_says_enough(seconds: int, text: str) -> None:
    assert translate("en", "format.age", s=seconds).replace("\u00a0", " ") == text
    assert translate("en", "format.age", s=timedelta(seconds=seconds)).replace("\u00a0", " ") == text


def test_one_piece_is_not_pieces() -> None:
    assert translate("en", "done.scrap", n=1) == "1 piece scrapped"
    assert translate("de", "done.good", n=Decimal(2)) == "2 Gutteile gemeldet"


def test_units_have_words_where_the_table_knows_them() -> None:
    assert translate("de", "job.pieces", n=5, unit="pcs") == "5 Stk."
    assert translate("de", "job.pieces", n=5, unit="kg") == "5 kg"


def test_the_pseudo_language_is_forty_percent_longer_and_keeps_its_placeholders() -> None:
    for key, entry in words(DEFAULT_LANGUAGE).items():
        longer = words(PSEUDO)[key]
        if key.startswith(("unit.", "format.", "uom.")) or not isinstance(entry, str) or not isinstance(longer, str):
            continue
        letters = "".join(literal for literal, *_ in string.Formatter().parse(entry))
        if any(letter.isalpha() for letter in letters):
            assert len(longer) - len(entry) >= len(letters) * 0.4, key
    assert pseudo("Order {order}").startswith("[Óŕdéŕ {order}")
    assert pseudo("{n}–{m}") == "{n}–{m}"


def test_tables_hold_nothing_but_texts() -> None:
    for language in ("en", "de"):
        table = tomllib.loads((WEB / "locales" / f"{language}.toml").read_text(encoding="utf-8"))
        assert all(isinstance(section, dict) for section in table.values())
        assert all(text.strip() for entry in words(language).values() for text in texts(entry))


def texts(entry: wording.Entry) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry.values())
