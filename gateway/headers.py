"""Request headers → metadata and deadline; metadata → response headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import getrandbits

from starlette.types import Scope

from gateway.dispatch import Metadata
from gateway.errors import HttpProblem

FORWARDED = frozenset({b"authorization", b"idempotency-key", b"if-match", b"if-none-match", b"x-api-key"})
"""Request headers that become metadata under their lower-case names."""

RETURNED = frozenset(
    {
        "cache-control",
        "content-disposition",
        "etag",
        "idempotency-replayed",
        "last-modified",
        "location",
        "retry-after",
        "www-authenticate",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    }
)
"""Initial or trailing metadata that become response headers."""

STATUS_KEY = "x-http-code"
"""Metadata by which a servicer chooses another 2xx status for its answer."""

_TOKEN = re.compile(rb"[\x21-\x7e]{1,128}")
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")
_GRPC_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_PLAIN_TIMEOUT = re.compile(rb"(\d{1,8}(?:\.\d{1,9})?)s?")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


@dataclass(slots=True, kw_only=True)
class RequestHeaders:
    """What the transcoder reads from the headers of a request. ``length`` is -1 when the body's length is unknown."""

    request_id: str
    content_type: str
    content_encoding: str
    length: int
    host: str
    timeout: bytes
    grpc_timeout: bytes
    forwarded: list[tuple[bytes, bytes]]

    def metadata(self, scope: Scope) -> list[tuple[str, str]]:
        """The RPC's metadata: credentials and preconditions, the request id, the origin that the client addressed.

        Raises:
            HttpProblem: a header holds what metadata cannot (422 ``invalid_header``).
        """
        metadata = [("x-request-id", self.request_id)]
        for name, value in self.forwarded:
            if not _PRINTABLE.fullmatch(value):
                raise _invalid(name, "must be printable ASCII")
            metadata.append((name.decode(), value.decode()))
        if self.host:
            metadata.append(("x-forwarded-host", self.host))
        metadata.append(("x-forwarded-proto", scope.get("scheme", "http")))
        if scope.get("client"):
            metadata.append(("x-forwarded-for", scope["client"][0]))
        return metadata

    def deadline(self, default: float) -> float:
        """Seconds that the call may take. Raises HttpProblem for a timeout that is none."""
        if self.grpc_timeout:
            found = _GRPC_TIMEOUT.fullmatch(self.grpc_timeout)
            if found is None:
                raise _invalid(b"grpc-timeout", "must be at most eight digits and a unit of H, M, S, m, u, n")
            return int(found[1]) * _UNITS[found[2]]
        if self.timeout:
            found = _PLAIN_TIMEOUT.fullmatch(self.timeout)
            if found is None:
                raise _invalid(b"x-request-timeout", "must be seconds, such as 30 or 1.5s")
            return float(found[1])
        return default


def read_headers(headers: Sequence[tuple[bytes, bytes]]) -> RequestHeaders:
    """Sort the headers of an ASGI scope. A missing or unprintable request id is replaced by a new one."""
    one = dict(headers).get
    request_id, host, length = one(b"x-request-id", b""), one(b"host", b""), one(b"content-length", b"0")
    return RequestHeaders(
        request_id=request_id.decode() if _TOKEN.fullmatch(request_id) else f"{getrandbits(128):032x}",
        content_type=one(b"content-type", b"").decode("latin-1"),
        content_encoding=one(b"content-encoding", b"").decode("latin-1").lower(),
        length=int(length) if length.isdigit() and one(b"transfer-encoding") is None else -1,
        host=host.decode() if _TOKEN.fullmatch(host) else "",
        timeout=one(b"x-request-timeout", b""),
        grpc_timeout=one(b"grpc-timeout", b""),
        forwarded=[pair for pair in headers if pair[0] in FORWARDED],
    )


def returned(metadata: Metadata) -> tuple[int, list[tuple[bytes, bytes]]]:
    """The HTTP status of a success, and the headers that its metadata stand for."""
    status, headers = 200, list[tuple[bytes, bytes]]()
    for key, value in metadata:
        if not isinstance(value, str):
            continue
        if key in RETURNED and _HEADER_VALUE.fullmatch(value):
            headers.append((key.encode(), value.encode()))
        elif key == STATUS_KEY and re.fullmatch("20[0-8]", value):
            status = int(value)
    return status, headers


def _invalid(name: bytes, message: str) -> HttpProblem:
    violation = {"field": name.decode(), "message": message}
    text = f"{name.decode()}: {message}"
    return HttpProblem(status=422, code="invalid_header", message=text, details={"violations": [violation]})
