"""Live regions of the edge boxes. Parameters of an endpoint's: `bridge_id`, `name`.

What changes is pushed; figures that move by themselves are no events, so these regions are also asked for every few
seconds (`data-refresh`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mes.edge.queries import get_bridge, get_bridge_report, list_bridge_reports, list_certificates
from mes.ingest.queries import list_gaps
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import to_us
from web.bridges.certificates import CertificateList, certificate_list
from web.bridges.views import BridgeList, EndpointDetail, EndpointGaps, bridge_list, endpoint_detail, endpoint_gaps
from web.components.plant_time import plant_zone
from web.live.region import Region

Params = Mapping[str, str]


def build_list(session: ReadSession, *, now: datetime, params: Params) -> BridgeList:
    return bridge_list(list_bridge_reports(session), plant_zone(session), now)


def build_detail(session: ReadSession, *, now: datetime, params: Params) -> EndpointDetail:
    report = get_bridge_report(session, bridge_id=params["bridge_id"])
    return endpoint_detail(report, params["name"], plant_zone(session), now)


def build_gaps(session: ReadSession, *, now: datetime, params: Params) -> EndpointGaps:
    bridge_id, name = params["bridge_id"], params["name"]
    pk = get_bridge(session, bridge_id=bridge_id).pk
    gaps = list_gaps(session, bridge_pk=pk, source=name)
    return endpoint_gaps(bridge_id, name, gaps, plant_zone(session), now)


def build_certificates(session: ReadSession, *, now: datetime, params: Params) -> CertificateList:
    report = get_bridge_report(session, bridge_id=params["bridge_id"])
    found = list_certificates(session, bridge_id=params["bridge_id"], now_us=to_us(now))
    return certificate_list(report, found, plant_zone(session), now)


def _topics(params: Params) -> tuple[str, ...]:
    return (f"bridge/{params['bridge_id']}",)


LIST = Region("bridge-list", "bridges/_bridge_list.html", lambda params: ("bridges",), build_list, "outerMorph")
ENDPOINT: tuple[Region, ...] = (
    Region("endpoint-detail", "bridges/_endpoint_detail.html", _topics, build_detail, "outerMorph"),
    Region("endpoint-gaps", "bridges/_endpoint_gaps.html", _topics, build_gaps, "outerMorph"),
)
CERTIFICATES = Region(
    "bridge-certificates", "bridges/_bridge_certificates.html", _topics, build_certificates, "outerMorph"
)
REGIONS: tuple[Region, ...] = (LIST, *ENDPOINT, CERTIFICATES)
