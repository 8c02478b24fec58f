"""The main job by a real process on real storage, its clock 300 times faster: five quiet minutes take one second."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from tests.e2e.processes import FAST, Scene, Service, until
from tests.e2e.world import Bucket, Folder

Clip = Callable[[int], bytes]
Moment = Callable[[Scene], Awaitable[object]]
DAY = "incoming/daily/"


@pytest.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Run one service for all that needs no other; each test has an index and folders of its own."""
    roots = ("--local-root", tmp_path_factory.getbasetemp())
    async with Service(tmp_path_factory.mktemp("service"), *FAST, *roots) as service:
        yield service


@pytest.fixture
def places(tmp_path: Path) -> tuple[Folder, Folder]:
    """Return a folder to watch and one to deliver to."""
    return Folder(tmp_path / "watched"), Folder(tmp_path / "delivered")


async def test_two_files_of_one_delivery_are_one_job_one_run_and_one_export(
    service: Service, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    """On local folders and on S3."""
    scene = await Scene.set_up(service, *buckets)
    await scene.source.put(DAY + "a.mp4", clip(1))
    await scene.source.put(DAY + "sub/b.mp4", clip(2))
    await scene.source.put(DAY + "notes.txt", b"not asked for")
    await scene.delivered(1)
    await scene.nothing_lost_or_doubled(["a.mp4", "b.mp4"], jobs=1)


async def test_a_file_that_still_grows_is_never_imported(
    service: Service, places: tuple[Folder, Folder], clip: Clip
) -> None:
    """Its writer goes on for longer than the longest wait, three seconds, which takes the file that was whole."""
    scene = await Scene.set_up(service, *places)
    data, rng = clip(1), random.Random(7)  # noqa: S311 - a pace, not a secret
    growing = places[0].root / DAY / "growing.mp4"
    await scene.source.put(DAY + "whole.mp4", clip(2))
    pieces = 26
    for piece in range(pieces):
        with growing.open("ab") as file:
            file.write(data[piece * len(data) // pieces : (piece + 1) * len(data) // pieces])
        assert "growing.mp4" not in await scene.claimed()
        await asyncio.sleep(rng.uniform(0.1, 0.3))  # the writer's own pace
    assert await scene.claimed() == ["whole.mp4"]
    await scene.delivered(2)
    await scene.nothing_lost_or_doubled(["growing.mp4", "whole.mp4"], jobs=2)


@pytest.mark.parametrize("import_mode", ["all", "new_only"])
async def test_a_replaced_file_is_imported_again_only_when_all_versions_are_wanted(
    service: Service, places: tuple[Folder, Folder], clip: Clip, import_mode: str
) -> None:
    scene = await Scene.set_up(service, *places, import_mode=import_mode)
    await scene.source.put(DAY + "a.mp4", clip(1))
    await scene.delivered(1)
    await scene.source.put(DAY + "a.mp4", clip(2))
    if import_mode == "all":
        await scene.delivered(2)
        await scene.nothing_lost_or_doubled(["a.mp4", "a.mp4"], jobs=2)
        return

    async def skipped() -> bool:
        return bool((await scene.status())["backlog"]["skipped"] == 1)

    await until("the second version is skipped", skipped)
    await scene.source.put(DAY + "b.mp4", clip(3))  # a whole window later the second version still is
    await scene.delivered(2)
    await scene.nothing_lost_or_doubled(["a.mp4", "b.mp4"], jobs=2)


async def test_a_paused_automation_imports_nothing_and_its_backlog_is_one_job(
    service: Service, places: tuple[Folder, Folder], clip: Clip
) -> None:
    scene = await Scene.set_up(service, *places)
    assert (await scene.automation("POST", "/pause"))["state"] == "paused"
    other = await Scene.set_up(service, places[0], Folder(places[1].root.parent / "other"))
    titles = [f"{number}.mp4" for number in range(3)]
    for number, title in enumerate(titles):
        await scene.source.put(DAY + title, clip(number))
    await other.delivered(1)  # whoever is not paused has had the time
    assert (await scene.jobs(), (await scene.status())["next_trigger_at"]) == ([], None)
    await scene.automation("POST", "/resume")
    await scene.delivered(1)
    await scene.nothing_lost_or_doubled(titles, jobs=1)


async def test_a_corrupt_file_fails_alone_and_the_rest_is_delivered(
    service: Service, places: tuple[Folder, Folder], clip: Clip
) -> None:
    scene = await Scene.set_up(service, *places)
    await scene.source.put(DAY + "good.mp4", clip(1))
    await scene.source.put(DAY + "text.mp4", b"this is no film\n" * 100)
    await scene.source.put(DAY + "torn.mp4", clip(2)[:700])
    await scene.delivered(1)
    [listed] = await scene.jobs()
    job = await service.rest("GET", f"/import-jobs/{listed['job_id']}")
    assert (job["status"], job["progress"]["imported"], job["progress"]["failed"]) == ("completed", 1, 2)
    assert {failure["path"] for failure in job["failed_files"]} == {DAY + "text.mp4", DAY + "torn.mp4"}
    assert all(failure["error"] for failure in job["failed_files"])
    assert await scene.videos() == ["good.mp4"]


async def test_a_terminated_service_stops_gracefully_and_the_next_start_finishes_the_rest(
    tmp_path: Path, places: tuple[Folder, Folder], clip: Clip
) -> None:
    async with Service(tmp_path, *FAST) as service:
        scene = await Scene.set_up(service, *places)
        titles = await _deliver(scene, clip, "a", 6)
        await _first_sight(scene.runs)
        assert await service.running.stop(SIGTERM) == 0
        assert "stopping: finishing or releasing what runs" in service.running.said
        assert "Traceback" not in service.running.said
        await service.start()
        await scene.delivered(1)
        await scene.nothing_lost_or_doubled(titles, jobs=1)


async def test_a_client_that_never_ends_its_request_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        host, _, port = service.http.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        path = "/api/v2/indexes/idx_1/automations/import"
        writer.write(f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        assert (await service.send("GET", "/healthz")).status_code == 200
        assert await service.running.stop(SIGTERM) == 0
        writer.close()


async def test_a_service_that_is_killed_at_any_moment_loses_and_doubles_nothing(
    tmp_path: Path, places: tuple[Folder, Folder], clip: Clip
) -> None:
    """One delivery after another, a kill in the middle of each, always on the data that the kills before have left."""
    rng = random.Random(20_260_101)  # noqa: S311 - moments, not secrets
    moments: dict[str, Moment] = {
        "the delivery was noticed": lambda scene: until("a backlog", lambda: _backlog(scene), every=0.005),
        "the import job began": lambda scene: _first_sight(scene.jobs),
        "the prompt run began": lambda scene: _first_sight(scene.runs),
        "the export began": lambda scene: _first_sight(scene.exports),
    }
    for after in (rng.uniform(0.0, 0.5) for _ in range(3)):
        moments[f"the import job had begun {after:.3f} s ago"] = partial(_later, after)
    async with Service(tmp_path, *FAST) as service:
        scene = await Scene.set_up(service, *places)
        titles: list[str] = []
        for number, (story, moment) in enumerate(moments.items(), start=1):
            titles += await _deliver(scene, clip, str(number), 4)
            await moment(scene)
            await service.kill()
            await service.start()
            try:
                await scene.delivered(number)
                await scene.nothing_lost_or_doubled(titles, jobs=number)
            except (AssertionError, TimeoutError) as error:
                raise AssertionError(f"killed when {story}: {error}\n{await scene.status()}") from error
        assert "Traceback" not in service.running.said  # of no start that came after a kill


async def _deliver(scene: Scene, clip: Clip, name: str, count: int) -> list[str]:
    """Put files there, and return their titles. Prepared before, they arrive at once."""
    titles = [f"{name}-{number}.mp4" for number in range(count)]
    for seed, title in enumerate(titles):
        await scene.source.put(DAY + title, clip(seed))
    return titles


async def _first_sight(look: Callable[[], Awaitable[list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Return as soon as there is one more than the completed ones, or one more than at first."""
    before = len(await look())

    async def more() -> list[dict[str, Any]]:
        seen = await look()
        return seen if len(seen) > before else []

    return await until("one more", more, every=0.005)


async def _later(seconds: float, scene: Scene) -> None:
    """Return some time after the first sight of a new import job."""
    await _first_sight(scene.jobs)
    await asyncio.sleep(seconds)  # the moment itself


async def _backlog(scene: Scene) -> bool:
    backlog = (await scene.status())["backlog"]
    return bool(backlog["settling"] + backlog["ready"])
