"""Pages: an opaque cursor that names the last row of the page before.

Keyset paging: a page begins after a position in the order, not after a count, so rows that come or go meanwhile neither
repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from automation_engine.errors import InvalidArgument
from automation_engine.v1.pagination_pb2 import Pagination

T = TypeVar("T")

DEFAULT_LIMIT = 50
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def write_cursor(*position: float | str) -> str:
    """Return the cursor for the page after the row at that position (the values of its sort columns)."""
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, *kinds: type, most: int = 2**31 - 1) -> tuple[Any, ...] | None:
    """Return the position that ``write_cursor`` wrote; None for no cursor. Raises ``InvalidArgument`` on ``cursor``.

    ``most`` is the largest number that the sort columns hold.
    """
    if not cursor:
        return None
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        position = None
    if (
        not isinstance(position, list)
        or [type(value) for value in position] != list(kinds)
        or not all(_storable(value, most) for value in position)
    ):
        raise InvalidArgument.of("cursor", f"must be a next_cursor of this list, unchanged; got {cursor!r}")
    return tuple(position)


def _storable(value: object, most: int) -> bool:
    """Whether a row can have the value: databases fail to compare with others, each in its own way."""
    if isinstance(value, int):
        return -most <= value <= most
    return not isinstance(value, str) or _UNSTORABLE.search(value) is None


def limit_of(request: Any, default: int = DEFAULT_LIMIT) -> int:
    """Return how many items a request wants at most."""
    return request.limit if request.HasField("limit") else default


def cut(
    rows: Sequence[T], limit: int, position: Callable[[T], tuple[float | str, ...]]
) -> tuple[Sequence[T], str | None]:
    """Return a page and the cursor for the next one, out of the rows of the page and the first one behind it."""
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    return page, write_cursor(*position(page[-1]))


def pagination(limit: int, next_cursor: str | None) -> Pagination:
    """Return where a page stands."""
    return Pagination(limit=limit, has_more=next_cursor is not None, next_cursor=next_cursor)
