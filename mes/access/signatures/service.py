"""Verbs of signatures: one is made by whoever proved who they are, and used up by the one act it is of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import delete, insert, select, update

from mes.access.errors import SignatureNeeded, SignatureNotGood
from mes.access.queries import get_access_policy
from mes.access.signatures.types import ACT_SIGNED, Meaning
from mes.access.tables import Principal, Signature
from mes.access.types import SignedAct
from mes.kernel.uow import UnitOfWork

_SIGNATURE: Final = Signature.__table__  # type: ignore[attr-defined]
_PRINCIPAL: Final = Principal.__table__  # type: ignore[attr-defined]
GOOD_US: Final = 300 * 1_000_000
"""How long a signature waits for its act."""


def act_text(act: SignedAct, subjects: Sequence[str], what: Mapping[str, Any]) -> str:
    """What is signed: the same for the same act, another for any other."""
    return orjson.dumps({"act": act, "subjects": list(subjects), "what": what}, option=orjson.OPT_SORT_KEYS).decode()


def require_signature(uow: UnitOfWork, act: SignedAct, *, subjects: Sequence[str], what: Mapping[str, Any]) -> None:
    """Where the plant wants it, use up the signature that came with the request and record it with the act.

    Called by verbs for what they are about to do, which `what` has to say whole; each of the subjects has it in its
    history, the first with the words, the others with their SHA-256: an act of many is told once. What the server does
    by itself (no actor) is signed by nobody.
    `signature-needed`, `signature-not-good`.
    """
    if uow.actor is None or act not in get_access_policy(uow.session).signed_acts:
        return
    text = act_text(act, subjects, what)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if uow.signature_sha256 is None:
        raise SignatureNeeded(
            ", ".join(subjects[:5]), act=act.value, act_sha256=sha256, what=orjson.loads(text)["what"]
        )
    found = uow.execute(select(_SIGNATURE).where(_SIGNATURE.c.token_sha256 == uow.signature_sha256)).first()
    if found is None or (found.principal_pk, found.act_sha256) != (uow.actor, sha256):
        raise SignatureNotGood("It is of another act, or of another person.")
    if found.used_at_us is not None or uow.now_us >= found.signed_at_us + GOOD_US:
        raise SignatureNotGood("It was used already, or is too old.")
    used = {"used_at_us": uow.now_us, "act": act.value, "what": text}
    uow.execute(update(_SIGNATURE).where(_SIGNATURE.c.pk == found.pk).values(used))
    signer = uow.execute(select(_PRINCIPAL.c.id).where(_PRINCIPAL.c.pk == uow.actor)).scalar_one()
    payload = {"act": act.value, "act_sha256": sha256, "signature_id": found.pk}
    signed = payload | {"principal_id": signer, "meaning": found.meaning, "signed_at_us": found.signed_at_us}
    said = {"what": orjson.loads(text)["what"]}
    for number, subject in enumerate(subjects):
        uow.emit(ACT_SIGNED, topics=(), subject=subject, payload=signed if number else signed | said)


def record_signature(uow: UnitOfWork, *, token_sha256: bytes, act_sha256: str, meaning: Meaning) -> None:
    """Keep a signature of the actor, who has just proved who they are, until its act uses it up."""
    uow.execute(
        delete(_SIGNATURE).where(_SIGNATURE.c.used_at_us.is_(None), _SIGNATURE.c.signed_at_us < uow.now_us - GOOD_US)
    )
    uow.execute(
        insert(_SIGNATURE).values(
            token_sha256=token_sha256,
            principal_pk=uow.actor,
            act_sha256=act_sha256,
            meaning=meaning.value,
            signed_at_us=uow.now_us,
        )
    )
