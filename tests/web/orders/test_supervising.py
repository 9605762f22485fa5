"""A supervisor changes orders on screen, with plain forms: what they typed happens, once, and is shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from mes.orders.queries import get_job, get_operations_request
from mes.orders.service import change_order
from mes.orders.types import JobView, OrderCard
from standards.isa95.job_control import DispatchStatus
from tests.support.plants import BENCH, LINE
from tests.web.site import HTMX, Site

WHY = "customer called"


@pytest.fixture
def order_id(site: Site) -> str:
    name = f"PO-{uuid4().hex[:8]}"
    site.order(name)
    return name


def card(site: Site, order_id: str) -> OrderCard:
    return site.database.read_now(get_operations_request, operations_request_id=order_id, now=datetime.now(UTC))


def job(site: Site, job_id: str) -> JobView:
    return site.database.read_now(get_job, job_id=job_id, now=datetime.now(UTC))


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def test_priority_and_due_date_are_changed_in_the_plants_time(site: Site, order_id: str) -> None:
    with site.client("SVEN") as sven:
        page = sven.get(f"/orders/{order_id}/change").text
        form = {"revision": hidden(page, "revision"), "priority": "77", "due_at": "2030-06-01T14:30", "reason": WHY}
        assert sven.post(f"/orders/{order_id}/change", data=form).status_code == 303
        seen = card(site, order_id)
        assert (seen.priority, seen.due_at) == (77, datetime(2030, 6, 1, 14, 30, tzinfo=UTC))
        again = sven.post(f"/orders/{order_id}/change", data=form)
        assert again.status_code == 409
        assert "Somebody else changed this order" in again.text
        assert WHY in sven.get(f"/orders/{order_id}").text


def test_a_job_is_held_split_and_cancelled_from_its_page(site: Site, order_id: str) -> None:
    line = f"{order_id}-LINE"
    with site.client("SVEN") as sven:

        def act(what: str, **form: str) -> httpx.Response:
            page = sven.get(f"/orders/{order_id}/job?job_id={line}").text
            seen = {"job_id": hidden(page, "job_id"), "version": hidden(page, "version"), "reason": WHY}
            return sven.post(f"/orders/{order_id}/job/{what}", data={**seen, **form})

        assert act("split", quantity="8").status_code == 303
        assert job(site, f"{line}.2").quantity == 8
        assert act("hold").status_code == 303
        shown = sven.get(f"/orders/{order_id}/order-head").text
        assert WHY in shown
        assert "Held" in shown
        assert act("lift-hold").status_code == 303
        assert act("merge", other=f"1:{line}.2").status_code == 303
        assert job(site, line).quantity == 16
        assert act("merge", other="nonsense").status_code == 400
        assert act("cancel").status_code == 303
        assert job(site, line).dispatch_status is DispatchStatus.Cancelled


def test_counts_are_put_right_by_the_difference_to_what_was_shown(site: Site, order_id: str) -> None:
    site.clear_bench()
    site.release(order_id)
    site.run_machines(order_id, good=16)
    line = f"{order_id}-LINE"
    with site.client("SVEN") as sven:
        page = sven.get(f"/orders/{order_id}/job?job_id={line}").text
        was = hidden(page, "was_good")
        right = f"{Decimal(was) + Decimal('2.5')}".replace(".", ",")
        form = {
            "job_id": line,
            "request_id": hidden(page, "request_id"),
            "reason": WHY,
            "good": right,
            "was_good": was,
            "reason_id": ["scratch", "aoi"],
            "scrap": ["2", "0"],
            "was": ["0", "0"],
        }
        for _ in range(2):
            assert sven.post(f"/orders/{order_id}/correct", data=form).status_code == 303
        seen = job(site, line)
        assert (seen.good_low, seen.scrap_low) == (Decimal(was) + Decimal("2.5"), 2)
        assert "Counts corrected" in sven.get(f"/orders/{order_id}/order-history").text
        uneven = sven.post(f"/orders/{order_id}/correct", data={**form, "was": ["0"]})
        assert uneven.status_code == 400


def test_the_order_shows_when_it_ran(site: Site, order_id: str) -> None:
    with site.client("ADA") as ada:
        assert "Nothing has run yet" in ada.get(f"/orders/{order_id}/order-timeline").text
        site.release(order_id)
        site.run_machines(order_id, good=16)
        drawing = ada.get(f"/orders/{order_id}/order-timeline").text
        assert drawing.count('class="lane"') == 2
        assert ada.get(f"/orders/{order_id}/change").status_code == 403


def test_waiting_jobs_are_moved_on_the_dispatch_list(site: Site) -> None:
    names = [f"PO-{n}-{uuid4().hex[:6]}" for n in (1, 2)]
    for name in names:
        site.order(name)
        revision = card(site, name).revision
        site.database.write_now(
            change_order, actor=None, operations_request_id=name, revision=revision, priority=99, reason=WHY
        )
    with site.client("SVEN") as sven:
        page = sven.get(f"/dispatch/{LINE}").text
        keys = re.findall(r'name="job" value="([^"]+)"', page)
        first, second = (next(key for key in keys if name in key) for name in names)
        form = {"equipment_id": LINE, "job": [first, second], "move": f"up:{second}"}
        moved = sven.post(f"/dispatch/{LINE}/sequence", data=form, headers=HTMX)
        assert moved.status_code == 200
        assert moved.text.index(names[1]) < moved.text.index(names[0])
        assert sven.post(f"/dispatch/{LINE}/sequence", data=form).status_code == 409
        assert sven.post(f"/dispatch/{LINE}/sequence", data={**form, "job": "nonsense"}).status_code == 400


def test_the_board_has_three_tabs(site: Site, order_id: str) -> None:
    with site.client("ADA") as ada:
        for tab in ("", "/kanban", "/gantt", "/gantt?span=week", "/gantt?span=nonsense"):
            page = ada.get(f"/board{tab}")
            assert page.status_code == 200
            assert 'aria-current="page"' in page.text
        assert order_id in ada.get("/board/board-kanban").text
        assert BENCH in ada.get("/board/board-gantt?span=week").text
