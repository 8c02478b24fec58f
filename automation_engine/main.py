"""The composition root: the only place that wires the parts. Nothing imports it but the command line."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
import uvicorn
from fastapi import FastAPI
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from automation_engine.analyzers.registry import use_aliases
from automation_engine.clock import Clock, SystemClock
from automation_engine.config import Role, Settings, parse_address
from automation_engine.connectors.pool import Stores
from automation_engine.errors import Conflict, InvalidArgument
from automation_engine.jobs import recording, watch
from automation_engine.jobs.exports import Exports
from automation_engine.jobs.import_jobs import ImportJobs
from automation_engine.jobs.prompt_runs import PromptRuns
from automation_engine.jobs.queue import Doorbell
from automation_engine.jobs.scans import Scans
from automation_engine.jobs.scheduler import Scheduler
from automation_engine.jobs.suspects import Turns
from automation_engine.jobs.webhooks import Webhooks
from automation_engine.jobs.worker import Performer, Worker
from automation_engine.secrets import SecretBox
from automation_engine.servicers import jwks
from automation_engine.servicers.auth_servicer import AuthServicer
from automation_engine.servicers.automation_servicer import AutomationServicer
from automation_engine.servicers.connector_servicer import ConnectorServicer
from automation_engine.servicers.export_servicer import ExportServicer
from automation_engine.servicers.forecast_servicer import ForecastServicer
from automation_engine.servicers.import_batch_servicer import ImportBatchServicer
from automation_engine.servicers.import_job_servicer import ImportJobServicer
from automation_engine.servicers.index_servicer import IndexServicer
from automation_engine.servicers.ledger_servicer import LedgerServicer
from automation_engine.servicers.pipeline import interceptors
from automation_engine.servicers.prompt_run_servicer import PromptRunServicer
from automation_engine.servicers.prompt_servicer import PromptServicer
from automation_engine.servicers.rate_limit_servicer import RateLimitServicer
from automation_engine.servicers.rate_limits import RateLimits
from automation_engine.servicers.revision_servicer import RevisionServicer
from automation_engine.servicers.tokens import Claims, Tokens
from automation_engine.servicers.video_servicer import VideoServicer
from automation_engine.servicers.webhook_servicer import WebhookServicer
from automation_engine.store import idempotency, webhooks, work
from automation_engine.store.database import Database
from automation_engine.store.schema import migrate
from automation_engine.v1 import (
    auth_service_pb2_grpc,
    automation_service_pb2_grpc,
    connector_service_pb2_grpc,
    export_service_pb2_grpc,
    forecast_service_pb2_grpc,
    import_batch_service_pb2_grpc,
    import_job_service_pb2_grpc,
    index_service_pb2_grpc,
    ledger_service_pb2_grpc,
    prompt_run_service_pb2_grpc,
    prompt_service_pb2_grpc,
    rate_limit_service_pb2_grpc,
    revision_service_pb2_grpc,
    video_service_pb2_grpc,
    webhook_service_pb2_grpc,
)
from automation_engine.webhook_sender import WebhookSender
from gateway.app import create_app
from gateway.dispatch import InProcessDispatch
from gateway.stubs import Stubs, load_stubs

_log = logging.getLogger(__name__)

_LIMITS = {work.SCAN: 8, work.IMPORT_JOB: 4, work.PROMPT_RUN: 2, work.EXPORT: 2, work.WEBHOOK: 64}
"""Units of each kind that a process performs at a time."""
_GRACE = 10.0
"""Real seconds that running work gets at a stop, before it is released to whoever comes next."""
_MAX_MESSAGE = 8 << 20
_STUBS = "automation_engine.v1"


class Engine:
    """A running engine. ``grpc_address`` and ``http_url`` say where it listens."""

    def __init__(self, settings: Settings, database: Database, stores: Stores, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.stores = stores
        self.sender = WebhookSender(insecure=settings.insecure_dev, authorities=settings.webhook_ca)
        self.clock = clock
        self.grpc_address = ""
        self.http_url = ""


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database in the schema of this version."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgument.of("--data-dir", f"{settings.data_dir}: {error.strerror}") from None
    database = Database(settings.url, clock=SystemClock(settings.time_scale))
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Engine]:
    """Run an engine for the length of the block; at its end work is finished or released, and everything closed."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings))
        if database.embedded:
            stack.enter_context(_alone(settings.data_dir / "engine.lock"))
        use_aliases(settings.model_aliases)
        key = settings.secret_key
        box = SecretBox.open(settings.data_dir, None if key is None else key.get_secret_value())
        stores = Stores(box, allowed_roots=settings.allowed_roots, endpoints=settings.endpoints)
        stack.push_async_callback(stores.close)
        engine = Engine(settings, database, stores, database.clock)
        stack.push_async_callback(engine.sender.close)
        if settings.role in {Role.ALL, Role.WORKER}:
            await stack.enter_async_context(_working(engine))
        if settings.role in {Role.ALL, Role.SCHEDULER}:
            await stack.enter_async_context(_ticking(engine))
        if settings.role in {Role.ALL, Role.API}:
            await stack.enter_async_context(_serving(engine))
        yield engine


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the data folder: an SQLite database has one engine. Raises ``Conflict`` when another one runs on it."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another engine runs on {path.parent}: stop it, or give another --data-dir") from None
        yield


def make_worker(
    database: Database,
    stores: Stores,
    chance: Callable[[], float],
    *,
    recording_days: float = recording.DAYS,
    sender: WebhookSender | None = None,
) -> Worker:
    """Wire the performers of every kind of work. ``chance()`` draws the jitter of retries, in [0, 1)."""
    recorder = recording.Recorder(database, recording_days) if recording_days else None
    turns = Turns()
    performers: dict[str, Performer] = {
        work.SCAN: Scans(database, stores, chance, recorder),
        work.IMPORT_JOB: ImportJobs(database, stores, chance, turns),
        work.PROMPT_RUN: PromptRuns(database, stores, chance, turns),
        work.EXPORT: Exports(database, stores),
        work.WEBHOOK: Webhooks(database, stores.box, sender or WebhookSender(), chance),
    }
    return Worker(database, performers, chance)


@asynccontextmanager
async def _working(engine: Engine) -> AsyncIterator[None]:
    """Answer the doorbell; the sweep rings again for whatever is due and not held."""
    database, stores, chance = engine.database, engine.stores, random.random
    worker = make_worker(database, stores, chance, recording_days=engine.settings.recording_days, sender=engine.sender)
    doorbell = Doorbell(worker.perform, _LIMITS)
    if database.embedded:
        await work.recover(database)

    async def sweep() -> None:
        async with database.reading() as session:
            await doorbell.ring(await work.due(session, database))

    sweeper = Scheduler()
    sweeper.every(_period(engine, 5.0), "sweep", sweep)
    database.bell = doorbell.ring
    answering = asyncio.create_task(doorbell.run())
    await sweep()
    sweeper.start()
    try:
        yield
    finally:
        await sweeper.stop()
        await doorbell.stop(grace=_GRACE)
        await answering


@asynccontextmanager
async def _ticking(engine: Engine) -> AsyncIterator[None]:
    """Drive the watch tick and the export tick. What was known before is old: every automation scans first."""
    database = engine.database
    await watch.restart(database)
    scheduler = Scheduler()
    scheduler.every(_period(engine, 1.0), "watch", watch.Watch(database).tick)
    scheduler.every(_period(engine, 5.0), "export", partial(watch.export_tick, database))
    scheduler.every(_period(engine, 60.0), "kept answers", partial(idempotency.sweep, database))
    scheduler.every(_period(engine, 600.0), "webhook deliveries", partial(webhooks.prune, database))
    scheduler.start()
    try:
        yield
    finally:
        await scheduler.stop()


def _period(engine: Engine, seconds: float) -> float:
    """Return the real seconds between two ticks; an accelerated clock ticks faster, within reason."""
    return max(seconds / engine.clock.scale, 0.05)


@asynccontextmanager
async def _serving(engine: Engine) -> AsyncIterator[None]:
    """Serve gRPC and REST: the same servicers behind the same interceptors, the second one without a socket between."""
    stubs = load_stubs(_STUBS)
    limits = _rate_limits(engine.settings)
    tokens = _tokens(engine.settings)
    guards = interceptors(engine.database, stubs.services, engine.stores.box, limits=limits, tokens=tokens)
    server = grpc.aio.server(
        interceptors=guards, options=[("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.so_reuseport", 0)]
    )
    dispatch = InProcessDispatch(guards)
    for register, servicer in _servicers(
        engine.database, engine.stores, limits, engine.sender, engine.settings.public_url
    ):
        register(servicer, server)
        register(servicer, dispatch)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    names = [service.full_name for service in stubs.services]
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    host, _ = parse_address(engine.settings.grpc)
    try:
        port = _listen(server, engine.settings)
    except RuntimeError:
        raise Conflict(f"gRPC can't listen on {engine.settings.grpc}: is it in use?") from None
    await server.start()
    engine.grpc_address = f"{host}:{port}"
    try:
        async with _http(engine, _app(engine.database, stubs, dispatch)):
            for name in ("", *names):
                await healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
            yield
            await healthy.enter_graceful_shutdown()
    finally:
        await server.stop(_GRACE / 2)


def _listen(server: grpc.aio.Server, settings: Settings) -> int:
    """Take the port of gRPC, over TLS where there is a certificate. Raises ``RuntimeError`` when it is in use."""
    if settings.tls_cert is None or settings.tls_key is None:
        return int(server.add_insecure_port(settings.grpc))
    pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
    return int(server.add_secure_port(settings.grpc, grpc.ssl_server_credentials([pair])))


def _rate_limits(settings: Settings) -> RateLimits | None:
    return RateLimits(settings.rate_limit, settings.rate_limit_burst) if settings.rate_limit else None


def _tokens(settings: Settings) -> Tokens | None:
    """Wire what checks JWTs, if they are wanted."""
    if settings.jwt_audience is None:
        return None
    claims = Claims(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        owner=settings.jwt_owner_claim,
        scopes=settings.jwt_scopes_claim,
        prefix=settings.jwt_scope_prefix,
    )
    if settings.jwt_jwks is not None:
        return Tokens(jwks.StaticKeys(settings.jwt_jwks), claims)
    return Tokens(jwks.DiscoveredKeys(settings.jwt_issuer or "", insecure=settings.insecure_dev), claims)


def make_app(
    database: Database,
    stores: Stores,
    *,
    limits: RateLimits | None = None,
    tokens: Tokens | None = None,
    sender: WebhookSender | None = None,
) -> FastAPI:
    """Wire the REST gateway to the servicers, within the process."""
    stubs = load_stubs(_STUBS)
    dispatch = InProcessDispatch(interceptors(database, stubs.services, stores.box, limits=limits, tokens=tokens))
    for register, servicer in _servicers(database, stores, limits, sender or WebhookSender()):
        register(servicer, dispatch)
    return _app(database, stubs, dispatch)


def _app(database: Database, stubs: Stubs, dispatch: InProcessDispatch) -> FastAPI:
    async def ready() -> bool:
        try:
            async with database.reading() as session:
                await work.due(session, database, limit=1)
        except Exception:  # noqa: BLE001 - whatever it is: not ready, and the log says why
            _log.exception("the database does not answer")
            return False
        return True

    return create_app(
        stubs.services,
        dispatch,
        descriptor_set=stubs.descriptor_set,
        title="Automation engine",
        version=metadata.version("automation-engine"),
        license_id="Apache-2.0",
        rest_name_extension=stubs.rest_name,
        scope_extension=stubs.required_scope,
        bearer_extension=stubs.bearer_field,
        form_extension=stubs.takes_form,
        ready=ready,
    )


@asynccontextmanager
async def _http(engine: Engine, app: FastAPI) -> AsyncIterator[None]:
    """Serve the app with uvicorn on the running loop; its own signal handling is left out, ``serve`` has it."""
    host, port = parse_address(engine.settings.http)
    # uvicorn ends the process when it can't listen itself.
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Conflict(f"REST can't listen on {engine.settings.http}: {error.strerror}") from None
    bound = listener.getsockname()[1]
    # Without a limit, a client that never sends the end of its request would hold up the stop for ever.
    server = _HttpServer(
        uvicorn.Config(
            app,
            http="httptools",
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=round(_GRACE / 2),
            ssl_certfile=engine.settings.tls_cert,
            ssl_keyfile=engine.settings.tls_key,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:
        if serving.done():
            await serving
            raise Conflict(f"REST did not start on {engine.settings.http}")
        await asyncio.sleep(0.01)
    engine.http_url = f"{'http' if engine.settings.tls_cert is None else 'https'}://{host}:{bound}"
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class _HttpServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        with contextlib.nullcontext():
            yield


def _servicers(
    database: Database,
    stores: Stores,
    limits: RateLimits | None,
    sender: WebhookSender,
    public_url: str | None = None,
) -> list[tuple[Callable[[Any, Any], None], object]]:
    """Return every servicer with the generated function that registers it."""
    return [
        (auth_service_pb2_grpc.add_AuthServiceServicer_to_server, AuthServicer()),
        (
            automation_service_pb2_grpc.add_AutomationServiceServicer_to_server,
            AutomationServicer(database=database, stores=stores),
        ),
        (
            connector_service_pb2_grpc.add_ConnectorServiceServicer_to_server,
            ConnectorServicer(database=database, stores=stores),
        ),
        (
            export_service_pb2_grpc.add_ExportServiceServicer_to_server,
            ExportServicer(database=database, box=stores.box, public_url=public_url),
        ),
        (
            forecast_service_pb2_grpc.add_ForecastServiceServicer_to_server,
            ForecastServicer(database=database, stores=stores),
        ),
        (
            import_batch_service_pb2_grpc.add_ImportBatchServiceServicer_to_server,
            ImportBatchServicer(database=database),
        ),
        (import_job_service_pb2_grpc.add_ImportJobServiceServicer_to_server, ImportJobServicer(database=database)),
        (index_service_pb2_grpc.add_IndexServiceServicer_to_server, IndexServicer(database=database)),
        (ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server, LedgerServicer(database=database)),
        (prompt_run_service_pb2_grpc.add_PromptRunServiceServicer_to_server, PromptRunServicer(database=database)),
        (prompt_service_pb2_grpc.add_PromptServiceServicer_to_server, PromptServicer(database=database)),
        (rate_limit_service_pb2_grpc.add_RateLimitServiceServicer_to_server, RateLimitServicer(limits)),
        (
            revision_service_pb2_grpc.add_RevisionServiceServicer_to_server,
            RevisionServicer(database=database, stores=stores),
        ),
        (video_service_pb2_grpc.add_VideoServiceServicer_to_server, VideoServicer(database=database)),
        (
            webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server,
            WebhookServicer(database=database, box=stores.box, sender=sender),
        ),
    ]
