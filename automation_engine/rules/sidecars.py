"""Sidecars: small files beside others that declare them whole.

A pattern is a name with at most one ``*``, which stands for the name of the file that is declared, with or without its
extension: under ``*.done``, either of ``clip.mp4.done`` and ``clip.done`` declares the ``clip.mp4`` in its folder.
Without ``*`` it is a marker, such as ``_SUCCESS``, that declares every file in its folder. Case matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from automation_engine.errors import InvalidArgument

MAX_SIDECAR = 128
_FORBIDDEN = "/?[]{}\\"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A compiled pattern. Build it with ``compile_sidecar``."""

    source: str
    head: str
    tail: str
    marker: bool
    """Whether one sidecar declares a whole folder."""

    def matches(self, path: str) -> bool:
        """Whether the path below the watched folder names a sidecar."""
        name = path[path.rfind("/") + 1 :]
        if self.marker:
            return name == self.source
        stands_for_something = len(name) > len(self.head) + len(self.tail)
        return stands_for_something and name.startswith(self.head) and name.endswith(self.tail)

    def of(self, path: str) -> tuple[str, ...]:
        """Return the paths of the sidecars any of which declares the file of that path."""
        folder, slash, name = path.rpartition("/")
        if self.marker:
            return (f"{folder}{slash}{self.source}",)
        stem = name.rpartition(".")[0] or name
        names = (name,) if stem == name else (name, stem)
        return tuple(f"{folder}{slash}{self.head}{declared}{self.tail}" for declared in names)


@lru_cache(maxsize=1024)
def compile_sidecar(source: str) -> Sidecar:
    """Compile a pattern. Raises ``InvalidArgument`` on ``done_file_pattern`` that says what is wrong with it."""
    if reason := _fault(source):
        raise InvalidArgument.of("done_file_pattern", f"{reason}; got {source!r}")
    head, star, tail = source.partition("*")
    return Sidecar(source, head, tail, marker=not star)


def _fault(source: str) -> str | None:
    if not 1 <= len(source) <= MAX_SIDECAR:
        return f"must have 1 to {MAX_SIDECAR} characters, has {len(source)}"
    if source == "*":
        return "every file would be a sidecar: add what tells them apart, such as *.done"
    if source.count("*") > 1:
        return "may have one *, which stands for the file's name"
    if found := sorted(set(source).intersection(_FORBIDDEN)):
        return f"is a name with at most one *, and can't have {' '.join(found)}"
    return None
