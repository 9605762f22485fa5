"""REST of privacy, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Response

from mes.access.door import Caller, caller
from mes.access.door.preconditions import IfMatch, etag, expected_version
from mes.access.door.routing import api_router
from mes.access.permissions import Permission
from mes.access.privacy import queries, service
from mes.access.privacy.schemas import PrivacyPolicyIn, PrivacyPolicyOut

router = api_router("access")
Administrator = Annotated[Caller, Depends(caller(Permission.manage_access))]


@router.get("/privacy-policy")
async def get_privacy_policy(caller: Administrator, response: Response) -> PrivacyPolicyOut:
    """What is kept and told of people; version 0: nobody has said anything."""
    policy = await caller.read(queries.get_privacy_policy)
    response.headers["ETag"] = etag(policy.version)
    return PrivacyPolicyOut.of(policy)


@router.put("/privacy-policy")
async def put_privacy_policy(
    caller: Administrator, body: PrivacyPolicyIn, response: Response, if_match: IfMatch = None
) -> PrivacyPolicyOut:
    """Say what is kept and told of people from now on."""
    version = expected_version(if_match, body.version)
    await caller.write(service.put_privacy_policy, policy=body.policy(), version=version)
    return await get_privacy_policy(caller, response)
