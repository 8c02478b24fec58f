"""The doorbell: whoever rings is heard, once."""

from __future__ import annotations

import asyncio

from automation_engine.jobs.queue import Doorbell

PATIENCE = 20.0


async def test_a_unit_that_waits_already_is_not_enqueued_again() -> None:
    performed: list[str] = []
    began, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def perform(work_id: str) -> None:
        performed.append(work_id)
        began.set()
        await go_on.wait()
        if work_id == "last":
            ended.set()

    doorbell = Doorbell(perform, {"scan": 1, "import": 1})
    answering = asyncio.create_task(doorbell.run())
    await doorbell.ring([("scan", "a"), ("scan", "a")])
    await asyncio.wait_for(began.wait(), PATIENCE)
    for _ in range(100):  # ``a`` is being performed: what rings now may have come too late for it
        await doorbell.ring([("scan", "a"), ("scan", "b"), ("scan", "a")])
    await doorbell.ring([("scan", "last")])
    go_on.set()
    await asyncio.wait_for(ended.wait(), PATIENCE)
    await doorbell.stop(grace=1.0)
    await answering
    assert performed == ["a", "a", "b", "last"]
