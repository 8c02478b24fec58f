"""A replay of what happened in a world comes to the batches that the world came to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation_engine.rules.model import ExistingFiles, ImportConfig, ImportMode
from automation_engine.rules.replay import Arrival, Observation, replay
from tests.unit.rules.world import START, WATCH, World, configured

LATER = 3.0
"""The world ticks at most once a second, a replay as often as it likes."""
BETWEEN = 17.0
"""Seconds after a scan at which everything happens, so that a second more or less makes no difference."""
LEFT = 3600.0


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did to a file, some scans after the deed before."""

    scans: int
    what: str
    name: str
    size: int


deeds = st.lists(
    st.builds(
        Deed,
        st.one_of(st.integers(0, 2), st.integers(0, 12)),
        st.sampled_from(["put", "put", "put", "remove", "remove", "restore", "fail"]),
        st.sampled_from(["a.mp4", "a.mp4", "a.mp4.done", "a.mp4.done", "sub/b.mp4", "c.part", "d.txt"]),
        st.sampled_from([100, 100, 100, 0]),
    ),
    max_size=12,
)
configurations = st.builds(
    configured,
    st.sampled_from([300.0, 600.0]),
    watch=st.sampled_from([WATCH, replace(WATCH, exclude_patterns=("*.txt",), done_file_pattern="*.done")]),
    existing_files=st.sampled_from(ExistingFiles),
    batch_cap=st.sampled_from([2, 100]),
    max_wait=st.sampled_from([None, 600.0]),
)


def _do(world: World, deed: Deed, removed: dict[str, tuple[str, int]]) -> Observation | None:
    """Do it, and return what somebody who compares listings notices."""
    key = f"in/{deed.name}"
    at: dict[str, Any] = {"at": world.now, "failed": not world.reachable}
    match deed.what:
        case "put":
            version = world.put(deed.name, deed.size)
            return Observation(arrived=[Arrival(deed.name, deed.size, version)], **at)
        case "remove" if key in world.objects:
            removed[key] = world.objects.pop(key)
            return Observation(gone=[deed.name], **at)
        case "restore" if key in removed and key not in world.objects:
            version, size = world.objects[key] = removed.pop(key)
            return Observation(arrived=[Arrival(deed.name, size, version)], **at)
        case "fail":
            world.reachable = not world.reachable
            return Observation(**{**at, "failed": not world.reachable})
    return None


@settings(
    max_examples=250,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(configurations, st.sampled_from(ImportMode), deeds)
def test_what_was_lived_through_and_what_is_replayed_are_the_same_batches(
    config: ImportConfig, mode: ImportMode, done: list[Deed]
) -> None:
    world = World(config=config, mode=mode)
    world.run(BETWEEN)
    observations, removed = [], dict[str, tuple[str, int]]()
    for deed in done:
        world.run(deed.scans * 30.0)
        observed = _do(world, deed, removed)
        if observed is not None:
            observations.append(observed)
    if not world.reachable:
        world.reachable = True
        observations.append(Observation(at=world.now))
    world.run(LEFT)
    replayed = replay(config, mode, observations, start=START, until=world.now)
    lived = [(fired.trigger, [key.removeprefix("in/") for key in fired.keys]) for fired in world.fired]
    assert [(batch.trigger, [member.path for member in batch.members]) for batch in replayed.batches] == lived
    for batch, fired in zip(replayed.batches, world.fired, strict=True):
        assert abs(batch.fired_at - fired.at) <= LATER
        for member, entry in zip(batch.members, fired.members, strict=True):
            assert member.size == entry.size
