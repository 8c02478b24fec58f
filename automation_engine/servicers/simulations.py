"""Simulations: recorded scans of an import automation replayed under other settings, side by side with today's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from automation_engine.errors import InvalidArgument, Violation
from automation_engine.rules.matching import folder
from automation_engine.rules.model import (
    DEBOUNCE_INTERVALS,
    ExistingFiles,
    ImportConfig,
    ImportMode,
    ImportState,
    scan_interval,
)
from automation_engine.rules.replay import Arrival, Observation, Replay, replay
from automation_engine.rules.selection import compile_selection
from automation_engine.servicers import forecasts
from automation_engine.servicers.import_settings import check_max_wait, duration
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store import recordings
from automation_engine.store.recordings import Changes, Place, RecordedScan
from automation_engine.v1 import automation_pb2, forecast_pb2

MAX_ARRIVALS = 200_000
"""Most arrivals that are replayed: some four seconds of computing for each setting."""
CURRENT = "current"

_INTERVAL = automation_pb2.DebounceInterval.DESCRIPTOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A configuration to replay under, with its name."""

    name: str
    config: ImportConfig


def settings(saved: ImportConfig, asked: Sequence[forecast_pb2.ReplaySetting]) -> list[Setting]:
    """Return what is saved, then what is asked for. Raises ``InvalidArgument`` for the setting that can't be saved."""
    current = replace(saved, enabled=True, paused=False)
    return [Setting(name=CURRENT, config=current)] + [
        Setting(name=given.name if given.HasField("name") else str(at + 1), config=_changed(current, given, at))
        for at, given in enumerate(asked)
    ]


def _changed(saved: ImportConfig, given: forecast_pb2.ReplaySetting, at: int) -> ImportConfig:
    debounce, watch = saved.debounce, saved.watch
    if given.HasField("debounce_interval"):
        debounce = DEBOUNCE_INTERVALS[word(_INTERVAL, given.debounce_interval)]
    if given.HasField("file_pattern"):
        watch = replace(watch, file_pattern=given.file_pattern)
    if given.exclude_patterns:
        watch = replace(watch, exclude_patterns=tuple(given.exclude_patterns))
    longest = given.max_wait.ToMicroseconds() / 1e6 if given.HasField("max_wait") else saved.max_wait
    try:
        compile_selection(watch)
        check_max_wait(longest, _interval(debounce))
        return replace(
            saved,
            debounce=debounce,
            watch=watch,
            max_wait=longest,
            batch_cap=given.batch_limit if given.HasField("batch_limit") else saved.batch_cap,
        )
    except InvalidArgument as error:
        violations = [Violation(field=f"settings[{at}].{v.field}", message=v.message) for v in error.violations]
        raise InvalidArgument(violations) from None
    except ValueError as error:
        raise InvalidArgument.of(f"settings[{at}]", str(error)) from None


def _interval(debounce: float) -> str:
    return next(name for name, seconds in DEBOUNCE_INTERVALS.items() if seconds == debounce)


def simulate(
    state: ImportState, mode: ImportMode, chosen: Sequence[Setting], rows: Sequence[RecordedScan], since: float | None
) -> forecast_pb2.ImportReplay:
    """Replay what was recorded. It computes for seconds: call it in a thread."""
    recording = _read(state, rows)
    if recording is None:
        nothing = "Nothing was recorded yet of the place that is watched now."
        outcomes = [_outcome(setting, Replay(batches=[], waiting=0)) for setting in chosen]
        return forecast_pb2.ImportReplay(outcomes=outcomes, limitation=nothing)
    part = _part(recording, since)
    return forecast_pb2.ImportReplay(
        recorded_from=timestamp(part.start),
        recorded_until=timestamp(recording.until),
        recorded_scans=len(part.observations),
        recorded_arrivals=sum(len(observation.arrived) for observation in part.observations),
        outcomes=[_outcome(setting, _replayed(setting, mode, recording, part)) for setting in chosen],
        limitation=" ".join(_limitations(state, chosen, recording, part)) or None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """What was recorded of the place that is watched now, decoded. ``survey``: from the first scan of a generation on.

    ``before`` was there already when it began; ``whole``: all that was there then is known.
    """

    observations: Sequence[Observation]
    before: Sequence[Arrival]
    until: float
    survey: bool
    whole: bool
    narrow: bool
    damaged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What of it is replayed. ``left_out`` arrivals are older than the oldest that may be replayed."""

    start: float
    observations: Sequence[Observation]
    known: Sequence[Arrival]
    left_out: int


def _read(state: ImportState, rows: Sequence[RecordedScan]) -> _Recording | None:
    """Read the newest rows that are of the place that is watched now, from where the recording last began."""
    watch = state.config.watch
    place = Place(connector_id=watch.connector_id, prefix=folder(watch.source_prefix), recursive=watch.recursive)
    scans: list[tuple[RecordedScan, Changes]] = []
    damaged = 0
    for row in reversed(rows):
        try:
            changes = recordings.decode(row.blob)
        except ValueError:
            damaged += 1
            continue
        if changes.head.place != place:
            break
        scans.append((row, changes))
        if changes.head.baseline:
            break
    if not scans:
        return None
    scans.reverse()
    first, last = scans[0][1], scans[-1]
    return _Recording(
        observations=_observations(scans),
        before=[_arrival(file) for file in first.files if file.before],
        until=max(last[0].at, state.scanned_at or last[0].at),
        survey=first.head.baseline and first.head.survey,
        whole=first.head.baseline,
        narrow=any(changes.narrow for _, changes in scans),
        damaged=damaged,
    )


def _observations(scans: Sequence[tuple[RecordedScan, Changes]]) -> list[Observation]:
    """Return what was seen; who is gone has the path that was recorded under its number, if that row is still there."""
    paths: dict[int, str] = {}
    found = []
    for row, changes in scans:
        gone = [path for path in (paths.pop(number, None) for number in changes.gone) if path is not None]
        paths.update(enumerate((file.path for file in changes.files), changes.head.number))
        arrived = [_arrival(file) for file in changes.files if not file.before]
        found.append(Observation(at=row.at, arrived=arrived, gone=gone, failed=row.failed))
    return found


def _arrival(file: recordings.RecordedFile) -> Arrival:
    return Arrival(file.path, file.size, file.print)


def _part(recording: _Recording, since: float | None) -> _Part:
    """Choose what is replayed: not what is older than ``since``, nor more than may be."""
    observations = recording.observations
    first = 0
    if since is not None:
        first = next((at for at, seen in enumerate(observations) if seen.at >= since), len(observations))
    room, cut = MAX_ARRIVALS, len(observations)
    while cut > first and len(observations[cut - 1].arrived) <= room:
        cut -= 1
        room -= len(observations[cut].arrived)
    older = [arrival for seen in observations[:cut] for arrival in seen.arrived]
    start = recording.until if cut == len(observations) else observations[cut].at
    if since is not None and cut == first:
        start = min(max(since, observations[0].at), recording.until)
    return _Part(
        start=start,
        observations=observations[cut:],
        known=[*recording.before, *older],
        left_out=sum(len(seen.arrived) for seen in observations[first:cut]),
    )


def _replayed(setting: Setting, mode: ImportMode, recording: _Recording, part: _Part) -> Replay:
    config = setting.config
    if not recording.survey or len(part.observations) < len(recording.observations):
        config = replace(config, existing_files=ExistingFiles.IMPORT)  # what was there then is known to be no arrival
    return replay(config, mode, part.observations, start=part.start, until=recording.until, known=part.known)


def _limitations(state: ImportState, chosen: Sequence[Setting], recording: _Recording, part: _Part) -> list[str]:
    """Say in plain sentences what the recording can't tell."""
    interval = scan_interval(state.config.debounce)
    before = len(part.known) - part.left_out
    said: list[tuple[bool, Callable[[], str]]] = [
        (not part.observations, lambda: "Nothing was recorded since then."),
        (part.left_out > 0, lambda: f"The {part.left_out:,} oldest arrivals are left out: no more are replayed."),
        (before > 0, lambda: f"What was there before ({forecasts.counted(before)}) counts as imported."),
        (not recording.whole, lambda: "What was recorded earlier was dropped: files from then count as imported."),
        (recording.damaged > 0, lambda: f"Recorded scans that can't be read are left out ({recording.damaged:,})."),
        (
            recording.narrow,
            lambda: "Files that the saved pattern doesn't match are too many: not all of them were recorded.",
        ),
        (
            any(scan_interval(setting.config.debounce) < interval for setting in chosen),
            lambda: f"Arrivals are known to the nearest scan, {interval:.0f} s apart: some would have been met sooner.",
        ),
    ]
    return [sentence() for holds, sentence in said if holds]


def _outcome(setting: Setting, outcome: Replay) -> forecast_pb2.ReplayOutcome:
    config, batches = setting.config, outcome.batches
    sizes = [len(batch.members) for batch in batches]
    waits = sorted(batch.fired_at - member.first_seen_at for batch in batches for member in batch.members)
    below = folder(config.watch.source_prefix)
    return forecast_pb2.ReplayOutcome(
        name=setting.name,
        debounce_interval=number(_INTERVAL, _interval(config.debounce)),
        file_pattern=config.watch.file_pattern,
        exclude_patterns=config.watch.exclude_patterns,
        max_wait=duration(config.longest_wait),
        batch_limit=config.batch_cap,
        objects=sum(sizes),
        bytes=sum(batch.bytes for batch in batches),
        batch_count=len(batches),
        mean_batch_size=sum(sizes) / len(sizes) if sizes else 0.0,
        max_batch_size=max(sizes, default=0),
        wait_p50_seconds=_nearest_rank(waits, 0.5),
        wait_p99_seconds=_nearest_rank(waits, 0.99),
        wait_max_seconds=_nearest_rank(waits, 1.0),
        still_waiting=outcome.waiting,
        batches=[forecasts.batch(batch, below) for batch in batches[-forecasts.BATCHES :]],
    )


def _nearest_rank(ordered: Sequence[float], share: float) -> float:
    """Return the least value that at least that share of all values don't exceed; 0 without values."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0
