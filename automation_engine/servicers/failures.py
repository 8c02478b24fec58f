"""What went wrong, as a ``google.rpc.Status``: the one place where an exception becomes a status.

Every status has an ``ErrorInfo`` whose ``reason`` is the error's stable code in upper case; an invalid argument has a
``BadRequest`` with a violation for each field, a stale write a ``PreconditionFailure``, one call too many a
``RetryInfo``. Trailing metadata that were set before the failure go out with it. A client gets at most 16 KiB of
metadata, percent-encoded where it is no ASCII, and refuses the whole answer above that: so what is told is bounded.

Source: ``google/rpc/error_details.proto``; AIP-154, AIP-193.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo
from grpc_status import rpc_status
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from automation_engine.errors import EngineError, InvalidArgument, RateLimited, StaleWrite, Violation
from automation_engine.servicers import request_ids
from automation_engine.servicers.calls import Call, CallInterceptor

DOMAIN = "automation-engine"

_MAX_MESSAGE = 1000  # bytes of UTF-8, three times as many percent-encoded
_MAX_VIOLATIONS = 2000  # bytes of UTF-8
_MAX_DETAIL = 200  # bytes of UTF-8, for each of a few
_SQLITE_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
)
_NOT_IN_REPERTOIRE = "22021"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_log = logging.getLogger(__name__)


class Ended(Exception):
    """Ends a call with a status that is known already."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


class Failures(CallInterceptor):
    """Ends a call that raised with the status that the exception means. A cancelled call stays cancelled."""

    @asynccontextmanager
    async def around(self, call: Call, request: Any, context: Any) -> AsyncIterator[None]:  # noqa: ARG002 - any request
        """Map what is raised within."""
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except EngineError as error:
            await _abort(context, status_of(error))
        except Ended as ended:
            await _abort(context, ended.status)
        except Exception as error:  # noqa: BLE001 - whatever it is: clients get a status, never a traceback
            if _holds_nul(error):
                refused = InvalidArgument.of("", "no text may hold the character U+0000")
                await _abort(context, status_of(refused))
            _log.exception("%s failed, request id %s", call.method, request_ids.current())
            await _abort(context, _unexpected(error))


async def _abort(context: Any, status: status_pb2.Status) -> NoReturn:
    told = rpc_status.to_status(status)
    await request_ids.answer(context)
    before = context.trailing_metadata() or ()
    await context.abort(told.code, told.details, (*before, *told.trailing_metadata))
    raise AssertionError("abort returns to nobody")


def status_of(error: EngineError) -> status_pb2.Status:
    """Return the status of one of the engine's own errors."""
    status = _status(error.status, error.code, error.message, error.details.items())
    if isinstance(error, InvalidArgument):
        _attach(status, BadRequest(field_violations=list(_told(error.violations))))
    if isinstance(error, StaleWrite):
        violation = PreconditionFailure.Violation(type="ETAG", subject="etag", description=status.message)
        _attach(status, PreconditionFailure(violations=[violation]))
    if isinstance(error, RateLimited):
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(math.ceil(error.retry_after * 1000))
        _attach(status, retry)
    return status


def _unexpected(error: Exception) -> status_pb2.Status:
    found = [("request_id", request_ids.current())]
    if _database_away(error):
        return _status("UNAVAILABLE", "database_unavailable", "the database does not answer: try again later", found)
    message = f"internal error; request id {request_ids.current()} finds it in the server's log"
    return _status("INTERNAL", "internal_error", message, found)


def _holds_nul(error: Exception) -> bool:
    """Whether PostgreSQL was asked about a text that it can't hold; SQLite finds nothing of that name."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _NOT_IN_REPERTOIRE


def _database_away(error: Exception) -> bool:
    """Whether it is the database's state, not our statement, that made a statement fail."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode & 0xFF in _SQLITE_PASSING  # the rest extends the primary code
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return isinstance(error, PoolTimeout | ConnectionError)


def _status(name: str, code: str, message: str, details: Iterable[tuple[str, str]]) -> status_pb2.Status:
    status = status_pb2.Status(code=code_pb2.Code.Value(name), message=_shortened(message, _MAX_MESSAGE))
    metadata = {key: _shortened(value, _MAX_DETAIL) for key, value in details}
    _attach(status, ErrorInfo(reason=code.upper(), domain=DOMAIN, metadata=metadata))
    return status


def _attach(status: status_pb2.Status, detail: Message) -> None:
    status.details.add().Pack(detail)


def _told(violations: Iterable[Violation]) -> Iterable[BadRequest.FieldViolation]:
    """Yield as many violations as there is room for, at least one."""
    left = _MAX_VIOLATIONS
    for violation in violations:
        field, description = _shortened(violation.field, _MAX_DETAIL), _shortened(violation.message, _MAX_MESSAGE)
        left -= len(field.encode()) + len(description.encode())
        if left < 0:
            return
        yield BadRequest.FieldViolation(field=field, description=description)


def _shortened(text: str, most: int) -> str:
    # Paths of files may hold lone surrogates, which no message can.
    data = text.encode("utf-8", "replace")
    return data.decode() if len(data) <= most else data[: most - 3].decode("utf-8", "ignore") + "…"
