"""Fingerprints, an unchanged rescan, and the ledger's queries, all at a million objects."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import text

from automation_engine.clock import VirtualClock
from automation_engine.connectors.protocol import PAGE_SIZE, ObjectInfo
from automation_engine.jobs.census import Census
from automation_engine.rules.effects import StartBatch
from automation_engine.rules.engine import create_import
from automation_engine.rules.model import ImportConfig, Trigger, Watch
from automation_engine.store import automations, imports, ledger
from automation_engine.store.database import Database, Snapshot, sqlite_url
from automation_engine.store.fingerprints import Fingerprints, fingerprint
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Automation
from tests.bench.measure import Figure, paired, paired_of, rate, seconds_of

GROUP = "ledger"
MILLION = 1_000_000
_READY, _SETTLING = 10_000, 1_000
_WATCH = Watch(connector_id="conn_bench", source_prefix="incoming/", file_pattern="*.mp4")
_VERSION = "d41d8cd98f00b204e9800998ecf8427e+1048576"

_FILL = text(
    """
    INSERT INTO ledger (automation_seq, fingerprint, key, version, size, last_modified, state, growing, epoch,
                        first_seen_at, batch_id)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :rows - 1)
    SELECT :seq, randomblob(16), printf('incoming/%03d/clip_%07d.mp4', i / 5000, i), :version, 1048576 + i, 1.7e9,
           CASE WHEN i < :ready THEN 'ready' WHEN i < :ready + :settling THEN 'settling'
                WHEN i % 1000 = 0 THEN 'failed' WHEN i % 100 = 0 THEN 'skipped' ELSE 'imported' END,
           0, 1, 1.7e9 + i, CASE WHEN i >= :ready + :settling THEN printf('batch_%d', i / 10000) END
    FROM n
    """
)


async def measure() -> list[Figure]:
    """Sets in memory first, then queries on a real database."""
    return [*_sets(), await _rescan(), *await _queries()]


def _sets() -> list[Figure]:
    hashes = [_print(number) for number in range(MILLION)]
    compact, plain = Fingerprints(hashes), set(hashes)
    page = hashes[::1000]
    plain_bytes = plain.__sizeof__() + len(plain) * hashes[0].__sizeof__()
    names = [_key(number) for number in range(PAGE_SIZE)]
    keys = [f"conn_bench\0{_key(number)}\0{_VERSION}".encode() for number in range(PAGE_SIZE)]
    return [
        paired(
            GROUP,
            "fingerprint of an object",
            unit="/s",
            ours=lambda: rate(lambda: [fingerprint("conn_bench", key, _VERSION) for key in names], PAGE_SIZE),
            reference="BLAKE2b alone",
            theirs=lambda: rate(lambda: [blake2b(key, digest_size=16).digest() for key in keys], PAGE_SIZE),
        ),
        paired(
            GROUP,
            "membership of an object, 1,000,000 known",
            unit="/s",
            ours=lambda: rate(lambda: compact.positions(page), len(page)),
            reference="set of bytes",
            theirs=lambda: rate(lambda: [one in plain for one in page], len(page)),
        ),
        Figure(
            group=GROUP,
            name="memory of an object",
            value=compact.nbytes / MILLION,
            unit="B",
            reference="set of bytes",
            reference_value=plain_bytes / MILLION,
            ratio=plain_bytes / compact.nbytes,
        ),
    ]


def _key(number: int) -> str:
    return f"incoming/{number // 5000:03d}/clip_{number:07d}.mp4"


def _print(number: int) -> bytes:
    return fingerprint("conn_bench", _key(number), _VERSION)


def _pages() -> Iterator[list[ObjectInfo]]:
    for first in range(0, MILLION, PAGE_SIZE):
        yield [
            ObjectInfo(key=_key(number), version=_VERSION, size=1_048_576, last_modified=1.7e9)
            for number in range(first, first + PAGE_SIZE)
        ]


async def _rescan() -> Figure:
    """Only what the engine does with a page is timed, not the making of the page."""
    known = Fingerprints(_print(number) for number in range(MILLION))
    versions = {_key(number): _VERSION for number in range(MILLION)}
    census = Census(_WATCH, known)
    ours = theirs = 0.0
    for page in _pages():
        begun = time.perf_counter()
        census.take(page)
        turned = time.perf_counter()
        changed = [info for info in page if info.key.endswith(".mp4") and versions.get(info.key) != info.version]
        theirs += time.perf_counter() - turned
        ours += turned - begun
        if changed:
            raise ValueError("the listing was meant to be unchanged")
    if census.new or census.matched != MILLION:
        raise ValueError(f"an unchanged rescan met {census.new} new of {census.matched} objects")
    census.close()
    return Figure(
        group=GROUP,
        name="unchanged rescan of 1,000,000 objects",
        value=MILLION / ours,
        unit="objects/s",
        reference="dict of key to version",
        reference_value=MILLION / theirs,
        ratio=theirs / ours,
    )


@dataclass(frozen=True, slots=True)
class _Ledgers:
    """A database with two automations: of a million identities and of those that wait in it, nothing else."""

    database: Database
    large: int = 1
    small: int = 2


async def _queries() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(sqlite_url(Path(folder) / "engine.db"), clock=VirtualClock())
        await migrate(database)
        ledgers = _Ledgers(database)
        async with database.transaction() as tx:
            for seq, rows in ((ledgers.large, MILLION), (ledgers.small, _READY + _SETTLING)):
                tx.add(_automation(seq))
                given = {"seq": seq, "rows": rows, "ready": _READY, "settling": _SETTLING, "version": _VERSION}
                await (await tx.connection()).execute(_FILL, given)
        figures = [await _query(ledgers, name, ask) for name, ask in _QUESTIONS.items()]
        figures.append(await _timed("claim of 10,000", lambda seq: _claim(ledgers, seq), ledgers))
        await database.close()
    return figures


_QUESTIONS: dict[str, Callable[[Snapshot, int], Awaitable[Any]]] = {
    "pending": ledger.pending,
    "waiting, 5,000 of 11,000": lambda session, seq: ledger.waiting(
        session, seq, epoch=2, listed_at=0.0, after_seq=0, limit=5_000
    ),
    "held_by": lambda session, seq: ledger.held_by(session, seq, limit=20),
    "counts": ledger.counts,
}


async def _query(ledgers: _Ledgers, name: str, ask: Callable[[Snapshot, int], Awaitable[Any]]) -> Figure:
    async def asked(seq: int) -> None:
        async with ledgers.database.reading() as session:
            await ask(session, seq)

    return await _timed(name, asked, ledgers)


async def _timed(name: str, asked: Callable[[int], Awaitable[None]], ledgers: _Ledgers) -> Figure:
    return await paired_of(
        GROUP,
        f"{name}, of 1,000,000 rows",
        unit="ms",
        ours=lambda: _milliseconds(lambda: asked(ledgers.large)),
        reference="the same of those that wait",
        theirs=lambda: _milliseconds(lambda: asked(ledgers.small)),
        less_is_better=True,
    )


async def _milliseconds(action: Callable[[], Awaitable[None]]) -> float:
    return 1e3 * await seconds_of(action)


async def _claim(ledgers: _Ledgers, seq: int) -> None:
    async with ledgers.database.transaction() as tx:
        row = await tx.get_one(Automation, seq)
        effect = StartBatch(key="batch_bench", sequence=1, limit=10_000, trigger=Trigger.QUIET)
        await imports.start_batch(tx, row, automations.import_state(row), effect)
        await tx.rollback()  # the next round shall find the same
        tx.bells.clear()


def _automation(seq: int) -> Automation:
    config = ImportConfig(watch=_WATCH, debounce=300.0)
    row = Automation(
        seq=seq,
        automation_id=f"auto_{seq}",
        owner="bench",
        index_id=f"idx_{seq}",
        kind="import",
        config={},
        state={},
        created_at=0.0,
        updated_at=0.0,
    )
    automations.save_state(row, create_import(row.automation_id, config, 0.0).state)
    return row
