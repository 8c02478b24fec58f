"""The command line: ``automation-engine serve | demo | keys | automations | doctor``.

The engine takes seconds to load: commands that run it import it when they are called, so that those that only ask one
answer at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.table import Column, Table

from automation_engine.config import Role, Settings, read_settings
from automation_engine.console import automations
from automation_engine.errors import EngineError, InvalidArgument
from automation_engine.store import keys
from automation_engine.store.database import Database

app = typer.Typer(
    help="Watches storage, imports and analyses what arrives once, delivers the results.", no_args_is_help=True
)
keys_app = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(automations.app, name="automations")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

DataDir = Annotated[Path | None, typer.Option(help="Folder of the embedded database and the key file.")]
DatabaseUrl = Annotated[str | None, typer.Option(help="postgresql://…; without it SQLite in the data folder.")]


def main() -> None:
    """Run a command; an error of the engine's tree is one line on stderr and exit code 1."""
    try:
        app()
    except InvalidArgument as error:
        for violation in error.violations:
            where = f"{violation.field}: " if violation.field else ""
            err.print(f"[red]error:[/red] {where}{violation.message}")
        raise SystemExit(2) from None
    except EngineError as error:
        err.print(f"[red]error:[/red] {error.message}")
        raise SystemExit(1) from None


@app.command()
def serve(
    *,
    data_dir: DataDir = None,
    grpc: Annotated[str | None, typer.Option(help="Address to serve gRPC on: HOST:PORT.")] = None,
    http: Annotated[str | None, typer.Option(help="Address to serve REST on: HOST:PORT.")] = None,
    database_url: DatabaseUrl = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate chain, PEM: serve REST and gRPC over TLS alone.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key, PEM, not encrypted.")] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Origin that clients reach REST at, behind a proxy: https://HOST.")
    ] = None,
    s3_endpoint_url: Annotated[
        str | None, typer.Option(help="Server of S3 connectors that name none; Amazon's by default.")
    ] = None,
    gcs_endpoint_url: Annotated[
        str | None, typer.Option(help="Server of GCS connectors that name none; Google's by default.")
    ] = None,
    azure_endpoint_url: Annotated[
        str | None,
        typer.Option(help="Blob endpoint of Azure connectors that name none; the public cloud's by default."),
    ] = None,
    azure_authority_host: Annotated[
        str | None,
        typer.Option(help="Source of tokens for Azure connectors that name none; the public cloud's by default."),
    ] = None,
    model_alias: Annotated[
        list[str] | None,
        typer.Option(help="Let NAME=ANALYZER stand for an analyzer, e.g. gemini-2.5-flash=media_facts; repeatable."),
    ] = None,
    role: Annotated[
        Role | None, typer.Option(help="What this process does; on PostgreSQL, any number of each.")
    ] = None,
    local_root: Annotated[
        list[Path] | None, typer.Option(help="Folder that local connectors may touch; repeatable.")
    ] = None,
    time_scale: Annotated[float | None, typer.Option(help="Run the clock this many times faster.")] = None,
    webhook_ca: Annotated[
        Path | None, typer.Option(help="Certificate authorities, PEM, trusted for webhooks beside the system's.")
    ] = None,
    recording_days: Annotated[
        float | None, typer.Option(help="Days that changes are kept for simulations; 0 records nothing.")
    ] = None,
    rate_limit: Annotated[
        int | None, typer.Option(help="Calls a minute of each key or token's subject; 1200 by default, 0: no limit.")
    ] = None,
    rate_limit_burst: Annotated[
        int | None, typer.Option(help="How many of them may come at once; those of a minute by default.")
    ] = None,
    jwt_issuer: Annotated[str | None, typer.Option(help="Issuer of JWTs; OIDC discovery finds its keys.")] = None,
    jwt_jwks: Annotated[Path | None, typer.Option(help="JWKS file with their keys, instead of discovery.")] = None,
    jwt_audience: Annotated[str | None, typer.Option(help="Audience that JWTs must be for.")] = None,
    jwt_owner_claim: Annotated[str | None, typer.Option(help="Claim that names the owner; `sub` by default.")] = None,
    jwt_scopes_claim: Annotated[str | None, typer.Option(help="Claim that holds scopes; `scope` by default.")] = None,
    jwt_scope_prefix: Annotated[str | None, typer.Option(help="What stands before each scope in that claim.")] = None,
    insecure_dev: Annotated[
        bool | None, typer.Option("--insecure-dev", help="Allow what is for development only.")
    ] = None,
) -> None:
    """Serve gRPC and REST, watch, import, analyse and deliver, until SIGINT or SIGTERM."""
    settings = read_settings(
        data_dir=data_dir,
        grpc=grpc,
        http=http,
        database_url=database_url,
        tls_cert=tls_cert,
        tls_key=tls_key,
        public_url=public_url,
        s3_endpoint_url=s3_endpoint_url,
        gcs_endpoint_url=gcs_endpoint_url,
        azure_endpoint_url=azure_endpoint_url,
        azure_authority_host=azure_authority_host,
        model_alias=tuple(model_alias or ()),
        role=role,
        local_root=tuple(local_root or ()),
        time_scale=time_scale,
        webhook_ca=webhook_ca,
        recording_days=recording_days,
        rate_limit=rate_limit,
        rate_limit_burst=rate_limit_burst,
        jwt_issuer=jwt_issuer,
        jwt_jwks=jwt_jwks,
        jwt_audience=jwt_audience,
        jwt_owner_claim=jwt_owner_claim,
        jwt_scopes_claim=jwt_scopes_claim,
        jwt_scope_prefix=jwt_scope_prefix,
        insecure_dev=insecure_dev,
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from automation_engine.main import running  # noqa: PLC0415 - see the head of this file

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(settings) as engine:
        out.print(f"ready: gRPC {engine.grpc_address or '-'}, REST {engine.http_url or '-'}, role {settings.role}")
        await stopped.wait()
        out.print("stopping: finishing or releasing what runs")


@app.command()
def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the service running afterwards, and print its URLs.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where to put everything; a temporary folder by default.")
    ] = None,
) -> None:
    """Make real media, drop them, and watch them being imported, analysed and delivered."""
    from automation_engine.demo import run_demo  # noqa: PLC0415 - see the head of this file

    _run(run_demo(out, keep=keep, data_dir=data_dir))


@app.command()
def doctor(*, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Check what the engine needs: database, storage, FFmpeg libraries, ports, clock."""
    from automation_engine import doctor as checks  # noqa: PLC0415 - see the head of this file

    settings = read_settings(data_dir=data_dir, database_url=database_url)
    table = Table("check", "", "what was found")
    findings = _run(checks.examine(settings))
    for finding in findings:
        table.add_row(finding.check, "[green]ok[/green]" if finding.ok else "[red]FAIL[/red]", finding.text)
    out.print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@keys_app.command("create")
def create_key(
    *,
    scopes: Annotated[
        str, typer.Option(help="Comma-separated: search, read, write, admin. Each includes those before it.")
    ],
    owner: Annotated[str, typer.Option(help="Whose indexes, connectors and prompts the key reaches.")] = "default",
    name: Annotated[str, typer.Option(help="What to call it.")] = "cli",
    expires_in_days: Annotated[float | None, typer.Option(help="When it stops working; never by default.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create a key. It is shown once, alone on the last line."""

    async def create(settings: Settings) -> str:
        async with _database(settings) as database, database.transaction() as tx:
            expires_at = None if expires_in_days is None else tx.now + expires_in_days * 86_400
            wanted = [scope.strip() for scope in scopes.split(",")]
            _, key = await keys.create(tx, owner=owner, name=name, scopes=wanted, expires_at=expires_at)
            return key

    typer.echo(_run(create(read_settings(data_dir=data_dir, database_url=database_url))))


@keys_app.command("list")
def list_keys(*, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List keys by id, never the keys themselves."""

    async def read(settings: Settings) -> Table:
        whole = Column("id", no_wrap=True, min_width=len("key_") + 26)  # what revoke needs, however narrow the terminal
        table = Table(whole, "key", "owner", "name", "scopes", "state")
        async with _database(settings) as database, database.reading() as session:
            for key in await keys.list_keys(session):
                state = "revoked" if key.revoked_at is not None else "active"
                if key.expires_at is not None and key.expires_at <= database.clock.now():
                    state = "expired"
                table.add_row(key.key_id, key.key_prefix + "…", key.owner, key.name, ", ".join(key.scopes), state)
        return table

    out.print(_run(read(read_settings(data_dir=data_dir, database_url=database_url))))


@keys_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="As `keys list` shows it.")],
    *,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a key, effective at once."""

    async def revoke(settings: Settings) -> None:
        async with _database(settings) as database, database.transaction() as tx:
            await keys.revoke(tx, key_id)

    _run(revoke(read_settings(data_dir=data_dir, database_url=database_url)))
    out.print(f"revoked {key_id}")


def _database(settings: Settings) -> AbstractAsyncContextManager[Database]:
    from automation_engine.main import open_database  # noqa: PLC0415 - see the head of this file

    return open_database(settings)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
