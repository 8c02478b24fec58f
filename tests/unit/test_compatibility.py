"""The table of docs/compatibility.md names every route with its scope, and only tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.routes import listed_routes

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| `([A-Z]+ /[^`]*)`(?: ¹)? \| (\w+) \| `([^`]+)::(\w+)` \|$", re.MULTILINE)
ROWS = _ROW.findall((ROOT / "docs" / "compatibility.md").read_text())


def test_every_route_stands_there_once_with_its_scope() -> None:
    assert sorted((route, scope) for route, scope, _, _ in ROWS) == sorted(
        (str(route), route.scope) for route in listed_routes()
    )


@pytest.mark.parametrize(("file", "test"), sorted({(file, test) for _, _, file, test in ROWS}))
def test_what_proves_a_route_is_there(file: str, test: str) -> None:
    assert re.search(rf"^(async )?def {test}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE)
