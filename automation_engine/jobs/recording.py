"""Recording: what changed from scan to scan, of everything below the prefix, whether or not the pattern matches it.

Between two scans, what was there is kept as a set of half fingerprints in memory, 24 bytes each with their numbers. A
process that starts anew, or comes late because another one scanned meanwhile, catches up from what was recorded. A scan
that finds nothing changed writes nothing, and asks the database for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.rules.matching import folder
from automation_engine.rules.model import ImportState
from automation_engine.store import recordings
from automation_engine.store.database import Database, Transaction
from automation_engine.store.fingerprints import fingerprint
from automation_engine.store.recordings import PRINT, Encoder, Head, Place, RecordedFile, RecordedScan

DAYS = 30.0
"""How long a recording is kept, unless a setting says otherwise."""
_MOST_BYTES = 64 << 20
"""What a recording may take, of each automation."""
_MOST_UNMATCHED = 1_000_000
"""Files that the pattern doesn't match: where there are more, they are not recorded."""
_KEPT_BYTES = 256 << 20
"""What is kept in memory between scans, of all automations together."""
_PRUNED_EVERY = 3_600.0
_DAY = 86_400.0
_UNRECORDED = -1
"""The number of a file of which nothing is recorded any more, or never was."""

_Prints = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """What was there after scan ``epoch``. ``prints`` are sorted, ``numbers`` and ``matched`` in their order.

    ``whole``: no part of the recording was dropped, so that what is not in it is new.
    """

    generation: int
    epoch: int
    place: Place | None = None
    prints: _Prints = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    matched: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    next_number: int = 0
    whole: bool = True
    narrow: bool = False

    @property
    def nbytes(self) -> int:
        return self.prints.nbytes + self.numbers.nbytes + self.matched.nbytes


class Survey:
    """One listing held against the one before. ``take`` every page; ``result`` is what was there in the end."""

    def __init__(self, seq: int, epoch: int, state: ImportState, memory: _Memory) -> None:
        place = _place(state)
        self._baseline = memory.place != place
        self._survey = state.surveyed != state.generation
        if self._baseline:
            memory = _Memory(generation=state.generation, epoch=epoch, place=place)
        self.seq = seq
        self.epoch = epoch
        self.generation = state.generation
        self._place = place
        self._memory = memory
        self._narrow = memory.narrow
        self._unmatched = 0
        self._seen = np.zeros(len(memory.prints), dtype=np.bool_)
        self._matched = np.zeros(len(memory.prints), dtype=np.bool_)
        self._met_prints = bytearray()
        self._met_numbers: list[int] = []
        self._met_matched = bytearray()
        self._encoder: Encoder | None = self._encode() if self._baseline else None
        self.result = replace(memory, epoch=epoch, matched=self._matched)

    def take(
        self,
        page: Sequence[ObjectInfo],
        matching: Sequence[ObjectInfo],
        prints: Sequence[bytes],
        new: NDArray[np.bool_],
    ) -> None:
        """Take a page: of it what the pattern matches, with its fingerprints and whether the ledger meets it anew."""
        self._hold(matching, prints, new, matched=True)
        if len(matching) < len(page) and not self._narrow:
            chosen = {info.key for info in matching}
            others = [info for info in page if info.key not in chosen]
            self._unmatched += len(others)
            if self._unmatched > _MOST_UNMATCHED:
                self._narrow = True
                return
            connector_id = self._place.connector_id
            others_prints = [fingerprint(connector_id, info.key, info.version) for info in others]
            arrive = np.full(len(others), self._baseline and self._survey)
            self._hold(others, others_prints, arrive, matched=False)

    def _hold(
        self, page: Sequence[ObjectInfo], prints: Sequence[bytes], new: NDArray[np.bool_], *, matched: bool
    ) -> None:
        if not page:
            return
        known = self._memory.prints
        words = np.frombuffer(b"".join(prints), dtype=">u8")[::2].astype(np.uint64)
        at = np.searchsorted(known, words)
        hit = at < len(known)
        hit[hit] = known[at[hit]] == words[hit]
        self._seen[at[hit]] = True
        self._matched[at[hit]] = matched
        for index in np.flatnonzero(~hit).tolist():
            self._meet(page[index], prints[index][:PRINT], new=bool(new[index]), matched=matched)

    def _meet(self, info: ObjectInfo, half: bytes, *, new: bool, matched: bool) -> None:
        """Note a file that was not there before. Only the ledger can tell where a part of the recording was dropped."""
        number = _UNRECORDED
        if self._baseline or self._memory.whole or new:
            if self._encoder is None:
                self._encoder = self._encode()
            number = self._encoder.head.number + self._encoder.files
            path = info.key[len(self._place.prefix) :]
            before = self._baseline and not new
            self._encoder.add(RecordedFile(path=path, size=info.size, print=half, before=before))
        self._met_prints += half
        self._met_numbers.append(number)
        self._met_matched.append(matched)

    def _encode(self) -> Encoder:
        number = self._memory.next_number
        head = Head(place=self._place, number=number, baseline=self._baseline, survey=self._survey)
        return Encoder(head)

    def finish(self, at: float, *, recovered: bool) -> RecordedScan | None:
        """Return what is to be recorded, or None. ``recovered``: the scan before failed, which was recorded."""
        left = ~self._seen
        if self._narrow and not self._memory.narrow:
            left &= self._memory.matched  # nobody looked for the others
        gone = np.sort(self._memory.numbers[left])
        gone = gone[gone != _UNRECORDED]
        if self._met_numbers or not self._seen.all() or self._baseline:
            self.result = self._remembered()
        if self._encoder is None:
            if not len(gone) and not recovered and self._narrow == self._memory.narrow:
                return None
            self._encoder = self._encode()
        arrivals, files = self._encoder.arrivals, self._encoder.files
        self.result = replace(self.result, next_number=self._memory.next_number + files)
        blob = self._encoder.finish(gone.tolist(), narrow=self._narrow)
        return RecordedScan(
            epoch=self.epoch, generation=self.generation, at=at, failed=False, arrivals=arrivals, blob=blob
        )

    def _remembered(self) -> _Memory:
        """Return what was there in the end: what was seen again and what was met, without what nobody looks for."""
        met = np.frombuffer(bytes(self._met_prints), dtype=">u8").astype(np.uint64)
        matched = np.concatenate([self._matched[self._seen], np.frombuffer(bytes(self._met_matched), dtype=np.bool_)])
        numbers = np.concatenate([self._memory.numbers[self._seen], np.array(self._met_numbers, dtype=np.int64)])
        prints = np.concatenate([self._memory.prints[self._seen], met])
        prints, first = np.unique(prints, return_index=True)
        numbers, matched = numbers[first], matched[first]
        kept = matched if self._narrow else np.ones(len(prints), dtype=np.bool_)
        return replace(
            self.result,
            prints=prints[kept],
            numbers=numbers[kept],
            matched=matched[kept],
            whole=True,
            narrow=self._narrow,
        )


class Recorder:
    """Records scans; ``days`` is how long that is kept, in days of the engine's clock."""

    def __init__(self, database: Database, days: float = DAYS) -> None:
        self._database = database
        self._days = days
        self._kept: dict[int, _Memory] = {}
        self._pruned_at: dict[int, float] = {}

    async def survey(self, seq: int, epoch: int, state: ImportState) -> Survey:
        """Begin to hold a listing against the one before."""
        memory = self._kept.pop(seq, None)
        if memory is None or memory.generation != state.generation:
            memory = await self._caught_up(seq, _Memory(generation=state.generation, epoch=-1))
        elif memory.epoch + 1 != epoch:
            memory = await self._caught_up(seq, memory)
        self._kept[seq] = memory
        return Survey(seq, epoch, state, memory)

    async def _caught_up(self, seq: int, memory: _Memory) -> _Memory:
        async with self._database.reading() as session:
            rows = await recordings.load(session, seq, after_epoch=memory.epoch)
        return await asyncio.to_thread(_replayed, memory, rows) if rows else memory

    async def write(self, tx: Transaction, survey: Survey, at: float, *, recovered: bool) -> None:
        """Record what a complete scan found, if anything changed."""
        recorded = survey.finish(at, recovered=recovered)
        if recorded is not None:
            await self._add(tx, survey.seq, recorded)

    async def write_failure(self, tx: Transaction, seq: int, epoch: int, state: ImportState) -> None:
        """Record the first one of the failures in a row."""
        blob = Encoder(Head(place=_place(state), number=_UNRECORDED)).finish([], narrow=False)
        scan = RecordedScan(epoch=epoch, generation=state.generation, at=tx.now, failed=True, arrivals=0, blob=blob)
        await self._add(tx, seq, scan)

    async def _add(self, tx: Transaction, seq: int, scan: RecordedScan) -> None:
        await recordings.add(tx, seq, scan)
        if abs(tx.now - self._pruned_at.get(seq, 0.0)) >= _PRUNED_EVERY:
            self._pruned_at[seq] = tx.now
            await recordings.prune(tx, seq, before=tx.now - self._days * _DAY, max_bytes=_MOST_BYTES)

    def keep(self, survey: Survey) -> None:
        """Remember what was there, once it has been committed."""
        self._kept.pop(survey.seq, None)
        self._kept[survey.seq] = survey.result
        while sum(memory.nbytes for memory in self._kept.values()) > _KEPT_BYTES and len(self._kept) > 1:
            del self._kept[next(iter(self._kept))]  # the one that was not used for longest


def _place(state: ImportState) -> Place:
    watch = state.config.watch
    return Place(connector_id=watch.connector_id, prefix=folder(watch.source_prefix), recursive=watch.recursive)


def _replayed(memory: _Memory, rows: Sequence[RecordedScan]) -> _Memory:
    """Return what was there after those scans. What can't be read is as if it had been dropped."""
    prints, numbers = [memory.prints], [memory.numbers]
    gone: list[int] = []
    place, next_number, narrow = memory.place, memory.next_number, memory.narrow
    whole = memory.whole and place is not None
    for row in rows:
        if row.failed:
            continue
        try:
            changes = recordings.decode(row.blob)
        except ValueError:
            whole = False
            continue
        if changes.head.baseline:
            prints, numbers, gone, whole = [], [], [], True
        place, narrow = changes.head.place, changes.narrow
        next_number = changes.head.number + len(changes.files)
        prints.append(np.frombuffer(b"".join(file.print for file in changes.files), dtype=">u8").astype(np.uint64))
        numbers.append(np.arange(changes.head.number, next_number, dtype=np.int64))
        gone.extend(changes.gone)
    known, first = np.unique(np.concatenate([*prints][::-1]), return_index=True)
    counted = np.concatenate([*numbers][::-1])[first]
    here = ~np.isin(counted, np.array(gone, dtype=np.int64))
    return _Memory(
        generation=memory.generation,
        epoch=rows[-1].epoch,
        place=place,
        prints=known[here],
        numbers=counted[here],
        matched=np.ones(int(here.sum()), dtype=np.bool_),
        next_number=next_number,
        whole=whole,
        narrow=narrow,
    )
