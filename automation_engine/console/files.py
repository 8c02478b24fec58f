"""``automations files | explain | retry | release | ignore``."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.message import Message

from automation_engine.console.arguments import Cursor, Everything, Index, Limit, Listing
from automation_engine.console.connection import Connection, run
from automation_engine.console.display import plain, show, show_page, table
from automation_engine.console.messages import request, told
from automation_engine.v1 import ledger_service_pb2 as pb
from automation_engine.v1.ledger_service_pb2_grpc import LedgerServiceStub

app = typer.Typer()
Paths = Annotated[
    list[str], typer.Argument(metavar="PATH…", help="Files below the connector's root.", show_default=False)
]


@app.command()
def files(
    context: typer.Context,
    index: Index,
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state: settling, failed …")] = None,
    prefix: Annotated[str | None, typer.Option(help="Only those whose path begins with this.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only those of this batch.")] = None,
    job: Annotated[str | None, typer.Option(help="Only those of this import job.")] = None,
    video: Annotated[str | None, typer.Option(help="Only the one of this video.")] = None,
    run_id: Annotated[str | None, typer.Option("--run", help="Only those of this prompt run.")] = None,
    export: Annotated[str | None, typer.Option(help="Only those of this export.")] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List the files that the import automation knows, and what became of them."""
    asked = {
        "index_id": index,
        "state": state,
        "prefix": prefix,
        "batch_id": batch,
        "job_id": job,
        "video_id": video,
        "run_id": run_id,
        "export_id": export,
        "limit": limit,
        "cursor": cursor,
    }
    listing = Listing(stub=LedgerServiceStub, method="ListLedgerFiles", request=pb.ListLedgerFilesRequest, asked=asked)
    columns = ("path", "size_bytes", "state", "reason", "batch_id", "job_id", "video_id", "run_ids", "export_ids")

    async def command(connection: Connection) -> None:
        page = await listing.read(connection, everything=everything)
        show_page(page, *columns, as_json=connection.as_json)

    run(context, command)


@app.command()
def explain(
    context: typer.Context,
    index: Index,
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file below the connector's root.", show_default=False)],
) -> None:
    """Say why a file was imported, or was not, or when it will be."""

    async def command(connection: Connection) -> None:
        asked = request(pb.ExplainFileRequest, index_id=index, path=path)
        found = told((await connection.call(LedgerServiceStub, "ExplainFile", asked)).explanation)
        checks = table(found["checks"], "result", "name", "text", "passes_at", "remedy")
        show(found, plain(found["verdict"]), checks, as_json=connection.as_json)

    run(context, command)


@app.command()
def retry(context: typer.Context, index: Index, paths: Paths) -> None:
    """Give failed files another round of attempts."""
    run(context, lambda connection: _changed(connection, "RetryFiles", pb.RetryFilesRequest, index, paths))


@app.command()
def release(context: typer.Context, index: Index, paths: Paths) -> None:
    """Let failed or skipped files settle again: they join the next batch."""
    run(context, lambda connection: _changed(connection, "ReleaseFiles", pb.ReleaseFilesRequest, index, paths))


@app.command()
def ignore(context: typer.Context, index: Index, paths: Paths) -> None:
    """Leave files out that wait or that failed."""
    run(context, lambda connection: _changed(connection, "IgnoreFiles", pb.IgnoreFilesRequest, index, paths))


async def _changed(connection: Connection, method: str, asked: type[Message], index: str, paths: list[str]) -> None:
    answer = told(await connection.call(LedgerServiceStub, method, request(asked, index_id=index, paths=paths)))
    unchanged = [table(answer["unchanged"], "path", "reason")] if answer["unchanged"] else []
    show(answer, plain(answer["message"]), *map(plain, answer["changed"]), *unchanged, as_json=connection.as_json)
