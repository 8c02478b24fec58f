"""Request headers → metadata and deadline; metadata → response headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from random import getrandbits

from starlette.types import Scope

from gateway.errors import HttpProblem
from gateway.etags import is_known, version_of
from gateway.local_context import Metadata

FORWARDED = tuple(
    (key.encode(), key) for key in ("x-api-key", "authorization", "idempotency-key", "if-match", "if-none-match")
)
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
_STRONG_ETAG = re.compile(rb'"(?!\*")([\x21\x23-\x7e]+)"')
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


class RequestHeaders:
    """The headers of a request, read when asked for. A missing or unprintable request id is replaced by a new one."""

    __slots__ = ("_get", "request_id")

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        fields = dict(headers)
        self._get = (fields if len(fields) == len(headers) else _joined(headers)).get
        given = self._get(b"x-request-id")
        known = given is not None and _TOKEN.fullmatch(given) is not None
        self.request_id = given.decode() if given is not None and known else f"{getrandbits(128):032x}"

    @property
    def length(self) -> int:
        """Bytes of the body; 0 without one, -1 when it is not known beforehand."""
        length = self._get(b"content-length")
        if length is None:
            return 0 if self._get(b"transfer-encoding") is None else -1
        return int(length) if length.isdigit() else -1

    @property
    def content_type(self) -> str:
        """As it was sent; empty without one."""
        return (self._get(b"content-type") or b"").decode("latin-1")

    @property
    def content_encoding(self) -> str:
        """In lower case; empty without one."""
        return (self._get(b"content-encoding") or b"").decode("latin-1").lower()

    @property
    def if_match(self) -> str | None:
        """The version that a request is made for, without quotes; ``*`` for any that there is; None for no header.

        Raises:
            HttpProblem: it is weak, a list, or no etag at all (422 ``invalid_header``).
        """
        given = self._get(b"if-match")
        if given is None or given == b"*":
            return None if given is None else "*"
        if (found := _STRONG_ETAG.fullmatch(given)) is None:
            raise _invalid(b"if-match", 'must be one strong etag in quotes, such as "a-1", or *')
        return version_of(found[1].decode())

    @property
    def accept(self) -> str:
        """As it was sent; empty without one."""
        return (self._get(b"accept") or b"").decode("latin-1")

    def knows(self, etag: bytes) -> bool:
        """Whether ``If-None-Match`` names it."""
        given = self._get(b"if-none-match")
        return given is not None and is_known(given, etag)

    def metadata(self, scope: Scope) -> list[tuple[str, str]]:
        """The RPC's metadata: credentials and preconditions, the request id, the origin that the client addressed.

        Raises:
            HttpProblem: a header holds what metadata cannot (422 ``invalid_header``).
        """
        metadata = [("x-request-id", self.request_id), ("x-forwarded-proto", scope.get("scheme", "http"))]
        for name, key in FORWARDED:
            if (value := self._get(name)) is not None:
                if not _PRINTABLE.fullmatch(value):
                    raise _invalid(name, "must be printable ASCII")
                metadata.append((key, value.decode()))
        host = self._get(b"host")
        if host is not None and _TOKEN.fullmatch(host):
            metadata.append(("x-forwarded-host", host.decode()))
        if client := scope.get("client"):
            metadata.append(("x-forwarded-for", client[0]))
        return metadata

    def deadline(self, default: float) -> float:
        """Seconds that the call may take. Raises HttpProblem for a timeout that is none."""
        if (given := self._get(b"grpc-timeout")) is not None:
            if (found := _GRPC_TIMEOUT.fullmatch(given)) is None:
                raise _invalid(b"grpc-timeout", "must be at most eight digits and a unit of H, M, S, m, u, n")
            return int(found[1]) * _UNITS[found[2]]
        if (given := self._get(b"x-request-timeout")) is not None:
            if (found := _PLAIN_TIMEOUT.fullmatch(given)) is None:
                raise _invalid(b"x-request-timeout", "must be seconds, such as 30 or 1.5s")
            return float(found[1])
        return default


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


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Fields of which some come in several lines: each is one list (RFC 9110, 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value
    return fields


def _invalid(name: bytes, message: str) -> HttpProblem:
    violation = {"field": name.decode(), "message": message}
    text = f"{name.decode()}: {message}"
    return HttpProblem(status=422, code="invalid_header", message=text, details={"violations": [violation]})
