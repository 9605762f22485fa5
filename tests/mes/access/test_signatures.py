"""Electronic signatures (21 CFR Part 11, §11.50, §11.70, §11.200): of one act, by one person, once, kept with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any, Final

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.access.errors import SignatureNeeded, SignatureNotGood
from mes.access.queries import get_access_policy
from mes.access.service import create_principal, put_access_policy
from mes.access.sign_in import set_pin_now
from mes.access.signatures.queries import list_signatures
from mes.access.signatures.service import act_text, record_signature
from mes.access.signatures.types import ACT_SIGNED, Meaning
from mes.access.types import AccessPolicy, Role, SignedAct
from mes.kernel.db import Database
from mes.kernel.outbox import list_events
from mes.kernel.uow import UnitOfWork
from mes.materials.queries import get_material_lot
from mes.materials.service import create_lot, put_lots, release_lots, set_disposition
from mes.materials.types import Disposition, LotSpec
from standards.isa95.material import USABLE
from tests.conftest import SettableClock
from tests.web.cast import as_, hire

PIN: Final = "471193"


def mark(plant: Database, *acts: SignedAct) -> None:
    version = plant.read_now(get_access_policy).version
    policy = AccessPolicy(signed_acts=frozenset(acts))
    plant.write_now(put_access_policy, actor=None, policy=policy, version=version)


def held(plant: Database, *lot_ids: str) -> None:
    for lot_id in lot_ids:
        plant.write_now(create_lot, actor=None, spec=LotSpec(lot_id, "BOARD", Decimal(1), "pcs"))
        plant.write_now(
            set_disposition, actor=None, lot_id=lot_id, disposition=Disposition.Restricted, reason="scratched"
        )


def release(uow: UnitOfWork, *, signature: bytes | None, lot_ids: list[str], reason: str = "looked at") -> None:
    uow.signature_sha256 = signature
    release_lots(uow, lot_ids=lot_ids, reason=reason)


def sign(plant: Database, who: int, act_sha256: str, key: bytes) -> bytes:
    plant.write_now(record_signature, actor=who, token_sha256=key, act_sha256=act_sha256, meaning=Meaning.approved)
    return key


def asked(plant: Database, who: int, **what: Any) -> str:
    with pytest.raises(SignatureNeeded) as refused:
        plant.write_now(release, actor=who, signature=None, **what)
    return str(refused.value.extra["act_sha256"])


def people(plant: Database) -> tuple[int, int]:
    make: Callable[[str], int] = lambda name: plant.write_now(  # noqa: E731
        create_principal, actor=None, principal_id=name, role=Role.supervisor, display_name=name
    )
    return make("sven"), make("ada")


def test_a_signature_is_of_one_act_by_one_person_once(plant: Database, clock: SettableClock) -> None:
    sven, ada = people(plant)
    held(plant, "L1", "L2", "L3")
    plant.write_now(release, actor=sven, signature=None, lot_ids=["L1"])
    mark(plant, SignedAct.release_lot)
    act = asked(plant, sven, lot_ids=["L3", "L2"])
    assert act != asked(plant, sven, lot_ids=["L2"])
    assert act != asked(plant, sven, lot_ids=["L2", "L3"], reason="another")
    key = sign(plant, sven, act, b"k" * 32)
    for who, what in ((sven, {"lot_ids": ["L2"]}), (ada, {"lot_ids": ["L2", "L3"]})):
        with pytest.raises(SignatureNotGood):
            plant.write_now(release, actor=who, signature=key, **what)
    with pytest.raises(SignatureNotGood):
        plant.write_now(release, actor=sven, signature=b"x" * 32, lot_ids=["L2", "L3"])
    plant.write_now(release, actor=sven, signature=key, lot_ids=["L2", "L3"])
    assert plant.read_now(get_material_lot, lot_id="L3").disposition is Disposition.UnRestricted
    (kept,) = plant.read_now(list_signatures).items
    assert (kept.principal_id, kept.meaning, kept.act) == ("sven", Meaning.approved, "release-lot")
    assert hashlib.sha256(kept.what.encode()).hexdigest() == kept.act_sha256 == act
    for lot_id, count in (("L1", 0), ("L2", 1), ("L3", 1)):
        assert len(plant.read_now(list_signatures, subject=f"material-lot/{lot_id}").items) == count
    signed = [event for event in plant.read_now(list_events, after=0, limit=500) if event.type == ACT_SIGNED]
    assert [event.subject for event in signed] == ["material-lot/L2", "material-lot/L3"]
    assert all(event.actor == sven and event.payload["meaning"] == "approved" for event in signed)
    for lot_id in ("L2", "L3"):
        plant.write_now(
            set_disposition, actor=sven, lot_id=lot_id, disposition=Disposition.Restricted, reason="scratched"
        )
    with pytest.raises(SignatureNotGood, match="used"):
        plant.write_now(release, actor=sven, signature=key, lot_ids=["L2", "L3"])
    late = sign(plant, sven, act, b"l" * 32)
    clock.advance(minutes=5)
    with pytest.raises(SignatureNotGood, match="old"):
        plant.write_now(release, actor=sven, signature=late, lot_ids=["L2", "L3"])
    plant.write_now(release, actor=None, signature=None, lot_ids=["L2", "L3"])


def test_whatever_lets_a_lot_be_used_is_a_release(plant: Database) -> None:
    sven, _ = people(plant)
    mark(plant, SignedAct.release_lot)
    free = LotSpec("L0", "BOARD", Decimal(1), "pcs")
    for before, wanted in product((Disposition.Restricted, Disposition.Planned), USABLE):
        kept = replace(free, lot_id=f"{before}:{wanted}", disposition=before)
        plant.write_now(put_lots, actor=sven, specs=[kept, free])
        change = {"lot_id": kept.lot_id, "disposition": wanted, "reason": "looked at"}
        with pytest.raises(SignatureNeeded) as asked:
            plant.write_now(set_disposition, actor=sven, **change)
        what = asked.value.extra["what"]
        assert (what["lots"], what["becomes"]) == ({kept.lot_id: before}, {kept.lot_id: wanted})
        if before is Disposition.Planned:
            with pytest.raises(SignatureNeeded):
                plant.write_now(put_lots, actor=sven, specs=[replace(kept, disposition=wanted), free])
        assert plant.read_now(get_material_lot, lot_id=kept.lot_id).disposition is before
    for wanted in (Disposition.InProcess, Disposition.UnRestricted):
        plant.write_now(set_disposition, actor=sven, lot_id="L0", disposition=wanted, reason="")
        plant.write_now(put_lots, actor=sven, specs=[replace(free, disposition=Disposition.InProcess)])


texts = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(0, 9) | st.lists(st.text(max_size=3)))


@given(st.sampled_from(SignedAct), st.lists(st.text(max_size=5)), texts, texts)
def test_other_acts_have_other_texts(
    act: SignedAct, subjects: list[str], what: dict[str, Any], other: dict[str, Any]
) -> None:
    text = act_text(act, subjects, what)
    assert orjson.loads(text) == {"act": act.value, "subjects": subjects, "what": what}
    assert (text == act_text(act, subjects, other)) == (what == other)
    assert text == act_text(act, subjects, dict(reversed(what.items())))


async def test_a_program_signs_in_the_name_of_a_person(http: httpx.AsyncClient, plant: Database) -> None:
    sven = hire(plant, "sven", Role.supervisor)
    set_pin_now(plant, actor=None, principal_id="sven", pin=PIN)
    held(plant, "L1")
    mark(plant, SignedAct.release_lot)
    body = {"lot_ids": ["L1"], "reason": "looked at"}
    refused = await http.post("/api/v1/quality-holds/release", json=body, headers=as_(sven))
    told = refused.json()
    assert (refused.status_code, told["code"], told["act"]) == (403, "signature-needed", "release-lot")
    assert told["what"]["lots"] == {"L1": "Restricted"}
    wish = {"act_sha256": told["act_sha256"], "meaning": "reviewed", "pin": "000000"}
    assert (await http.post("/api/v1/signatures", json=wish, headers=as_(sven))).status_code == 401
    made = await http.post("/api/v1/signatures", json=wish | {"pin": PIN}, headers=as_(sven))
    signature = {"Lineside-Signature": made.json()["signature"]}
    done = await http.post("/api/v1/quality-holds/release", json=body, headers=as_(sven, **signature))
    assert done.status_code == 204, done.text
    page = (await http.get("/api/v1/signatures?subject=material-lot/L1", headers=as_(sven))).json()
    assert [(one["principal_id"], one["meaning"]) for one in page["items"]] == [("sven", "reviewed")]
