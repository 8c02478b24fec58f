"""``automations list | get | put | pause | resume | run | rescan | delete``."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.message import Message

from automation_engine.console import batches, files, forecasts, revisions, status
from automation_engine.console.arguments import Cursor, Etag, Everything, File, Index, Kind, KindOf, Limit, Listing
from automation_engine.console.connection import Connection, Target, run
from automation_engine.console.display import details, plain, show, show_page
from automation_engine.console.messages import read_json, request, told
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import AutomationServiceStub

app = typer.Typer(help="Automations of a running engine.", no_args_is_help=True)


@app.callback()
def choose(
    context: typer.Context,
    *,
    engine: Annotated[
        str, typer.Option(envvar="AUTOMATION_ENGINE_GRPC", help="gRPC address of the engine: HOST:PORT.")
    ] = "127.0.0.1:50051",
    key: Annotated[
        str, typer.Option(envvar="AUTOMATION_ENGINE_KEY", help="API key, as `keys create` printed it.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, shaped as in REST.")] = False,
) -> None:
    """Automations of a running engine, over gRPC."""
    context.obj = Target(engine=engine, key=key, as_json=as_json)


@app.command("list")
def list_automations(
    context: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state: waiting, paused …")] = None,
    health: Annotated[str | None, typer.Option(help="Only those of this health: ok, degraded, blind.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """List the automations of all your indexes."""
    asked = {"kind": kind and kind.value, "state": state, "health": health, "limit": limit, "cursor": cursor}
    listing = Listing(
        stub=AutomationServiceStub, method="ListAutomations", request=pb.ListAutomationsRequest, asked=asked
    )
    columns = ("index_id", "kind", "state", "health", "connector_id", "next_trigger_at", "last_fired_at", "updated_at")

    async def command(connection: Connection) -> None:
        page = await listing.read(connection, everything=everything)
        show_page(page, *columns, as_json=connection.as_json)

    run(context, command)


@app.command()
def get(context: typer.Context, index: Index, kind: KindOf) -> None:
    """Show what is saved, and where it stands."""

    async def command(connection: Connection) -> None:
        asked = request(getattr(pb, kind.named("Get*AutomationRequest")), index_id=index)
        await _told(connection, kind, kind.named("Get*Automation"), asked)

    run(context, command)


@app.command()
def put(
    context: typer.Context,
    index: Index,
    kind: KindOf,
    *,
    file: File,
    etag: Etag = None,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Check it, save nothing.")] = False,
) -> None:
    """Create or replace an automation; what is saved already changes nothing."""

    async def command(connection: Connection) -> None:
        values = {"index_id": index, kind.body: read_json(file), "etag": etag, "validate_only": validate_only}
        asked = request(getattr(pb, kind.named("Put*AutomationRequest")), **values)
        await _told(connection, kind, kind.named("Put*Automation"), asked)

    run(context, command)


@app.command()
def pause(context: typer.Context, index: Index, kind: KindOf) -> None:
    """Stop an automation for the time being. Once this has answered, nothing new starts."""

    async def command(connection: Connection) -> None:
        asked = request(getattr(pb, kind.named("Pause*AutomationRequest")), index_id=index)
        await _told(connection, kind, kind.named("Pause*Automation"), asked)

    run(context, command)


@app.command()
def resume(context: typer.Context, index: Index, kind: KindOf) -> None:
    """Let a paused automation go on."""

    async def command(connection: Connection) -> None:
        asked = request(getattr(pb, kind.named("Resume*AutomationRequest")), index_id=index)
        await _told(connection, kind, kind.named("Resume*Automation"), asked)

    run(context, command)


async def _told(connection: Connection, kind: Kind, method: str, asked: Message) -> None:
    """Make a call that answers with the automation, and show it."""
    answer = await connection.call(AutomationServiceStub, method, asked)
    automation = told(getattr(answer, kind.body))
    show(automation, details(automation), as_json=connection.as_json)


@app.command("run")
def run_now(context: typer.Context, index: Index, kind: KindOf) -> None:
    """Fire now: import what is whole, or deliver what is pending, without waiting."""

    async def command(connection: Connection) -> None:
        asked = request(getattr(pb, kind.named("Run*AutomationRequest")), index_id=index)
        await _done(connection, kind.named("Run*Automation"), asked)

    run(context, command)


@app.command()
def rescan(context: typer.Context, index: Index, kind: KindOf = Kind.IMPORT) -> None:
    """List the watched place now, instead of at the next scan."""
    if kind is Kind.EXPORT:
        raise typer.BadParameter("an export automation watches no place: only an import automation is scanned")

    async def command(connection: Connection) -> None:
        asked = request(pb.RescanImportAutomationRequest, index_id=index)
        await _done(connection, "RescanImportAutomation", asked)

    run(context, command)


@app.command()
def delete(
    context: typer.Context,
    index: Index,
    kind: KindOf,
    *,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget what it knows, too: its ledger or deliveries, and its history.")
    ] = False,
) -> None:
    """Delete an automation; what it imported or delivered stays."""

    async def command(connection: Connection) -> None:
        asked = request(getattr(pb, kind.named("Delete*AutomationRequest")), index_id=index, forget=forget)
        await _done(connection, kind.named("Delete*Automation"), asked)

    run(context, command)


async def _done(connection: Connection, method: str, asked: Message) -> None:
    """Make a call that answers with a sentence, and show it."""
    answer = told(await connection.call(AutomationServiceStub, method, asked))
    started = [*answer.get("job_ids", ()), *answer.get("export_ids", ())]
    show(answer, plain(answer["message"]), *started, as_json=connection.as_json)


for part in (status, batches, files, forecasts, revisions):
    app.add_typer(part.app)
