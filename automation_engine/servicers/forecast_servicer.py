"""``ForecastService``: what import automations would do, or would have done. It writes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from automation_engine.connectors.pool import Stores
from automation_engine.rules.model import ImportMode
from automation_engine.servicers import caller, previews, simulations
from automation_engine.store import automations, recordings
from automation_engine.store.automations import IMPORT
from automation_engine.store.database import Database
from automation_engine.store.tables import Connector
from automation_engine.v1 import forecast_service_pb2 as pb
from automation_engine.v1.forecast_service_pb2_grpc import ForecastServiceServicer

SECONDS = 20.0
"""How long a preview may list, in real seconds."""


class ForecastServicer(ForecastServiceServicer):
    """Forecasts for the caller's indexes. Storage is never reached within a transaction."""

    def __init__(self, *, database: Database, stores: Stores, seconds: float = SECONDS) -> None:
        self._database = database
        self._stores = stores
        self._seconds = seconds
        self._simulating = asyncio.Semaphore(1)  # each takes a processor for itself

    async def PreviewImport(self, request: pb.PreviewImportRequest, _context: Any) -> pb.PreviewImportResponse:
        """Hold an unsaved configuration against the live listing."""
        by = caller.current()
        found = await previews.preview(self._database, self._stores, by, request, seconds=self._seconds)
        return pb.PreviewImportResponse(preview=found)

    async def SimulateImport(self, request: pb.SimulateImportRequest, _context: Any) -> pb.SimulateImportResponse:
        """Replay what was recorded under other settings. Raises ``NotFound``, ``InvalidArgument`` for a setting."""
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, request.index_id, IMPORT)
            state = automations.import_state(row)
            connector = await session.get(Connector, state.config.watch.connector_id)
            mode = ImportMode.ALL if connector is None else ImportMode(connector.import_mode)
            chosen = simulations.settings(state.config, request.settings)
            rows = await recordings.load(session, automations.row_seq(row))
        since = request.since.ToMicroseconds() / 1e6 if request.HasField("since") else None
        async with self._simulating:
            replayed = await asyncio.to_thread(simulations.simulate, state, mode, chosen, rows, since)
        return pb.SimulateImportResponse(replay=replayed)
