"""``RateLimitService``: how much of its limit a caller has left, in the process that answers."""

from __future__ import annotations

from typing import Any

from automation_engine.servicers import caller
from automation_engine.servicers.rate_limits import RateLimits
from automation_engine.v1 import rate_limit_service_pb2 as pb
from automation_engine.v1.rate_limit_service_pb2_grpc import RateLimitServiceServicer

CATEGORY = "api"
"""The one category: every call counts the same."""

_PLAN = "default"


class RateLimitServicer(RateLimitServiceServicer):
    """Tells of ``limits``; None: there are none, and so no category."""

    def __init__(self, limits: RateLimits | None) -> None:
        self._limits = limits

    async def GetRateLimitStatus(
        self,
        request: pb.GetRateLimitStatusRequest,
        context: Any,
    ) -> pb.GetRateLimitStatusResponse:
        """Tell, which itself doesn't count."""
        return pb.GetRateLimitStatusResponse(status=self._status())

    async def RefreshRateLimit(
        self,
        request: pb.RefreshRateLimitRequest,
        context: Any,
    ) -> pb.RefreshRateLimitResponse:
        """Tell: nothing is kept that could be out of date."""
        return pb.RefreshRateLimitResponse(status=self._status())

    def _status(self) -> pb.RateLimitStatus:
        by = caller.current()
        status = pb.RateLimitStatus(user_id=by.owner, plan_id=_PLAN)
        if self._limits is not None:
            level = self._limits.callers.look(by.key_id)
            hour_limit = self._limits.callers.per_minute * 60
            status.categories[CATEGORY].CopyFrom(
                pb.RateLimitCategory(
                    minute_used=level.limit - level.remaining,
                    minute_limit=level.limit,
                    minute_remaining=level.remaining,
                    hour_used=level.hour_used,
                    hour_limit=hour_limit,
                    hour_remaining=max(0, hour_limit - level.hour_used),
                    reset_at=self._limits.reset_at(level),
                )
            )
        return status
