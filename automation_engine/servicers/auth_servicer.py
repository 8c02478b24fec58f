"""``AuthService``: what clients ask about their own credentials."""

from __future__ import annotations

from typing import Any

from automation_engine.v1 import auth_service_pb2 as pb
from automation_engine.v1.auth_service_pb2_grpc import AuthServiceServicer

_NO_CONTENT = (("x-http-code", "204"),)


class AuthServicer(AuthServiceServicer):
    """The interceptors have checked the credentials by the time a method runs."""

    async def ValidateCredentials(
        self,
        request: pb.ValidateCredentialsRequest,
        context: Any,
    ) -> pb.ValidateCredentialsResponse:
        """Succeed; over REST with 204."""
        context.set_trailing_metadata(_NO_CONTENT)
        return pb.ValidateCredentialsResponse()

    async def RecordProcessingActivity(
        self,
        request: pb.RecordProcessingActivityRequest,
        context: Any,
    ) -> pb.RecordProcessingActivityResponse:
        """Accept it."""
        return pb.RecordProcessingActivityResponse(accepted=True)
