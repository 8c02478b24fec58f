"""Which keys an automation is about: below its folder, matched by its pattern, not excluded, not a sidecar."""

from __future__ import annotations

from dataclasses import dataclass

from automation_engine.rules.matching import Pattern, compile_pattern, folder
from automation_engine.rules.model import Watch
from automation_engine.rules.sidecars import Sidecar, compile_sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A compiled ``Watch``. Build it with ``compile_selection``."""

    folder: str
    recursive: bool
    pattern: Pattern
    excluding: tuple[Pattern, ...]
    sidecar: Sidecar | None

    def path(self, key: str) -> str:
        """Return a key's path below the watched folder."""
        return key[len(self.folder) :]

    def matches(self, path: str) -> bool:
        """Whether the object of a path that a listing held is watched."""
        if not self.pattern.matches(path):
            return False
        if self.is_sidecar(path):
            return False
        return not self.excluding or self.excluded_by(path) is None

    def watches(self, key: str) -> bool:
        """Whether the automation is about a key at all."""
        path = self.path(key)
        return key.startswith(self.folder) and (self.recursive or "/" not in path) and self.matches(path)

    def is_sidecar(self, path: str) -> bool:
        """Whether the path names a sidecar, which is never imported."""
        return self.sidecar is not None and self.sidecar.matches(path)

    def excluded_by(self, path: str) -> str | None:
        """Return the first pattern that excludes a path, or None."""
        for pattern in self.excluding:
            if pattern.matches(path):
                return pattern.source
        return None


def compile_selection(watch: Watch) -> Selection:
    """Compile what is watched. Raises ``InvalidArgument`` on the field whose pattern is malformed."""
    return Selection(
        folder=folder(watch.source_prefix),
        recursive=watch.recursive,
        pattern=compile_pattern(watch.file_pattern),
        excluding=tuple(
            compile_pattern(source, field=f"exclude_patterns[{at}]") for at, source in enumerate(watch.exclude_patterns)
        ),
        sidecar=None if watch.done_file_pattern is None else compile_sidecar(watch.done_file_pattern),
    )
