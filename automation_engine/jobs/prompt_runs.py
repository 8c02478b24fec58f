"""Performing a prompt run: cut every media object into segments and analyse each with the prompt as it was saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from automation_engine.analyzers.protocol import Analysis, Analyzer, Media, MediaFacts, Prompt, Segment
from automation_engine.analyzers.registry import analyzer_for
from automation_engine.analyzers.segments import segment
from automation_engine.connectors.pool import Stores
from automation_engine.errors import (
    EngineError,
    MediaError,
    ObjectNotFound,
    StorageAway,
    StorageError,
    Unforeseen,
    VersionMismatch,
)
from automation_engine.jobs.sources import judged, open_connector, pinned
from automation_engine.jobs.suspects import BEGUN, DEADLY, Turns
from automation_engine.jobs.worker import all_of
from automation_engine.rules.retry import MAX_ATTEMPTS, backoff
from automation_engine.store import announcements, automations, outbox, runs, work
from automation_engine.store.database import Database
from automation_engine.store.tables import PromptRun, RunItem, Video
from automation_engine.store.work import Lease

_AT_A_TIME = 2
"""Media objects analysed concurrently by one run."""
_FLUSH = 20
"""Segments whose results are committed together: what a crash costs at most."""


class PromptRuns:
    """Performs prompt runs. ``chance()`` draws the jitter of retries, in [0, 1)."""

    def __init__(self, database: Database, stores: Stores, chance: Callable[[], float], turns: Turns) -> None:
        self._database = database
        self._stores = stores
        self._chance = chance
        self._turns = turns

    async def perform(self, lease: Lease) -> None:
        """Analyse what is left to analyse; come back for what has to wait; end the run when nothing is left."""
        run = await self._begin(lease)
        if run is None:
            return
        analyzer = analyzer_for(run.preset["analyzer"])
        suspects = _AT_A_TIME if lease.silences else 0  # one of those that come first may have ended the process
        while True:
            now = self._database.clock.now()
            async with self._database.reading() as session:
                items = await runs.next_items(session, run.run_id, now, limit=1 if suspects else _AT_A_TIME)
                later = await runs.next_attempt_at(session, run.run_id)
            if items:
                await all_of(
                    self._item(lease, run, analyzer, item, video, suspect=suspects > 0) for item, video in items
                )
                suspects -= suspects > 0 and not items[0][0].attempts
            elif later is not None:
                async with work.fenced(self._database, lease) as tx:
                    await work.release(tx, lease, due_at=later)
                return
            else:
                await self._end(lease, run.run_id)
                return

    async def give_up(self, lease: Lease, reason: str) -> None:
        """End the run as failed, with the reason."""
        async with work.fenced(self._database, lease) as tx:
            run = await runs.tally(tx, lease.subject)
            if run.status not in runs.TERMINAL:
                await runs.cancel_items(tx, run.run_id)
                run.status, run.error_message, run.completed_at = "failed", reason, tx.now
                await announcements.prompt_run(tx, run, "failed")
            await work.finish(tx, lease)

    async def _begin(self, lease: Lease) -> PromptRun | None:
        async with work.fenced(self._database, lease) as tx:
            run = await tx.get(PromptRun, lease.subject, with_for_update=True)
            if run is None or run.status in runs.TERMINAL:
                await work.finish(tx, lease)
                return None
            if run.status == "pending":
                run.status, run.started_at = "processing", tx.now
                tx.add(run)
                await announcements.prompt_run(tx, run, "started")
            return run

    async def _item(
        self, lease: Lease, run: PromptRun, analyzer: Analyzer, item: RunItem, video: Video | None, *, suspect: bool
    ) -> None:
        """Analyse one media object. Whatever happens to it happens to it alone, also what nobody foresaw.

        An attempt of which a process may die is written down before it is made.
        """
        suspect = suspect or item.error == BEGUN
        daring = suspect or item.attempts > 0
        async with self._turns.one(suspect=suspect):
            if daring and not await self._dared(lease, item):
                return
            await self._try(lease, run, analyzer, item, video, daring=daring)

    async def _try(
        self, lease: Lease, run: PromptRun, analyzer: Analyzer, item: RunItem, video: Video | None, *, daring: bool
    ) -> None:
        await self._start(lease, run, item)
        if video is None:
            await self._fail(lease, item, "the media was deleted before it was analysed")
            return
        try:
            await self._analyse(lease, run, analyzer, item, video, daring=daring)
        except (VersionMismatch, ObjectNotFound) as error:
            await self._fail(lease, item, f"its source changed after it was imported: {error.message}")
        except MediaError as error:
            await self._fail(lease, item, error.message)
        except (StorageError, Unforeseen) as error:
            await self._postpone(lease, item, error)
        except StorageAway as error:
            async with work.fenced(self._database, lease) as tx:
                await runs.item_waits(tx, item, error.message)
            raise

    async def _dared(self, lease: Lease, item: RunItem) -> bool:
        """Write down that an attempt begins; False once enough of them ended with their process."""
        if item.attempts >= MAX_ATTEMPTS:
            await self._fail(lease, item, DEADLY)
            return False
        async with work.fenced(self._database, lease) as tx:
            until = tx.now + backoff(item.attempts + 1, self._chance())
            await runs.postpone_item(tx, item, BEGUN, until=until)
        return True

    async def _start(self, lease: Lease, run: PromptRun, item: RunItem) -> None:
        """Tell that an item's first attempt begins, if anybody wants to know: only for them is it written down now."""
        if item.started_at is not None:
            return
        told = await outbox.listeners(self._database, run.owner)
        item.started_at = self._database.clock.now()
        if outbox.wanted(told, "media.processing.started"):
            async with work.fenced(self._database, lease) as tx:
                await runs.start_item(tx, item)
                await announcements.item_started(tx, told, run, item)

    async def _analyse(
        self, lease: Lease, run: PromptRun, analyzer: Analyzer, item: RunItem, video: Video, *, daring: bool
    ) -> None:
        patient = run.context.get("automation_id") is not None
        store = await open_connector(self._database, self._stores, video.connector_id, scope="import", patient=patient)
        source = pinned(store, video.source_key, video.source_version, video.size)
        media = Media(source=source, facts=MediaFacts(**video.facts))
        prompt = prompt_of(run.preset)
        segments = _segments(run.preset, media.facts)
        async with self._database.reading() as session:
            done = await runs.segments_done(session, run.run_id, video.video_id)
        for at in range(done, len(segments), _FLUSH):
            chunk = segments[at : at + _FLUSH]
            found = [await judged(analyzer.analyze(media, prompt, part), store, patient=patient) for part in chunk]
            async with work.fenced(self._database, lease) as tx:
                await runs.add_results(tx, _rows(item, chunk, found, tx.now))
                if daring:
                    await runs.item_got_on(tx, item)
        asked = video_level_prompt_of(run.preset)
        whole = None
        if asked is not None and media.facts.media_type != "image":
            everything = Segment(ordinal=0, start=0.0, end=segments[-1].end)
            whole = await judged(analyzer.analyze(media, asked, everything), store, patient=patient)
        async with work.fenced(self._database, lease) as tx:
            if whole is not None:
                runs.add_video_result(tx, item, whole.metadata, whole.error)
            await runs.end_item(tx, item, "completed", total_segments=len(segments), error=None)

    async def _fail(self, lease: Lease, item: RunItem, reason: str) -> None:
        async with work.fenced(self._database, lease) as tx:
            await runs.end_item(tx, item, "failed", total_segments=0, error=reason)

    async def _postpone(self, lease: Lease, item: RunItem, error: EngineError) -> None:
        attempts = item.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            await self._fail(lease, item, error.message)
            return
        async with work.fenced(self._database, lease) as tx:
            until = tx.now + backoff(attempts, self._chance())
            await runs.postpone_item(tx, item, error.message, until=until)

    async def _end(self, lease: Lease, run_id: str) -> None:
        """End the run and tell the export automation, in one transaction."""
        async with work.fenced(self._database, lease) as tx:
            run = await runs.tally(tx, run_id)
            run.status, run.completed_at = runs.outcome(run, await runs.video_level_failures(tx, run.run_id)), tx.now
            if run.status == "failed":
                run.error_message = "none of the media could be analysed"
            await announcements.prompt_run(tx, run, run.status)
            await tx.flush()
            if run.status in runs.WITH_RESULTS:
                await automations.run_finished(tx, run.index_id, run.run_id)
            await work.finish(tx, lease)


def prompt_of(preset: dict[str, Any]) -> Prompt:
    """Return the prompt that a preset holds, as it was when the preset was saved."""
    return Prompt(
        prompt_id=preset["prompt_id"],
        name=preset["prompt_name"],
        text=preset["prompt_text"],
        json_schema=preset["json_schema"],
    )


def video_level_prompt_of(preset: dict[str, Any]) -> Prompt | None:
    """Return what a preset asks of media as a whole; None when it asks nothing."""
    asked = preset["video_level"]
    if asked is None:
        return None
    return Prompt(
        prompt_id=preset["prompt_id"],
        name=preset["prompt_name"],
        text=asked["instructions_text"],
        json_schema=asked["json_schema"],
    )


def _segments(preset: dict[str, Any], facts: MediaFacts) -> list[Segment]:
    kind = "audio" if facts.media_type == "audio" else "video"
    return segment(
        facts.media_type,
        facts.duration,
        preset.get(f"{kind}_segmentation_type"),
        preset.get(f"{kind}_segment_duration"),
    )


def _rows(item: RunItem, segments: Sequence[Segment], found: Sequence[Analysis], now: float) -> list[dict[str, Any]]:
    return [
        {
            "run_id": item.run_id,
            "video_id": item.video_id,
            "ordinal": part.ordinal,
            "start_time": part.start,
            "end_time": part.end,
            "data": dict(analysis.metadata),
            "error": analysis.error,
            "created_at": now,
        }
        for part, analysis in zip(segments, found, strict=True)
    ]
