"""``automations status``: what an automation waits for, once or as a live countdown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Annotated, Any

import grpc
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from automation_engine.console.arguments import Index, Kind
from automation_engine.console.connection import Connection, run
from automation_engine.console.countdown import EngineClock
from automation_engine.console.display import cell, pairs, plain, show, size, span, stdout, table
from automation_engine.console.messages import json_text, request, told
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import AutomationServiceStub

app = typer.Typer()
_ASK_EVERY = 2
"""Ticks of a second between two calls."""
_HELD = 10
_COLOURS = {"ok": "green", "degraded": "yellow", "blind": "red"}
Status = dict[str, Any]


@app.command()
def status(
    context: typer.Context,
    index: Index,
    kind: Annotated[Kind, typer.Argument(help="Which of its two automations.")] = Kind.IMPORT,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Count down live, until Ctrl-C.")] = False,
) -> None:
    """Say what an automation waits for, and why."""
    asked = request(getattr(pb, kind.named("Get*AutomationStatusRequest")), index_id=index)

    async def command(connection: Connection) -> None:
        async def ask() -> Status:
            answer = await connection.call(AutomationServiceStub, kind.named("Get*AutomationStatus"), asked)
            return told(answer.status)

        if watch and connection.as_json:
            await follow(ask, stdout())
        elif watch:
            await count_down(ask, stdout())
        else:
            found = await ask()
            show(found, view(found, found["taken_at"].timestamp()), as_json=connection.as_json)

    run(context, command)


async def count_down(
    ask: Callable[[], Awaitable[Status]],
    console: Console,
    *,
    ticks: Iterable[int] | None = None,
    local: Callable[[], float] = time.monotonic,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Show a status that counts down every second, and is asked for again every other second.

    An engine that is away for a while is said to be, and asked again; what it refuses is raised.
    """
    clock, found, trouble = EngineClock(), Status(), ""
    with Live(console=console, auto_refresh=False) as live:
        for tick in count() if ticks is None else ticks:
            if tick % _ASK_EVERY == 0:
                try:
                    found, trouble = await ask(), ""
                    clock.observe(found["taken_at"].timestamp(), local())
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.UNAVAILABLE or not found:
                        raise
                    trouble = "The engine does not answer: this is what it said last."
            live.update(Group(view(found, clock.now(local())), Text(trouble, style="red")), refresh=True)
            await pause(1.0)


async def follow(
    ask: Callable[[], Awaitable[Status]],
    console: Console,
    *,
    ticks: Iterable[int] | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Print the status as a line of JSON, every other second."""
    for _ in count() if ticks is None else ticks:
        console.print(json_text(await ask(), indent=False), soft_wrap=True)
        await pause(float(_ASK_EVERY))


def view(found: Status, now: float) -> Group:
    """Return a status of either kind as it looks at an instant of the engine's clock."""
    headline = Text.assemble(
        (found["state"], "bold"), ", ", (found["health"], _COLOURS[found["health"]]), "  ", plain(found["why"])
    )
    held = found.get("held_by", [])[:_HELD]
    more = max(found.get("held_count", 0), len(found.get("held_by", []))) - len(held)
    parts: list[Any] = [headline, pairs(_lines(found, now))]
    if held:
        parts += [Text("held by", style="bold"), table(held, "path", "reason", "since")]
    if more > 0:
        parts.append(Text(f"and {more} more"))
    return Group(*parts)


def _lines(found: Status, now: float) -> Iterator[tuple[str, str]]:
    for name in ("next_trigger_at", "deadline_at", "next_scan_at"):
        if found.get(name) is not None:
            yield name.removesuffix("_at").replace("_", " "), _left(found[name], now)
    if found["degraded_cause"] is not None:
        yield "cause", plain(found["degraded_cause"])
        yield "since", cell(found["degraded_since"])
    if "backlog" in found:
        yield from _import_lines(found)
    else:
        yield from _export_lines(found)
    yield "engine's time", cell(datetime.fromtimestamp(now, UTC))


def _left(at: datetime, now: float) -> str:
    left = at.timestamp() - now
    return f"{'in ' + span(left) if left >= 0.5 else 'due now'}  ({cell(at)})"


def _import_lines(found: Status) -> Iterator[tuple[str, str]]:
    backlog = dict(found["backlog"] or {})
    pending = size(backlog.pop("pending_bytes", 0))
    waiting = [f"{number:,} {state}" for state, number in backlog.items() if number]
    yield "backlog", f"{', '.join(waiting) or 'nothing'}; {pending} pending"
    if found["held_batches"]:
        verb = "waits" if found["held_batches"] == 1 else "wait"
        yield "held batches", f"{found['held_batches']} {verb} for approval: see `batches --status held`"
    if (scan := found["last_scan"]) is not None:
        yield "last scan", _scan(scan)
    if (batch := found["last_batch"]) is not None:
        files = "1 file" if batch["object_count"] == 1 else f"{batch['object_count']:,} files"
        what = f"{files}, {size(batch['bytes'])}, {batch['trigger']}"
        yield "last batch", f"{batch['batch_id']}: {what} ({cell(batch['fired_at'])})"


def _scan(scan: Status) -> str:
    if scan["finished_at"] is None:
        return "under way"
    outcome = plain(scan["error"] or "") or ("complete" if scan["complete"] else "not complete")
    counts = f"{scan['listed']:,} listed, {scan['matched']:,} matched, {scan['new']:,} new"
    return f"{outcome}: {counts} ({cell(scan['finished_at'])})"


def _export_lines(found: Status) -> Iterator[tuple[str, str]]:
    yield "runs", ", ".join(f"{found[f'{name}_runs']:,} {name}" for name in ("pending", "delivered", "failed"))
    if (last := found["last_delivery"]) is not None:
        where = last["error"] or last["destination_uri"] or "under way"
        yield "last delivery", plain(f"{last['run_id']}: {where} ({cell(last['exported_at'])})")
