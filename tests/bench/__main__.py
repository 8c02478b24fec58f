"""``python -m tests.bench [GROUP…] [--json FILE]``: ratios, side by side in one run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import uvloop
from rich.console import Console

from tests.bench import connectors, gateway, ledger, rules, simulation
from tests.bench.measure import Figure, document, pin, table

GROUPS: dict[str, Callable[[], Coroutine[Any, Any, list[Figure]]]] = {
    "rules": rules.measure,
    "ledger": ledger.measure,
    "connectors": connectors.measure,
    "gateway": gateway.measure,
    "simulation": simulation.measure,
}


def main(
    groups: Annotated[
        list[str] | None, typer.Argument(help=f"Some of {', '.join(GROUPS)}; all of them by default.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file.")] = None,
) -> None:
    """Measure, and print the table."""
    chosen = groups or list(GROUPS)
    if unknown := set(chosen) - GROUPS.keys():
        raise typer.BadParameter(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    console = Console()
    report = document([])
    pin(1)
    figures: list[Figure] = []
    for name in chosen:
        begun = time.perf_counter()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures += runner.run(GROUPS[name]())
        console.print(f"{name}: measured in {time.perf_counter() - begun:.0f} s", highlight=False)
    console.print(table(figures))
    if json is not None:
        report["figures"] = document(figures)["figures"]
        json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))


typer.run(main)
