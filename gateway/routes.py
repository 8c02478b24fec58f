"""The route table: a trie over the segments of the *raw* path, so that an escaped slash stays inside its segment.

At each segment a literal beats ``*`` and ``*`` beats ``**``; a more general template is tried when the more special
one does not lead to a route of that HTTP method. A ``:verb`` that some template knows at that place is a verb, never
part of a variable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from gateway.templates import Segment, Template, Wildcard, decode, escaped

T = TypeVar("T")
ANY_METHOD = "*"
_RECENT, _SHORT = 1024, 256
"""How many requests' routes are remembered, and up to how many bytes of path: a quarter of a MiB at most."""


class RouteConflictError(ValueError):
    """Two templates match the same requests; the message names both."""


class Match(NamedTuple, Generic[T]):
    """The route's target and the raw path segments (the verb cut off), from which its variables take their values."""

    target: T
    segments: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """No route. ``allowed`` holds the methods that the path has; empty when the path is unknown."""

    allowed: tuple[str, ...]


@dataclass(slots=True)
class _Route(Generic[T]):
    name: str
    target: T


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: dict[str, _Node[T]] = field(default_factory=dict)
    one: _Node[T] | None = None
    rest: _Node[T] | None = None
    ends: dict[str, dict[str, _Route[T]]] = field(default_factory=dict)  # by verb, then by method

    def child(self, segment: Segment) -> _Node[T]:
        if segment is Wildcard.ONE:
            self.one = self.one or _Node()
            return self.one
        if segment is Wildcard.REST:
            self.rest = self.rest or _Node()
            return self.rest
        return self.literals.setdefault(segment, _Node())


@dataclass(slots=True)
class Routes(Generic[T]):
    """Templates and what they lead to."""

    _root: _Node[T] = field(default_factory=_Node)
    _verbs: set[str] = field(default_factory=set)
    _recent: Any = field(init=False)  # _match, remembered

    def __post_init__(self) -> None:
        self._recent = lru_cache(_RECENT)(self._match)

    def add(self, http_method: str, template: Template, target: T, *, name: str) -> None:
        """Add a route; ``http_method`` may be ``*``. ``name`` is what a conflict is reported under.

        Raises:
            RouteConflictError: the same method and a template equal but for the names of its variables.
        """
        self._recent.cache_clear()
        node = self._root
        for segment in template.segments:
            node = node.child(segment)
        end = node.ends.setdefault(template.verb, {})
        if (other := end.get(http_method)) is not None:
            raise RouteConflictError(f"{http_method} {template.text} of {name} conflicts with {other.name}")
        end[http_method] = _Route(f"{http_method} {template.text} of {name}", target)
        if template.verb:
            self._verbs.add(template.verb)

    def match(self, http_method: str, raw_path: bytes) -> Match[T] | Miss:
        """Find the route of a request. HEAD falls back to GET."""
        # Clients ask for the same few paths again and again; a long one is nobody's habit.
        find: Callable[[str, bytes], Match[T] | Miss] = self._recent if len(raw_path) <= _SHORT else self._match
        return find(http_method, raw_path)

    def _match(self, http_method: str, raw_path: bytes) -> Match[T] | Miss:
        segments = escaped(raw_path).split("/")[1:]
        last, colon, verb = segments[-1].rpartition(":") if segments else ("", "", "")
        if colon and verb in self._verbs:
            shortened = [*segments[:-1], last]
            found = self._search(http_method, shortened, verb)
            if isinstance(found, Match) or found.allowed:
                return found
        return self._search(http_method, segments, "")

    def _search(self, http_method: str, segments: list[str], verb: str) -> Match[T] | Miss:
        allowed: set[str] = set()
        methods = (http_method, "GET", ANY_METHOD) if http_method == "HEAD" else (http_method, ANY_METHOD)
        route = _find(self._root, segments, 0, verb, methods, allowed)
        if route is not None:
            return Match(target=route.target, segments=segments)
        return Miss(allowed=tuple(sorted(allowed | {"HEAD"} if "GET" in allowed else allowed)))


def _find(  # noqa: PLR0917 - one recursive step, called for each segment of each request
    node: _Node[T], segments: list[str], index: int, verb: str, methods: tuple[str, ...], allowed: set[str]
) -> _Route[T] | None:
    while index < len(segments) and node.one is None and node.rest is None:
        segment = segments[index]
        literal = node.literals.get(segment if "%" not in segment else _decoded(segment))
        if literal is None:
            return None
        node, index = literal, index + 1
    if index == len(segments):
        if (route := _end(node, verb, methods, allowed)) or node.rest is None:
            return route
        return _end(node.rest, verb, methods, allowed)
    segment = segments[index]
    child = node.literals.get(segment if "%" not in segment else _decoded(segment))
    if child is not None and (route := _find(child, segments, index + 1, verb, methods, allowed)):
        return route
    if node.one is not None and segment and (route := _find(node.one, segments, index + 1, verb, methods, allowed)):
        return route
    return _end(node.rest, verb, methods, allowed) if node.rest is not None else None


def _end(node: _Node[T], verb: str, methods: tuple[str, ...], allowed: set[str]) -> _Route[T] | None:
    end = node.ends.get(verb)
    if not end:
        return None
    for http_method in methods:
        if http_method in end:
            return end[http_method]
    allowed.update(end)
    return None


def _decoded(segment: str) -> str:
    try:
        return decode(segment)
    except ValueError:
        return segment  # no literal is like that; a variable's own decoding reports it
