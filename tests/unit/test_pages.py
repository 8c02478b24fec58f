"""Cursors: opaque to clients, and checked before a database sees what is in them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from automation_engine.errors import InvalidArgument
from automation_engine.servicers.pages import read_cursor, write_cursor


def _made_up(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_cursor_leads_back_to_its_position() -> None:
    assert read_cursor(write_cursor("in/ü 🎬.mp4", 2**31 - 1), str, int) == ("in/ü 🎬.mp4", 2**31 - 1)
    assert read_cursor(write_cursor("a", 2**40), str, int, most=2**63 - 1) == ("a", 2**40)
    assert read_cursor("", str, int) is None


@pytest.mark.parametrize(
    "position",
    [
        ["a"],
        ["a", 1, 2],
        ["a", True],
        ["a", 1.0],
        {"a": 1},
        None,
        ["a", 2**31],
        ["a", -(2**31)],
        ["half of a pair: \ud800", 1],
        ["nul: \0", 1],
    ],
)
def test_what_no_page_of_this_list_ended_with_is_refused(position: Any) -> None:
    """Also what a database would choke on: a client that makes cursors up is told so."""
    with pytest.raises(InvalidArgument) as refused:
        read_cursor(_made_up(position), str, int)
    assert [violation.field for violation in refused.value.violations] == ["cursor"]
