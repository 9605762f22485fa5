"""Reconciliation on screen: what differs, why, and as a file."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx

from mes.exchange.reconciliation.service import put_view
from mes.exchange.reconciliation.types import ErpOrder, ErpView, Subject
from tests.web.site import Site


def said(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_what_differs_and_why(site: Site) -> None:
    site.order("PO-RECON", 16)
    with site.client("SVEN") as sven, site.client("ADA") as ada:
        assert ada.get("/reconciliation/orders").status_code == 403
        assert sven.get("/reconciliation").headers["location"] == "/reconciliation/orders"
        assert "The ERP has not said yet what it thinks" in said(sven.get("/reconciliation/lots"))
        orders = (ErpOrder("PO-RECON", 4_000_000, None, 20_000_000), ErpOrder("PO-X", 0))
        view = ErpView(Subject.orders, datetime.now(UTC), orders)
        site.database.write_now(put_view, actor=None, view=view)
        page = said(sven.get("/reconciliation/orders"))
        assert "PO-RECON Ordered 20 pcs 16 pcs Another order" in page
        assert "PO-RECON Good 4 pcs 0 pcs Booked elsewhere" in page
        assert "PO-X Known to one side only 0 – Unknown here" in page
        only = said(sven.get("/reconciliation/orders?reason=unknown-here"))
        assert "PO-X Known" in only
        assert "PO-RECON Ordered" not in only
        assert "As a person or a file said it" in page
        booked = ErpView(Subject.orders, datetime.now(UTC), (ErpOrder("PO-RECON", 3_000_000),), source="tryton")
        site.database.write_now(put_view, actor=None, view=booked)
        read = said(sven.get("/reconciliation/orders?source=tryton"))
        assert "As the ERP connection tryton reads it As a person or a file said it" in read
        sent = ErpView(Subject.orders, datetime.now(UTC), (ErpOrder("PO-RECON", 2_000_000),), source="@SAP-1")
        site.database.write_now(put_view, actor=None, view=sent)
        assert "As SAP-1 handed it in" in said(sven.get("/reconciliation/orders?source=%40SAP-1"))
        assert "PO-RECON Good 3 pcs 0 pcs Booked elsewhere" in read
        assert 'href="/reconciliation/orders?source=%40"' in sven.get("/reconciliation/orders").text, (
            "the newest, and others"
        )
        rows = sven.get("/reconciliation/orders/differences.csv?source=%40").content.decode("utf-8-sig").splitlines()
        assert rows[1:] == [
            "PO-RECON;ordered;20;16;pcs;ordered-differs;0",
            "PO-RECON;good;4;0;pcs;booked-elsewhere;0",
            "PO-X;itself;0;;;unknown-here;0",
        ]
