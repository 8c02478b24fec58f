"""The table of all routes, ``tests/cases/routes.yaml``, and what the protos serve."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.codec import Codec
from gateway.stubs import load_stubs
from gateway.transcoder import compile_bindings

_TABLE = Path(__file__).parents[1] / "cases" / "routes.yaml"
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route, who may call it, and a request in which ``{kind}`` stands for an id.

    ``refused`` is the status of that request where it is refused to its owner, too.
    """

    route: str
    scope: str
    query: str = ""
    body: Any = None
    refused: int = 409

    def __str__(self) -> str:
        return self.route

    @property
    def slots(self) -> list[str]:
        """The kinds of ids that the request names, those of the path first."""
        return list(dict.fromkeys(_SLOT.findall(f"{self.route} {self.query} {json.dumps(self.body)}")))

    @property
    def path_slots(self) -> list[str]:
        """The kinds of ids in the path."""
        return _SLOT.findall(self.route)

    def request(self, ids: Mapping[str, str]) -> tuple[str, str, Any]:
        """Return method, target and body with these ids."""
        method, path = self.route.split(" ", 1)
        target = f"{path}?{self.query}" if self.query else path
        return method, _filled(target, ids), _filled(self.body, ids)


def _filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _SLOT.sub(lambda found: ids[found[1]], value)
    if isinstance(value, list):
        return [_filled(item, ids) for item in value]
    if isinstance(value, dict):
        return {name: _filled(item, ids) for name, item in value.items()}
    return value


def listed_routes() -> list[Route]:
    """Return the table."""
    return [Route(**row) for row in yaml.safe_load(_TABLE.read_text())]


def served_routes() -> set[str]:
    """Return every route that the gateway serves, without its prefix."""
    stubs = load_stubs("automation_engine.v1")
    bindings = compile_bindings(stubs.services, Codec(stubs.rest_name))
    return {f"{one.rule.http_method} {one.rule.template.removeprefix('/api/v2')}" for one in bindings}
