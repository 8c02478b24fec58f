"""Instants: seconds since the epoch in rows, ``Timestamp`` in messages."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(instant: float | None) -> Timestamp | None:
    """Return an instant as a message, to the microsecond; None stays None, as an unset field."""
    if instant is None:
        return None
    micros = round(instant * 1_000_000)
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)
