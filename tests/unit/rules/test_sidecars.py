"""Sidecars: what is said of malformed patterns, and which files are told apart by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation_engine.errors import InvalidArgument
from automation_engine.rules.selection import compile_selection
from automation_engine.rules.sidecars import compile_sidecar
from tests.unit.rules.world import WATCH


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("", "must have 1 to 128 characters, has 0"),
        ("*", "every file would be a sidecar: add what tells them apart, such as *.done"),
        ("*.*", "may have one *, which stands for the file's name"),
        ("a/*.done", "is a name with at most one *, and can't have /"),
        ("[a]?.{done}\\", "is a name with at most one *, and can't have ? [ \\ ] { }"),
    ],
)
def test_a_malformed_pattern_is_refused_with_the_field_and_the_problem(pattern: str, problem: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        compile_sidecar(pattern)
    (violation,) = refused.value.violations
    assert (violation.field, violation.message) == ("done_file_pattern", f"{problem}; got {pattern!r}")


def test_every_letter_may_stand_in_a_pattern() -> None:
    assert compile_sidecar("EXTRA_*.XML").matches("EXTRA_clip.XML")


def test_only_a_selection_that_asks_for_sidecars_knows_any() -> None:
    asking = compile_selection(replace(WATCH, done_file_pattern="*.done"))
    assert (asking.is_sidecar("a.done"), asking.is_sidecar("a.mp4")) == (True, False)
    assert not compile_selection(WATCH).is_sidecar("a.done")
