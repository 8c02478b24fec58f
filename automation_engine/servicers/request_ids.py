"""Request ids: ``x-request-id`` comes in as metadata, or is made here, and goes out as initial metadata.

Initial metadata belong to the request id alone: servicers put what they have to say into the trailing ones.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from automation_engine.servicers.calls import Call, CallInterceptor

METADATA_KEY = "x-request-id"

_VALID = re.compile(r"[\x21-\x7e]{1,128}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Return the present call's request id, for logs; empty outside of a call."""
    return _current.get()


class RequestIds(CallInterceptor):
    """Gives every call its id. One that is no 1 to 128 visible ASCII characters is replaced."""

    @asynccontextmanager
    async def around(self, call: Call, request: Any, context: Any) -> AsyncIterator[None]:  # noqa: ARG002 - any request
        """Enter the id and answer with it, whatever becomes of the call."""
        given = call.metadata.get(METADATA_KEY)
        request_id = given if isinstance(given, str) and _VALID.fullmatch(given) else secrets.token_hex(16)
        _current.set(request_id)
        await context.send_initial_metadata(((METADATA_KEY, request_id),))
        yield
