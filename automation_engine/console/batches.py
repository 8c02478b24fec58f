"""``automations batches | batch | approve | reject``."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.message import Message

from automation_engine.console.arguments import Cursor, Everything, Index, Limit, Listing
from automation_engine.console.connection import Connection, run
from automation_engine.console.display import details, show, show_page
from automation_engine.console.messages import request, told
from automation_engine.v1 import import_batch_service_pb2 as pb
from automation_engine.v1.import_batch_service_pb2_grpc import ImportBatchServiceStub

app = typer.Typer()
BatchId = Annotated[str, typer.Argument(metavar="BATCH_ID", help="As `batches` shows it.", show_default=False)]


@app.command()
def batches(
    context: typer.Context,
    index: Index,
    *,
    status: Annotated[str | None, typer.Option(help="Only these: held, started, rejected.")] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List the batches that the import automation fired, newest first."""
    asked = {"index_id": index, "status": status, "limit": limit, "cursor": cursor}
    listing = Listing(
        stub=ImportBatchServiceStub, method="ListImportBatches", request=pb.ListImportBatchesRequest, asked=asked
    )
    columns = ("batch_id", "status", "trigger", "fired_at", "object_count", "bytes", "job_id", "run_id", "held_reason")

    async def command(connection: Connection) -> None:
        page = await listing.read(connection, everything=everything)
        show_page(page, *columns, as_json=connection.as_json)

    run(context, command)


@app.command()
def batch(context: typer.Context, index: Index, batch_id: BatchId) -> None:
    """Show a batch with its completeness certificate."""
    run(context, lambda connection: _shown(connection, "GetImportBatch", pb.GetImportBatchRequest, index, batch_id))


@app.command()
def approve(context: typer.Context, index: Index, batch_id: BatchId) -> None:
    """Start a batch that its spend fuse holds."""
    asked = pb.ApproveImportBatchRequest
    run(context, lambda connection: _shown(connection, "ApproveImportBatch", asked, index, batch_id))


@app.command()
def reject(context: typer.Context, index: Index, batch_id: BatchId) -> None:
    """Give a held batch up: its files are skipped."""
    asked = pb.RejectImportBatchRequest
    run(context, lambda connection: _shown(connection, "RejectImportBatch", asked, index, batch_id))


async def _shown(connection: Connection, method: str, asked: type[Message], index: str, batch_id: str) -> None:
    answer = await connection.call(ImportBatchServiceStub, method, request(asked, index_id=index, batch_id=batch_id))
    found = told(answer.batch)
    show(found, details(found), as_json=connection.as_json)
