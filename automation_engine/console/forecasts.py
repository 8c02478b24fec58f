"""``automations preview | simulate``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from automation_engine.console.arguments import File, Index
from automation_engine.console.connection import Connection, run
from automation_engine.console.display import cell, details, plain, show, size, span, table
from automation_engine.console.messages import read_json, request, told
from automation_engine.v1 import automation_service_pb2
from automation_engine.v1 import forecast_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import AutomationServiceStub
from automation_engine.v1.forecast_service_pb2_grpc import ForecastServiceStub

app = typer.Typer()
_LISTS = ("examples", "excluded", "duplicates", "batches")
_WAITS = ("wait_p50_seconds", "wait_p99_seconds", "wait_max_seconds")
_COMPARED = (
    *("debounce_interval", "file_pattern", "exclude_patterns", "max_wait", "batch_limit"),
    *("objects", "bytes", "batch_count", "mean_batch_size", "max_batch_size"),
    *_WAITS,
    "still_waiting",
)


@app.command()
def preview(
    context: typer.Context,
    index: Index,
    *,
    file: File,
    max_files: Annotated[int | None, typer.Option(help="Most files to list.")] = None,
) -> None:
    """Hold an unsaved import automation against what is there now. Saves nothing, starts nothing."""

    async def command(connection: Connection) -> None:
        asked = request(pb.PreviewImportRequest, index_id=index, import_automation=read_json(file), max_files=max_files)
        found = told((await connection.call(ForecastServiceStub, "PreviewImport", asked)).preview)
        show(found, *_preview(found), as_json=connection.as_json)

    run(context, command)


def _preview(found: dict[str, Any]) -> list[Any]:
    parts: list[Any] = [details({name: value for name, value in found.items() if name not in _LISTS})]
    parts += [plain(f"matches {file['path']}") for file in found["examples"]]
    if found["excluded"]:
        parts += ["", "left out:", table(found["excluded"], "reason", "count", "bytes", "text")]
    if found["duplicates"]:
        parts += ["", "known already, or the same bytes as another:", table(found["duplicates"], "reason", "count")]
    if found["batches"]:
        columns = ("fires_at", "trigger", "object_count", "bytes", "held_reason")
        parts += ["", "would fire:", table(found["batches"], *columns)]
    return parts


@app.command()
def simulate(
    context: typer.Context,
    index: Index,
    *,
    debounce: Annotated[
        list[str] | None, typer.Option(help="Quiet interval to compare, 5m, 10m, 1h or 1d; repeatable.")
    ] = None,
    pattern: Annotated[str | None, typer.Option(help="File pattern to compare, in each of them.")] = None,
    days: Annotated[float | None, typer.Option(min=0, help="Replay so much of the recording, up to now.")] = None,
) -> None:
    """Replay recorded scans under other settings, side by side with what is saved."""
    if not debounce and pattern is None:
        raise typer.BadParameter("needs --debounce or --pattern: something to compare with what is saved")
    settings = [_setting(interval, pattern) for interval in debounce or ("",)]

    async def command(connection: Connection) -> None:
        since = None if days is None else await _before_now(connection, index, days)
        asked = request(pb.SimulateImportRequest, index_id=index, settings=settings, since=since)
        found = told((await connection.call(ForecastServiceStub, "SimulateImport", asked)).replay)
        show(found, *_replay(found), as_json=connection.as_json)

    run(context, command)


def _setting(interval: str, pattern: str | None) -> dict[str, Any]:
    given = {"debounce_interval": interval, "file_pattern": pattern}
    chosen = {name: value for name, value in given.items() if value}
    return {"name": " ".join(chosen.values()), **chosen}


async def _before_now(connection: Connection, index: str, days: float) -> str:
    """Return the instant that many days ago, by the engine's clock."""
    asked = request(automation_service_pb2.GetImportAutomationStatusRequest, index_id=index)
    answer = await connection.call(AutomationServiceStub, "GetImportAutomationStatus", asked)
    now: datetime = told(answer.status)["taken_at"]
    return (now - timedelta(days=days)).isoformat()


def _replay(found: dict[str, Any]) -> list[Any]:
    until = f"{cell(found['recorded_from'])} to {cell(found['recorded_until'])}"
    recording = f"{found['recorded_scans']} scans, {found['recorded_arrivals']} arrivals, {until}"
    side_by_side = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", *(outcome["name"] for outcome in found["outcomes"])):
        side_by_side.add_column(plain(name), overflow="fold")
    for field in _COMPARED:
        values = [_compared(field, outcome[field]) for outcome in found["outcomes"]]
        side_by_side.add_row(field.removesuffix("_seconds").replace("_", " "), *values)
    return [recording, *([plain(found["limitation"])] if found["limitation"] else []), side_by_side]


def _compared(field: str, value: Any) -> str:
    if field == "bytes":
        return size(value)
    return span(value) if field in _WAITS else cell(value)
