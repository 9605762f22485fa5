"""The screens on a real server: who sees what, what a tap does, and that a second tap does nothing."""

from __future__ import annotations

import re
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from mes.access.service import create_principal, rename_principal
from mes.access.sign_in import set_password_now, set_pin_now
from mes.access.types import PERSON_LOCK, Role
from mes.orders.types import JobView
from standards.isa95.job_control import JobState
from tests.support.plants import BENCH, LINE
from tests.web.site import HTMX, PINS, Site

PAGES = ("/", "/board", "/board?show=late", f"/s/{LINE}", f"/s/{BENCH}", "/wall/HALL", "/-/patterns")


@pytest.fixture
def order_id() -> str:
    return f"PO-{uuid4().hex[:8]}"


@pytest.fixture
def bench_job(site: Site, order_id: str) -> JobView:
    """A job at the manual bench whose turn has come."""
    site.clear_bench()
    site.order(order_id)
    site.release(order_id)
    site.run_machines(order_id, good=16)
    return at_bench(site, order_id)


def at_bench(site: Site, order_id: str) -> JobView:
    return next(job for job in site.jobs(BENCH) if job.operations_request_id == order_id)


def transition(client: httpx.Client, act: str, job: JobView, **headers: str) -> httpx.Response:
    data = {"job_id": job.job_id, "version": job.version}
    return client.post(f"/s/{BENCH}/{act}", data=data, headers=headers)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_shown_to_whoever_is_signed_in(site: Site, page: str) -> None:
    with site.client("ADA") as ada:
        answer = ada.get(page)
    assert answer.status_code == 200, answer.text
    assert "data-region" in answer.text or page == "/-/patterns"


@pytest.mark.parametrize("page", PAGES)
def test_nobody_else_gets_further_than_the_sign_in(site: Site, page: str) -> None:
    with site.client(None) as nobody:
        answer = nobody.get(page)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/signin?next=")


def test_the_sign_in_names_everybody_and_takes_only_the_right_pin(site: Site) -> None:
    with site.client(None) as nobody:
        form = nobody.get(f"/signin?station={LINE}&next=/board")
        assert 'value="ADA"' in form.text
        assert 'value="SVEN"' in form.text
        wrong = nobody.post("/signin", data={"person": "ADA", "pin": "000000"})
        assert wrong.status_code == 401
        assert "The name or the PIN is wrong." in wrong.text
        assert "lineside_session" not in wrong.cookies
        right = nobody.post("/signin", data={"person": "ADA", "pin": PINS["ADA"], "station": LINE, "next": "/board"})
        assert right.headers["location"] == "/board"
        session, device, _ = (one.lower() for one in right.headers.get_list("set-cookie"))
    assert "httponly" in session
    assert "samesite=lax" in session
    assert device.startswith("lineside_device=")
    assert "httponly" in device
    assert "samesite=strict" in device


def test_a_tablet_that_knows_somebody_is_not_locked_by_guesses_elsewhere(site: Site) -> None:
    """The same address, as behind a proxy that hides it: what tells the tablet from the stranger is its cookie."""
    principal = {"principal_id": "INA", "role": Role.operator, "display_name": "Ina"}
    site.database.write_now(create_principal, actor=None, **principal)
    set_pin_now(site.database, actor=None, principal_id="INA", pin="864209")
    right, wrong = {"person": "INA", "pin": "864209"}, {"person": "INA", "pin": "000000"}
    with site.client(None) as tablet, site.client(None) as stranger:
        device = tablet.post("/signin", data=right).cookies["lineside_device"]
        guesses = [stranger.post("/signin", data=wrong).status_code for _ in range(PERSON_LOCK.free_failures)]
        assert guesses[-1] == 429
        tablet.post("/signout")
        again = tablet.post("/signin", data=right)
        assert (again.status_code, again.cookies["lineside_device"]) == (303, device)
        assert stranger.post("/signin", data=right).status_code == 429


def test_a_password_opens_the_door_in_the_place_of_the_pin(site: Site) -> None:
    """Typed on another keyboard, which writes the é as two signs, it is the same password."""
    principal = {"principal_id": "EVA", "role": Role.engineer, "display_name": "Eva"}
    site.database.write_now(create_principal, actor=None, **principal)
    set_pin_now(site.database, actor=None, principal_id="EVA", pin="864209")
    set_password_now(site.database, actor=None, principal_id="EVA", password="café und vier andere")
    with site.client(None) as eva:
        assert 'autocomplete="current-password"' in eva.get("/signin?by=password&station=BENCH").text
        wrong = eva.post("/signin", data={"person": "EVA", "pin": "864209", "by": "password"})
        assert wrong.status_code == 401
        assert "Name, password and code do not match" in wrong.text
        right = eva.post("/signin", data={"person": "EVA", "pin": "café und vier andere", "by": "password"})
        assert right.status_code == 303
        assert eva.get("/board").status_code == 200


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "/a b"])
def test_the_sign_in_leads_nowhere_else(site: Site, elsewhere: str) -> None:
    with site.client(None) as nobody:
        answer = nobody.post("/signin", data={"person": "ADA", "pin": PINS["ADA"], "next": elsewhere})
    assert answer.headers["location"] == "/"


def test_the_sign_out_ends_the_session(site: Site) -> None:
    with site.client("ADA") as ada:
        assert ada.post("/signout", data={"station": LINE}).headers["location"] == f"/signin?station={LINE}"
        assert ada.get("/board").status_code == 303


def test_the_sign_in_speaks_the_language_that_was_chosen(site: Site) -> None:
    with site.client(None) as nobody:
        assert "Wer sind Sie?" in nobody.get("/signin?lang=de").text
        assert "Wer sind Sie?" in nobody.get("/signin").text


@pytest.mark.parametrize(
    "path",
    [
        f"/s/{LINE}/current-job",
        f"/s/{LINE}/machine-state",
        "/board/board-orders",
        "/wall/HALL/wall-machines",
        "/home-stations",
    ],
)
def test_a_region_comes_alone_with_its_own_id(site: Site, path: str) -> None:
    with site.client("ADA") as ada:
        answer = ada.get(path, headers=HTMX)
    assert answer.status_code == 200
    assert f'id="{path.rsplit("/", 1)[1]}"' in answer.text
    assert "<html" not in answer.text


def test_an_order_is_released_on_the_board_by_a_supervisor_only(site: Site, order_id: str) -> None:
    site.order(order_id)
    with site.client("SVEN") as sven, site.client("ADA") as ada:
        jobs = re.findall(rf'value="(\d+:{order_id}[^"]*)"', sven.get("/board").text)
        assert len(jobs) == 3
        form = {"order_id": order_id, "show": "open", "job": jobs}
        assert ada.post("/board/release", data=form).status_code == 403
        assert sven.post("/board/release", data=form).headers["location"] == f"/board?show=open&released={order_id}"
        assert at_bench(site, order_id).state is JobState.AllowedToStart
        again = sven.post("/board/release", data=form, headers=HTMX)
        assert again.status_code == 409
        assert "Somebody else was faster" in again.text


def test_a_release_can_be_taken_back(site: Site, order_id: str) -> None:
    site.order(order_id)
    with site.client("SVEN") as sven:
        jobs = re.findall(rf'value="(\d+:{order_id}[^"]*)"', sven.get("/board").text)
        told = sven.post("/board/release", data={"order_id": order_id, "show": "open", "job": jobs}, headers=HTMX)
        back = re.findall(rf'name="job" value="(\d+:{order_id}[^"]*)"', told.text.split("<hx-partial")[0])
        assert back
        assert 'hx-target="#board-orders"' in told.text
        undone = sven.post("/board/revoke", data={"order_id": order_id, "show": "open", "job": back}, headers=HTMX)
    assert undone.status_code == 200
    assert at_bench(site, order_id).state is JobState.NotAllowedToStart


def test_a_release_form_that_nobody_sent_is_refused(site: Site) -> None:
    with site.client("SVEN") as sven:
        answer = sven.post("/board/release", data={"order_id": "X", "show": "open", "job": ["nonsense"]})
    assert answer.status_code == 400


def test_a_job_at_a_manual_bench_runs_by_the_operators_taps(site: Site, bench_job: JobView, order_id: str) -> None:
    with site.client("ADA") as ada:
        assert transition(ada, "start", bench_job).status_code == 303
        assert transition(ada, "pause", at_bench(site, order_id)).status_code == 303
        assert at_bench(site, order_id).state is JobState.Interrupted
        transition(ada, "resume", at_bench(site, order_id))
        count = {"job_id": bench_job.job_id, "quantity": "15", "request_id": uuid4().hex}
        assert ada.post(f"/s/{BENCH}/good", data=count).status_code == 303
        scrap = {**count, "quantity": "1,0", "reason_id": "scratch", "request_id": uuid4().hex}
        assert ada.post(f"/s/{BENCH}/scrap", data=scrap).status_code == 303
        done = transition(ada, "complete", at_bench(site, order_id))
        assert "did=complete" in done.headers["location"]
        assert "Undo" in ada.get(done.headers["location"]).text
    job = at_bench(site, order_id)
    assert (job.state, job.good_low, job.scrap_low) == (JobState.Ended, Decimal(15), Decimal(1))


def test_the_second_tap_on_a_transition_is_refused_kindly(site: Site, bench_job: JobView) -> None:
    with site.client("ADA") as ada:
        first = transition(ada, "start", bench_job, **HTMX)
        second = transition(ada, "start", bench_job, **HTMX)
    assert first.status_code == 200
    assert 'hx-target="#current-job"' in first.text
    assert second.status_code == 409
    assert "Somebody else was faster" in second.text


def test_a_refusal_is_in_the_language_of_whoever_is_refused(site: Site, bench_job: JobView) -> None:
    """The person's own, whatever the browser on the shared tablet asks for."""
    site.database.write_now(rename_principal, actor=None, principal_id="SVEN", display_name="Sven", language="de")
    with site.client("ADA") as ada, site.client("SVEN") as sven:
        transition(ada, "start", bench_job)
        assert "Somebody else was faster" in transition(ada, "start", bench_job).text
        told = transition(sven, "start", bench_job, **HTMX).text
        assert "Jemand war schneller" in told
        assert "Job " not in told
    site.database.write_now(rename_principal, actor=None, principal_id="SVEN", display_name="Sven", language="en")


def test_the_same_count_sent_twice_counts_once(site: Site, bench_job: JobView, order_id: str) -> None:
    count = {"job_id": bench_job.job_id, "quantity": "1", "request_id": uuid4().hex}
    with site.client("ADA") as ada:
        transition(ada, "start", bench_job)
        for _ in range(2):
            assert ada.post(f"/s/{BENCH}/good", data=count, headers=HTMX).status_code == 200
    assert at_bench(site, order_id).good_low == 1


def test_a_count_is_taken_back_within_ten_seconds(site: Site, bench_job: JobView, order_id: str) -> None:
    request_id = uuid4().hex
    with site.client("ADA") as ada:
        transition(ada, "start", bench_job)
        told = ada.post(
            f"/s/{BENCH}/good",
            data={"job_id": bench_job.job_id, "quantity": "3", "request_id": request_id},
            headers=HTMX,
        )
        assert "3 good pieces reported" in told.text
        undo = {"what": "good", "job_id": bench_job.job_id, "undoes": request_id}
        assert "Undone" in ada.post(f"/s/{BENCH}/undo", data=undo, headers=HTMX).text
        assert ada.post(f"/s/{BENCH}/undo", data=undo, headers=HTMX).status_code == 409
    assert at_bench(site, order_id).good_low == 0


def test_a_completion_is_taken_back_within_ten_seconds(site: Site, bench_job: JobView, order_id: str) -> None:
    with site.client("ADA") as ada:
        transition(ada, "start", bench_job)
        told = transition(ada, "complete", at_bench(site, order_id), **HTMX).text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', told.split("<hx-partial")[0]))
        assert fields["what"] == "complete"
        assert ada.post(f"/s/{BENCH}/undo", data=fields, headers=HTMX).status_code == 200
    assert at_bench(site, order_id).state is JobState.Running


@pytest.mark.parametrize("quantity", ["", "many", "-1", "0", "1e99", "NaN"])
def test_a_quantity_that_is_none_is_refused_with_words(site: Site, bench_job: JobView, quantity: str) -> None:
    count = {"job_id": bench_job.job_id, "quantity": quantity, "request_id": uuid4().hex}
    with site.client("ADA") as ada:
        transition(ada, "start", bench_job)
        answer = ada.post(f"/s/{BENCH}/good", data=count, headers=HTMX)
    assert answer.status_code == 422
    assert 'class="notice bad problem"' in answer.text


def test_the_dialog_is_a_part_with_htmx_and_a_page_without(site: Site, bench_job: JobView) -> None:
    with site.client("ADA") as ada:
        path = f"/s/{BENCH}/scrap?job_id={bench_job.job_id}"
        part, page = ada.get(path, headers=HTMX), ada.get(path)
    assert "<html" not in part.text
    assert "<html" in page.text
    assert "Scratched" in part.text


def test_an_order_tells_its_story(site: Site, bench_job: JobView, order_id: str) -> None:
    count = {"job_id": bench_job.job_id, "quantity": "3", "request_id": uuid4().hex}
    with site.client("SVEN") as sven:
        transition(sven, "start", bench_job)
        sven.post(f"/s/{BENCH}/good", data=count)
        page = sven.get(f"/orders/{order_id}")
    assert page.status_code == 200
    for words in ("Order received", "Released", "Started", "Ended", "by an operator", "Sven"):
        assert words in page.text


@pytest.mark.parametrize("path", ["/s/NOWHERE", "/wall/NOWHERE", "/orders/NONE", "/s/NOWHERE/machine-state"])
def test_what_is_not_there_is_said_on_a_page(site: Site, path: str) -> None:
    with site.client("ADA") as ada:
        answer = ada.get(path)
    assert answer.status_code == 404
    assert "Start page" in answer.text


def test_the_unknown_is_never_shown_as_known(site: Site) -> None:
    with site.client("ADA") as ada:
        page = ada.get("/wall/HALL").text
    assert f"{LINE}-AOI" in page
    assert "Unknown" in page
