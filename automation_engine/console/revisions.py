"""``automations revisions | restore``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from automation_engine.console.arguments import Cursor, Etag, Everything, Index, KindOf, Limit, Listing
from automation_engine.console.connection import Connection, run
from automation_engine.console.display import LONG, cell, details, show, table
from automation_engine.console.messages import request, told
from automation_engine.v1 import revision_service_pb2 as pb
from automation_engine.v1.revision_service_pb2_grpc import RevisionServiceStub

app = typer.Typer()
_SHOWN = 8
"""Changes of a revision that a line has room for; JSON has them all."""


@app.command()
def revisions(
    context: typer.Context,
    index: Index,
    kind: KindOf,
    *,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List what was saved of an automation, newest first: who changed what, and when."""
    listing = Listing(
        stub=RevisionServiceStub,
        method=kind.named("List*Revisions"),
        request=getattr(pb, kind.named("List*RevisionsRequest")),
        asked={"index_id": index, "limit": limit, "cursor": cursor},
    )

    async def command(connection: Connection) -> None:
        page = await listing.read(connection, everything=everything)
        following = page["pagination"]["next_cursor"]
        rows = table([_line(one) for one in page["data"]], "revision", "action", "created_at", "actor", "changes")
        show(page, rows, *([f"more: --cursor {following}"] if following else []), as_json=connection.as_json)

    run(context, command)


def _line(revision: dict[str, Any]) -> dict[str, Any]:
    origin = f" of {revision['restored_from']}" if revision["restored_from"] else ""
    changes = [_change(one) for one in revision["changes"]]
    more = [f"and {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else []
    return {**revision, "action": f"{revision['action']}{origin}", "changes": "; ".join([*changes[:_SHOWN], *more])}


def _change(change: dict[str, Any]) -> str:
    name = change["field"]
    if name.rpartition(".")[2] in LONG:
        return f"{name} changed"
    return f"{name}: {cell(change['before'])} → {cell(change['after'])}"


@app.command()
def restore(
    context: typer.Context,
    index: Index,
    kind: KindOf,
    number: Annotated[int, typer.Argument(metavar="N", help="The revision to save again.", show_default=False)],
    *,
    etag: Etag = None,
) -> None:
    """Save an earlier configuration again, checked as a PUT is."""

    async def command(connection: Connection) -> None:
        kind_of_request = getattr(pb, kind.named("Restore*RevisionRequest"))
        asked = request(kind_of_request, index_id=index, revision=number, etag=etag)
        answer = await connection.call(RevisionServiceStub, kind.named("Restore*Revision"), asked)
        automation = told(getattr(answer, kind.body))
        show(automation, details(automation), as_json=connection.as_json)

    run(context, command)
