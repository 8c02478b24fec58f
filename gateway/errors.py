"""Errors as the REST side sees them: one body for every failure, one table from ``google.rpc.Code`` to HTTP.

The body is ``{"error": {"code", "message", "details", "request_id", "timestamp"}}``. ``code`` is the
``ErrorInfo.reason`` of the status in lower snake case, else the word of its gRPC code; ``details`` holds the
``ErrorInfo.metadata`` and the field violations.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from google.rpc import code_pb2, error_details_pb2, status_pb2

HTTP_STATUS: Mapping[int, int] = {
    code_pb2.OK: 200,
    code_pb2.CANCELLED: 499,
    code_pb2.INVALID_ARGUMENT: 422,
    code_pb2.DEADLINE_EXCEEDED: 504,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.UNAUTHENTICATED: 401,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.FAILED_PRECONDITION: 409,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 422,
    code_pb2.UNIMPLEMENTED: 501,
    code_pb2.UNAVAILABLE: 503,
}
"""HTTP status by ``google.rpc.Code``; what is missing (UNKNOWN, INTERNAL, DATA_LOSS, codes of the future) is 500.

ABORTED with a ``PreconditionFailure`` is a stale etag (AIP-154): 412.
"""

_WORDS = {
    code_pb2.INVALID_ARGUMENT: "validation_error",
    code_pb2.INTERNAL: "internal_error",
    code_pb2.UNKNOWN: "internal_error",
    code_pb2.DATA_LOSS: "internal_error",
}
_MAX_VIOLATIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field that is not as it must be: its path (``items[2].name``, empty: the whole) and what would be right."""

    field: str
    message: str

    def __str__(self) -> str:
        """``field: message``, as it stands in the error's message."""
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidFields(Exception):
    """A JSON value, path or query that does not fit its message. Paths grow outwards as it passes its parents."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = list(violations)[:_MAX_VIOLATIONS]
        super().__init__(_joined_text(self.violations))

    @classmethod
    def of(cls, message: str, name: str = "") -> InvalidFields:
        """One violation, of the value at hand unless named."""
        return cls([Violation(field=name, message=message)])

    def under(self, parent: str) -> list[Violation]:
        """The same violations seen from one level further out."""
        return [Violation(field=_joined(parent, v.field), message=v.message) for v in self.violations]


def _joined(parent: str, child: str) -> str:
    if not child or child.startswith("["):
        return parent + child
    return f"{parent}.{child}"


class RpcFailure(Exception):
    """An RPC ended with a status other than OK. ``metadata`` is its trailing metadata."""

    def __init__(self, status: status_pb2.Status, metadata: Sequence[tuple[str, str | bytes]] = ()) -> None:
        self.status = status
        self.metadata = tuple(metadata)
        super().__init__(status.message)


@dataclass(slots=True, kw_only=True)
class HttpProblem(Exception):
    """An answer that is an error: HTTP status, stable code, message for people, details for programs, extra headers."""

    status: int
    code: str
    message: str
    details: dict[str, object] = field(default_factory=dict)
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __str__(self) -> str:
        """For logs."""
        return f"{self.status} {self.code}: {self.message}"

    def body(self, request_id: str) -> bytes:
        """The contract's error body as JSON."""
        now = datetime.now(UTC).replace(microsecond=0)
        error = {
            "code": self.code,
            "message": self.message,
            "details": self.details,
            "request_id": request_id,
            "timestamp": now,
        }
        return orjson.dumps({"error": error}, option=orjson.OPT_UTC_Z)


def invalid(fault: InvalidFields, *, code: str = "validation_error") -> HttpProblem:
    """422 with every violation."""
    return HttpProblem(status=422, code=code, message=str(fault), details={"violations": _listed(fault.violations)})


def problem_of(failure: RpcFailure, *, body: str = "") -> HttpProblem:
    """What a failed RPC looks like over HTTP. Texts of unexpected exceptions stay inside.

    ``body`` is the field that the HTTP body was: a client of REST does not see it, so violations are named from within.
    """
    status = failure.status
    info, violations, retry = _opened(status)
    stale = status.code == code_pb2.ABORTED and _has_precondition(status)
    message = _safe_message(status, known=info is not None)
    if body and violations:
        inner = [Violation(field=v.field.removeprefix(f"{body}."), message=v.message) for v in violations]
        message = _joined_text(inner) if message == _joined_text(violations) else message
        violations = inner
    details: dict[str, object] = dict(info.metadata) if info else {}
    if violations:
        details["violations"] = _listed(violations)
    return HttpProblem(
        status=412 if stale else HTTP_STATUS.get(status.code, 500),
        code=_snake(info.reason) if info and info.reason else _word(status.code),
        message=message,
        details=details,
        headers=_headers(status.code, retry),
    )


def _opened(
    status: status_pb2.Status,
) -> tuple[error_details_pb2.ErrorInfo | None, list[Violation], error_details_pb2.RetryInfo | None]:
    info: error_details_pb2.ErrorInfo | None = None
    retry: error_details_pb2.RetryInfo | None = None
    violations: list[Violation] = []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            violations += [Violation(field=v.field, message=v.description) for v in bad.field_violations]
    return info, violations, retry


def _has_precondition(status: status_pb2.Status) -> bool:
    return any(detail.Is(error_details_pb2.PreconditionFailure.DESCRIPTOR) for detail in status.details)


def _joined_text(violations: Iterable[Violation]) -> str:
    return "; ".join(map(str, violations))


def _listed(violations: Iterable[Violation]) -> list[dict[str, str]]:
    return [{"field": v.field, "message": v.message} for v in violations]


def _snake(reason: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", reason).lower()).strip("_")


def _word(code: int) -> str:
    if code in _WORDS:
        return _WORDS[code]
    return code_pb2.Code.Name(code).lower() if code in code_pb2.Code.values() else "internal_error"


def _safe_message(status: status_pb2.Status, *, known: bool) -> str:
    # grpc.aio makes "Unexpected <class …>: text" of a handler that raised: neither class nor text is for clients.
    unexpected = status.message.startswith("Unexpected <class")
    if known and not unexpected:
        return str(status.message)
    if HTTP_STATUS.get(status.code, 500) == 500:
        return "Internal error; the request id finds it in the server's log."
    return _word(status.code).replace("_", " ") if unexpected or not status.message else str(status.message)


def _headers(code: int, retry: error_details_pb2.RetryInfo | None) -> tuple[tuple[bytes, bytes], ...]:
    headers: list[tuple[bytes, bytes]] = []
    if code == code_pb2.UNAUTHENTICATED:
        headers.append((b"www-authenticate", b"Bearer"))
    if retry is not None:
        seconds = math.ceil(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)
        headers.append((b"retry-after", str(max(1, seconds)).encode()))
    elif code == code_pb2.RESOURCE_EXHAUSTED:
        headers.append((b"retry-after", b"1"))
    return tuple(headers)
