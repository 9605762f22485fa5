"""The cookies of whoever has just signed in."""

from __future__ import annotations

from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from mes.access.door import device_cookie, session_cookie
from mes.access.types import SESSION_POLICY, SignedIn
from web.settings import Settings

R = TypeVar("R", bound=Response)
LANGUAGE_COOKIE: Final = "lineside_language"
SIGN_ON_BACK: Final = "/signin/elsewhere/back"
"""What an identity provider has to know as our redirect address, behind the address of the plant."""
YEAR_S: Final = 31_536_000


def keep_signed_in(request: Request, answer: R, signed_in: SignedIn) -> R:
    """The answer, with the session and a known device in cookies that no script can read, and the person's language."""
    answer.set_cookie(
        session_cookie(request),
        signed_in.token,
        max_age=SESSION_POLICY.lifetime_s,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )
    if signed_in.device:
        answer.set_cookie(
            device_cookie(request),
            signed_in.device,
            max_age=YEAR_S,
            httponly=True,
            samesite="strict",
            secure=is_secure(request),
        )
    answer.set_cookie(LANGUAGE_COOKIE, signed_in.language, max_age=YEAR_S, samesite="lax")
    return answer


def forget_signed_in(request: Request, answer: R) -> R:
    """The answer, with the session's cookie gone."""
    answer.delete_cookie(session_cookie(request), secure=is_secure(request), httponly=True, samesite="lax")
    return answer


def is_secure(request: Request) -> bool:
    """Whether cookies are for https alone."""
    settings: Settings = request.app.state.settings
    return request.url.scheme == "https" if settings.secure_cookies is None else settings.secure_cookies
