"""What a refused call says."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The status of a failed call: its name, message, reason, and the first violation of each field."""

    status: str
    message: str
    reason: str
    metadata: dict[str, str]
    fields: dict[str, str]


async def refusal(call: Awaitable[Any]) -> Refusal:
    """Expect a call to fail, and return what it says."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    status = rpc_status.from_call(raised.value)
    info, bad = ErrorInfo(), BadRequest()
    for detail in status.details if status else ():
        _ = detail.Unpack(info) or detail.Unpack(bad)
    return Refusal(
        status=raised.value.code().name,
        message=raised.value.details() or "",
        reason=info.reason,
        metadata=dict(info.metadata),
        fields={violation.field: violation.description for violation in reversed(bad.field_violations)},
    )
