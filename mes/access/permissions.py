"""What each role may do. Written out role by role: nobody inherits anything silently."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache
from typing import Final

from mes.access.types import PlacedRole, Role


class Permission(StrEnum):
    view_floor = "view-floor"
    """See stations, board, walls, orders and master data."""
    operate = "operate"
    """Report counts and scrap, start, pause, resume and complete jobs."""
    report_results = "report-results"
    """Hand in results of tests, and ask whether a unit may be worked on: people, testers, edge boxes."""
    decide_quality = "decide-quality"
    """Send units to rework, scrap them, hold lots and release them."""
    release_jobs = "release-jobs"
    override_refusals = "override-refusals"
    """Take a lot in, or use one, that the rules refuse, or prolong its shelf life; the reason is recorded."""
    manage_master_data = "manage-master-data"
    manage_access = "manage-access"
    """Principals, roles, PINs, tokens."""
    submit_operations_requests = "submit-operations-requests"
    exchange_documents = "exchange-documents"
    """B2MML both ways: orders and master data in, performance, stock and equipment out."""
    import_files = "import-files"
    """Master data and orders from files, by mappings the plant remembers."""
    read_performance = "read-performance"
    """Operations performance: what was produced, reported to an ERP."""
    read_events = "read-events"
    """The change feed: everything that happens in the plant, for another system."""
    manage_webhooks = "manage-webhooks"
    """Say where events are sent, and send again what was given up."""
    manage_erp = "manage-erp"
    """Say which ERP the plant works with, as whom, and how the use of its materials is found."""
    bridge_ingest = "bridge-ingest"
    """Hand in samples and take commands: an edge box, nobody else."""
    view_bridges = "view-bridges"
    """See how the edge boxes and their connections to machines are."""
    decide_trust = "decide-trust"
    """Approve, reject and revoke certificates of machines' servers."""
    view_routings = "view-routings"
    """See routings with their drafts; changing them is master data."""
    connect_machines = "connect-machines"
    """Set up a machine: look at it through an edge box, and bind what it tells."""
    read_metrics = "read-metrics"
    """The plant's figures for a monitoring system."""
    read_audit = "read-audit"
    """Who did what, before and after, and from where."""


_P = Permission
ROLE_PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.operator: frozenset({_P.view_floor, _P.operate, _P.report_results}),
    Role.supervisor: frozenset(
        {
            _P.view_floor,
            _P.operate,
            _P.report_results,
            _P.decide_quality,
            _P.release_jobs,
            _P.override_refusals,
            _P.read_performance,
            _P.read_audit,
            _P.view_bridges,
            _P.view_routings,
            _P.connect_machines,
        }
    ),
    Role.engineer: frozenset(
        {
            _P.view_floor,
            _P.operate,
            _P.report_results,
            _P.decide_quality,
            _P.manage_master_data,
            _P.import_files,
            _P.read_performance,
            _P.view_bridges,
            _P.view_routings,
            _P.decide_trust,
            _P.connect_machines,
        }
    ),
    Role.administrator: frozenset(
        {
            _P.view_floor,
            _P.operate,
            _P.report_results,
            _P.decide_quality,
            _P.release_jobs,
            _P.override_refusals,
            _P.manage_master_data,
            _P.manage_access,
            _P.import_files,
            _P.manage_webhooks,
            _P.manage_erp,
            _P.read_audit,
            _P.read_events,
            _P.read_performance,
            _P.view_bridges,
            _P.view_routings,
            _P.decide_trust,
            _P.connect_machines,
            _P.read_metrics,
        }
    ),
    Role.integration: frozenset(
        {
            _P.submit_operations_requests,
            _P.exchange_documents,
            _P.import_files,
            _P.read_performance,
            _P.read_events,
            _P.report_results,
        }
    ),
    Role.bridge: frozenset({_P.bridge_ingest, _P.report_results}),
    Role.monitor: frozenset({_P.read_metrics}),
}


AT_STATIONS: Final = frozenset(
    {
        _P.view_floor,
        _P.operate,
        _P.report_results,
        _P.decide_quality,
        _P.release_jobs,
        _P.override_refusals,
        _P.read_performance,
        _P.view_bridges,
        _P.view_routings,
    }
)
"""What a session may be used for, at most, that was got by less than desks ask for: nothing that sets up the plant."""


def session_limits(*, has_factor: bool, wanted: bool, at_desk: bool) -> frozenset[Permission] | None:
    """What a session opened with a PIN or password is limited to; None: nothing but the role.

    Who has a second factor, or should have, showed it at the desk; at a station nobody asks for it, so there one gets
    what is done at stations. `wanted` and not there, at a desk: nothing, until it is set up.
    """
    if not at_desk:
        return AT_STATIONS if has_factor or wanted else None
    return frozenset() if wanted and not has_factor else None


AT_PLACES: Final = frozenset({_P.operate, _P.report_results, _P.decide_quality, _P.release_jobs, _P.override_refusals})
"""What can be had at a place: it is done to something that stands there, or to a job that runs there."""
LOOKING: Final = frozenset({_P.view_floor, _P.read_performance, _P.view_bridges, _P.view_routings})
"""What a role that counts at places alone is good for elsewhere."""
PLACED_MAX: Final = 50
"""Roles at places that one principal may have."""
PLACEABLE: Final = frozenset({Role.operator, Role.supervisor, Role.engineer})


def permissions_at(role: Role, placed: Collection[PlacedRole], path: Collection[str]) -> frozenset[Permission]:
    """What somebody may do at a place, `path` being it and all above it; empty: what is done has no place.

    The role counts everywhere, unless it is given at places: then there and below, and elsewhere it may look. Other
    roles that are given at places add what they may do there.
    """
    everywhere = ROLE_PERMISSIONS[role]
    if any(one.role is role for one in placed):
        everywhere &= LOOKING
    here = [ROLE_PERMISSIONS[one.role] & AT_PLACES for one in placed if one.equipment_id in path]
    return everywhere.union(*here)


def placed_text(placed: Collection[PlacedRole]) -> str:
    """How roles at places are stored."""
    return " ".join(f"{one.role}@{one.equipment_id}" for one in sorted(placed))


@lru_cache(maxsize=1_000)
def placed_of(text: str) -> tuple[PlacedRole, ...]:
    """Roles at places as they are stored."""
    pairs = (part.partition("@") for part in text.split())
    return tuple(PlacedRole(equipment_id, Role(role)) for role, _, equipment_id in pairs)


def may(role: Role, permission: Permission) -> bool:
    """Whether a role has a permission."""
    return permission in ROLE_PERMISSIONS[role]


def scope_of(permissions: Collection[Permission] | None) -> str | None:
    """How the limits of a credential are stored: names with a blank between; None: no limit but the role's."""
    return None if permissions is None else " ".join(sorted(permissions))


@lru_cache(maxsize=1_000)
def granted(role: Role, scope: str | None) -> frozenset[Permission]:
    """What a credential of a role may be used for: never more than the role, whatever its scope says."""
    return limited(ROLE_PERMISSIONS[role], scope)


def limited(permissions: frozenset[Permission], scope: str | None) -> frozenset[Permission]:
    """What a scope leaves of some permissions."""
    if scope is None:
        return permissions
    names = set(scope.split())
    return frozenset(permission for permission in permissions if permission.value in names)
