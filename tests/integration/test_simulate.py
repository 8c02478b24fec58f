"""Simulations over REST: recorded scans of a real folder, replayed under other settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from automation_engine.servicers import simulations
from automation_engine.store.tables import Batch
from tests.e2e.world import Folder, World, open_world


class Simulating:
    """A world with a recording."""

    def __init__(self, world: World, root: Path) -> None:
        self.world = world
        self.root = root

    def write(self, *paths: str) -> None:
        for path in paths:
            (self.root / "incoming" / "daily" / path).write_bytes(b"bytes")

    async def simulate(self, *settings: dict[str, Any], expect: int = 200, **more: Any) -> Any:
        path = f"/indexes/{self.world.ids['index']}/automations/import/simulate"
        return await self.world.rest("POST", path, {"settings": list(settings), **more}, expect=expect)


@pytest.fixture
async def simulating(tmp_path: Path) -> AsyncIterator[Simulating]:
    """Three deliveries, ten minutes apart, to an automation with D = 5 min; the last one still waits."""
    async with open_world(tmp_path) as world:
        root = tmp_path / "media"
        (root / "incoming" / "daily").mkdir(parents=True)
        await world.set_up(Folder(root))
        there = Simulating(world, root)
        there.write("a1.mp4", "a2.mp4", "notes.txt")
        await world.advance(600)
        there.write("b1.mp4")
        await world.advance(600)
        there.write("c1.mp4", "c2.mov")
        await world.advance(60)
        yield there


def by_name(found: Any) -> dict[str, Any]:
    return {outcome["name"]: outcome for outcome in found["outcomes"]}


async def test_settings_are_replayed_side_by_side_with_what_is_saved(simulating: Simulating) -> None:
    found = await simulating.simulate({"debounce_interval": "10m"}, {"name": "films", "file_pattern": "*.mov"})
    assert (found["recorded_scans"], found["recorded_arrivals"], found["limitation"]) == (3, 6, None)
    assert list(by_name(found)) == ["current", "1", "films"]
    current, slower, films = found["outcomes"]
    assert (current["batch_count"], current["objects"], current["bytes"], current["still_waiting"]) == (2, 3, 15, 1)
    assert (current["mean_batch_size"], current["max_batch_size"]) == (1.5, 2)
    assert [batch["object_count"] for batch in current["batches"]] == [2, 1]
    assert (current["wait_p50_seconds"], current["wait_max_seconds"]) == (300.0, 300.0)
    assert (slower["debounce_interval"], slower["max_wait"], slower["file_pattern"]) == ("10m", "1800s", "*.mp4")
    assert slower["objects"] + slower["still_waiting"] == 4
    assert slower["wait_p50_seconds"] >= 600.0
    assert (films["objects"], films["still_waiting"], films["file_pattern"]) == (0, 1, "*.mov")


async def test_today_as_it_is_replayed_makes_the_batches_that_were_made(simulating: Simulating) -> None:
    current = by_name(await simulating.simulate({}))["current"]
    async with simulating.world.database.reading() as session:
        made = (await session.exec(select(Batch.object_count).order_by(col(Batch.fired_at)))).all()
    assert [batch["object_count"] for batch in current["batches"]] == list(made)
    assert by_name(await simulating.simulate({}))["1"] == {**current, "name": "1"}


async def test_more_settings_batch_limits_and_exclusions_are_replayed(simulating: Simulating) -> None:
    given = {"batch_limit": 1, "exclude_patterns": ["a2*"], "file_pattern": "*", "max_wait": "300s"}
    outcome = by_name(await simulating.simulate({"name": "all", **given}))["all"]
    assert outcome["exclude_patterns"] == ["a2*"]
    assert outcome["max_batch_size"] == outcome["batch_limit"] == 1
    assert outcome["objects"] + outcome["still_waiting"] == 5


async def test_what_was_recorded_before_an_instant_can_be_left_out(simulating: Simulating) -> None:
    since = datetime.fromtimestamp(simulating.world.clock.now() - 700, UTC).isoformat()
    found = await simulating.simulate({}, since=since)
    assert (found["recorded_scans"], found["recorded_arrivals"]) == (2, 3)
    assert by_name(found)["current"]["objects"] == 1
    assert "3 files" in found["limitation"]


async def test_what_begins_in_the_future_holds_nothing_and_says_so(simulating: Simulating) -> None:
    found = await simulating.simulate({}, since="2099-01-01T00:00:00Z")
    assert (found["recorded_scans"], found["recorded_from"]) == (0, found["recorded_until"])
    assert found["limitation"].startswith("Nothing was recorded since then.")
    assert [outcome["batch_count"] for outcome in found["outcomes"]] == [0, 0]


async def test_a_recording_that_is_too_long_is_cut_and_says_so(
    simulating: Simulating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulations, "MAX_ARRIVALS", 3)
    found = await simulating.simulate({})
    assert found["recorded_arrivals"] == 3
    assert "3 oldest arrivals" in found["limitation"]


async def test_what_is_paused_is_simulated_as_if_it_ran(simulating: Simulating) -> None:
    await simulating.world.automation("pause", {})
    assert by_name(await simulating.simulate({}))["current"]["batch_count"] == 2


async def test_what_was_never_recorded_is_no_error(simulating: Simulating) -> None:
    await simulating.world.automation(body=simulating.world.import_body(source_prefix="elsewhere/"))
    found = await simulating.simulate({"debounce_interval": "1d"})
    assert (found["recorded_from"], found["recorded_scans"]) == (None, 0)
    assert found["limitation"].startswith("Nothing was recorded")
    assert [outcome["batch_count"] for outcome in found["outcomes"]] == [0, 0]


async def test_a_setting_that_could_not_be_saved_is_refused_by_its_number(simulating: Simulating) -> None:
    for given, field in (
        ({"file_pattern": "[a"}, "settings[1].file_pattern"),
        ({"debounce_interval": "1h", "max_wait": "300s"}, "settings[1].max_wait"),
    ):
        refused = await simulating.simulate({}, given, expect=422)
        [violation] = refused["error"]["details"]["violations"]
        assert violation["field"] == field
    assert violation["message"] == "must be at least the debounce interval, 1h: 3600s; got 300s"
    await simulating.simulate(expect=422)
    await simulating.simulate(*[{}] * 9, expect=422)


async def test_an_index_without_an_automation_has_nothing_to_simulate(simulating: Simulating) -> None:
    simulating.world.ids["index"] = (await simulating.world.rest("POST", "/indexes", {"name": "Empty"}))["index_id"]
    await simulating.simulate({}, expect=404)
