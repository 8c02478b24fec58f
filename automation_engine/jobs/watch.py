"""The watch tick: let every automation for which time makes a difference decide."""

from __future__ import annotations

from automation_engine.rules import events
from automation_engine.rules.model import Phase
from automation_engine.store import automations
from automation_engine.store.database import Database


class Watch:
    """The tick of one process. It remembers its last instant: a clock that was set back makes everything due."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = float("-inf")

    async def tick(self) -> None:
        """Decide on the passing of time wherever it is due: start scans, fire what waited long enough."""
        now = self._database.clock.now()
        if now < self._last:
            async with self._database.reading() as session:
                due = await automations.all_of(session, automations.IMPORT)
        else:
            due = await automations.due(self._database, now)
        for automation_id in due:
            await tick_one(self._database, automation_id)
        self._last = now  # only now: a tick that failed has to notice it again


async def tick_one(database: Database, automation_id: str) -> None:
    """Decide for one automation. Of a sequence, each batch is a transaction: a pause can come between two."""
    firing = True
    while firing:
        async with database.transaction() as tx:
            held = await automations.hold(tx, automation_id)
            if held is None:
                return
            decision = await automations.advance(tx, held, events.Ticked())
            firing = decision.state.phase is Phase.FIRING


async def export_tick(database: Database) -> None:
    """Deliver what waits for an export automation that is not stopped."""
    async with database.reading() as session:
        waiting = await automations.with_queued_runs(session)
    for automation_id in waiting:
        async with database.transaction() as tx:
            row = await automations.lock(tx, automation_id)
            if row is not None:
                await automations.apply_export(tx, row, events.Ticked())


async def restart(database: Database) -> None:
    """Make every automation scan before it fires: this process knows nothing of what happened meanwhile."""
    async with database.reading() as session:
        known = await automations.all_of(session, automations.IMPORT)
    for automation_id in known:
        async with database.transaction() as tx:
            held = await automations.hold(tx, automation_id)
            if held is not None:
                await automations.advance(tx, held, events.Restarted())
