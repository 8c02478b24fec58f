"""Request ids: ``x-request-id`` comes in as metadata, or is made here, and goes out as initial metadata.

Servicers put what they have to say into the trailing metadata; a stream that must say it ahead passes it to ``answer``.
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
_unanswered: ContextVar[bool] = ContextVar("unanswered", default=False)


def current() -> str:
    """Return the present call's request id, for logs; empty outside of a call."""
    return _current.get()


async def answer(context: Any, *more: tuple[str, str]) -> None:
    """Send the initial metadata, the present call's id and ``more``: once, before anything else is sent."""
    if _unanswered.get():
        _unanswered.set(False)
        await context.send_initial_metadata(((METADATA_KEY, current()), *more))


class RequestIds(CallInterceptor):
    """Gives every call its id. One that is no 1 to 128 visible ASCII characters is replaced."""

    @asynccontextmanager
    async def around(self, call: Call, request: Any, context: Any) -> AsyncIterator[None]:  # noqa: ARG002 - any request
        """Enter the id and answer with it, whatever becomes of the call."""
        given = call.metadata.get(METADATA_KEY)
        request_id = given if isinstance(given, str) and _VALID.fullmatch(given) else secrets.token_hex(16)
        _current.set(request_id)
        _unanswered.set(True)
        yield
        await answer(context)

    async def answering(self, context: Any) -> None:
        """Answer with the id before the first message of a stream."""
        await answer(context)
