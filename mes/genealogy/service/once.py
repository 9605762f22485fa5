"""Done once under its request id: a repeat is answered as the first time was, anything else under the id is refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from mes.genealogy.statements import Requested, find_request, note_content
from mes.kernel.repeats import content_hash, refuse_other_content
from mes.kernel.uow import UnitOfWork

V = TypeVar("V", bound=Callable[..., Any])


def _act_of(uow: UnitOfWork, done: Requested) -> Any:
    return done.pk


def done_once(answer: Callable[[UnitOfWork, Requested], Any] = _act_of) -> Callable[[V], V]:
    """Of a verb with a `request_id`: looked up before anything is judged, with everything that is told beside it.

    `answer`: what a repeat is answered; the number of the act unless said otherwise. `idempotency-key-reused`.
    """

    def mark(verb: V) -> V:
        defaults = {
            name: one.default
            for name, one in inspect.signature(verb).parameters.items()
            if one.default is not inspect.Parameter.empty
        }

        @wraps(verb)
        def once(uow: UnitOfWork, *, request_id: str, **asked: Any) -> Any:
            told = content_hash(verb.__name__, sorted((defaults | asked).items()))
            done = uow.prefetched(("act", request_id)) or find_request(uow, request_id)
            if done is not None and done.pk:
                refuse_other_content(request_id, known=done.content, told=told)
                return answer(uow, done)
            made = verb(uow, request_id=request_id, **asked)
            note_content(uow, request_id, told)
            return made

        return cast("V", once)

    return mark
