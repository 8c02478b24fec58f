"""Who calls: set by the authentication interceptor, read by every servicer."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum

from automation_engine.errors import Unauthenticated


class Scope(IntEnum):
    """What a caller may do. Scopes nest: each includes those below it."""

    SEARCH = 1
    READ = 2
    WRITE = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller. Everything that it creates and sees belongs to ``owner``.

    ``key_id`` names its credentials in histories: the id of an API key, or ``jwt:`` and the subject of a token.
    """

    owner: str
    key_id: str
    scope: Scope


_current: ContextVar[Caller | None] = ContextVar("caller", default=None)


def enter(caller: Caller | None) -> None:
    """Make a caller the current one, for the present call only: every call runs in a context of its own."""
    _current.set(caller)


def current() -> Caller:
    """Return the present caller. Raises ``Unauthenticated`` on a method that needs none."""
    caller = _current.get()
    if caller is None:
        raise Unauthenticated("this call needs an API key: send it as X-API-Key or as Authorization: Bearer")
    return caller
