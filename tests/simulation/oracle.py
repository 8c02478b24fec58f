"""The judge: what the law promises, held against what truly happened. It shares no code with the engine.

Time is true time. The engine has nothing but a clock that can be set: a forward step makes it believe that time has
passed, so what was skipped counts as passed here, too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.simulation.history import Fired, History, Taken, Watching
from tests.simulation.plan import LENGTHS, PATTERNS
from tests.simulation.storage import Listing, Version

Identity = tuple[str, str]

SAME_FOR = 30.0
_VICTIMS = 12
"""Most processes that a claimed file may end before it is left alone: some attempts, and some that others cut short."""
_ROUNDING = 1e-3
_TEMPORARY = re.compile(r"(^|.*/)\.[^/]+(/.*)?$|.*\.(part|tmp|filepart|crdownload)$", re.IGNORECASE)
_SCAN_AT_MOST = 300.0
_RECOVERY = 900.0 + 120.0 + 60.0
"""After a trouble: the longest backoff, a lease that has to run out, and the time that a listing takes."""
_PARTS = (
    "members",
    "ready",
    "settling",
    "held",
    "claimed_before",
    "imported_before",
    "failed_before",
    "skipped_before",
    "gone_since",
)
"""What the files that matched are made of, in a certificate."""


def judge(history: History) -> list[str]:
    """Return every violation of the law, in a sentence that begins with its name."""
    return sorted(set(_Case(history).violations()))


class _Case:
    """One history, prepared for judgement."""

    def __init__(self, history: History) -> None:
        self.h = history
        self.versions: dict[Identity, Version] = {(v.key, v.token): v for v in history.bucket.history}
        self.founders: dict[str, str] = {}
        for version in history.bucket.history:
            self.founders.setdefault(version.key, version.token)
        self.answered = [one for one in history.bucket.listings if one.ended is not None]
        self.complete = [one for one in history.taken if one.complete and one.listing is not None]
        self._modes = {history.plan.mode, *history.modes}
        self.batched: dict[Identity, list[float]] = defaultdict(list)
        for fired in history.fired:
            for member in fired.members:
                self.batched[member].append(fired.at)
        self.first: dict[Identity, Listing] = {}
        self.sightings: dict[Identity, list[Listing]] = defaultdict(list)
        for listing in sorted(self.answered, key=lambda one: one.ended or 0.0):
            for identity in listing.seen.items():
                self.first.setdefault(identity, listing)
                self.sightings[identity].append(listing)

        self.existing = self._surveyed() if history.plan.existing == "skip" else set()

    def violations(self) -> Iterator[str]:
        yield from self._twice()
        yield from self._bytes()
        for number, fired in enumerate(self.h.fired):
            yield from self._members(fired)
            yield from self._allowed(fired)
            yield from self._fused(fired)
            yield from self._settled(fired)
            yield from self._not_early(fired)
            yield from self._not_blind(fired)
            yield from self._nobody_left_out(number, fired)
        yield from self._skipped_existing()
        yield from self._silence()
        yield from self._unanswered()
        yield from self._forgotten()
        yield from self._ended()
        yield from self._exports()
        yield from self._certified()

    # What the clock did.

    def _forward(self, since: float, until: float) -> float:
        return sum(step for at, step in self.h.clock_steps if since <= at <= until and step > 0)

    def _backward(self, since: float, until: float) -> float:
        return -sum(step for at, step in self.h.clock_steps if since <= at <= until and step < 0)

    # What was wanted.

    def _configs(self, at: float) -> list[Watching]:
        """Return what the automation may have been told to be at an instant: several while a call is unanswered."""
        known = [one for one in self.h.watching if one.answered <= at]
        return [*known[-1:], *(one for one in self.h.watching if one.since <= at < one.answered + _ROUNDING)]

    def _since(self, at: float) -> float:
        """Return when the present watch began, at the earliest. A call that is not answered may not have been heard."""
        began, last = 0.0, None
        for one in self.h.watching:
            if one.answered > at:
                break
            watch = (one.active, one.prefix, one.pattern)
            if watch != last:
                began, last = one.since, watch
        return began

    def _wants(self, config: Watching, key: str) -> bool:
        if not key.startswith(config.prefix):
            return False
        path = key[len(config.prefix) :]
        if not self.h.plan.recursive and "/" in path:
            return False
        if self.h.plan.excluded is not None and _fits(self.h.plan.excluded, path):
            return False
        done = self.h.plan.done
        return _fits(config.pattern, path) and not (done is not None and path.endswith(done.removeprefix("*")))

    def _declared(self, listing: Listing, key: str) -> bool:
        """Whether a listing held the sidecar that declares a file whole."""
        return self.h.plan.done is None or not listing.seen.keys().isdisjoint(self._sidecars(key))

    def _declares(self, taken: Taken, key: str) -> bool:
        return taken.listing is not None and self._declared(taken.listing, key)

    def _sidecars(self, key: str) -> set[str]:
        done = self.h.plan.done or ""
        folder, slash, name = key.rpartition("/")
        return {f"{folder}{slash}{done.replace('*', named)}" for named in (name, name.rpartition(".")[0] or name)}

    def _declared_until(self, key: str, since: float, until: float) -> bool:
        """Whether one and the same sidecar was there for the whole time."""
        if self.h.plan.done is None:
            return True
        sidecars = [version for version in self.h.bucket.history if version.key in self._sidecars(key)]
        return any(one.born <= since and (one.died is None or one.died >= until) for one in sidecars)

    def _eligible(self, config: Watching, version: Version) -> bool:
        if not self._wants(config, version.key) or version.size == 0:
            return False
        return _TEMPORARY.fullmatch(version.key[len(config.prefix) :]) is None

    # Nothing is imported twice; what is imported is what was claimed.

    def _twice(self) -> Iterator[str]:
        for (key, token), count in Counter((one.key, one.token) for one in self.h.imported).items():
            if count > self._lives((key, token)):
                yield f"imported twice: {key}@{token}"
        if self._modes == {"new_only"} and not self.h.forgotten:
            for key, count in Counter(one.key for one in self.h.imported).items():
                if count > 1:
                    yield f"imported twice: {key}, though only its first version counts"
        for identity in self.batched:
            resolved = self.h.ending.files.get(identity, [])
            final = [status for status, code in resolved if code not in {"superseded", "vanished"}]
            if len(final) > self._lives(identity):
                yield f"claimed twice: {identity[0]}@{identity[1]}"

    def _era(self, at: float) -> int:
        """Count how often everything was forgotten before an instant. A deleted automation fires nothing."""
        return sum(forgotten < at for forgotten in self.h.forgotten)

    def _lives(self, identity: Identity) -> int:
        """Return in how many eras an identity was claimed, or 1: in each of them it is imported at most once."""
        return max(1, len({self._era(at) for at in self.batched.get(identity, [])}))

    def _bytes(self) -> Iterator[str]:
        for one in self.h.imported:
            version = self.versions.get((one.key, one.token))
            if version is None or one.read != one.token:
                yield f"wrong bytes: {one.key}@{one.token} was read as {one.read}"
            elif not version.whole:
                yield f"torn: {one.key}@{one.token} was imported while it was being written"
        for run, imported, analysed in self.h.ending.results:
            if imported != analysed:
                yield f"wrong bytes: {run} analysed {analysed}, not {imported}"

    # Who may be a member.

    def _members(self, fired: Fired) -> Iterator[str]:
        keys = [key for key, _ in fired.members]
        if not keys:
            yield f"membership: {fired.batch_id} is empty"
        if keys != sorted(keys) or len(set(fired.members)) != len(keys):
            yield f"membership: {fired.batch_id} is not in key order"
        if len(keys) > self.h.plan.cap or len(keys) != fired.counted:
            yield f"membership: {fired.batch_id} has {len(keys)} members, counts {fired.counted}"
        configs = self._configs(fired.at)
        for identity in fired.members:
            version = self.versions.get(identity)
            if version is None or not any(self._eligible(config, version) for config in configs):
                yield f"membership: {identity[0]}@{identity[1]} does not belong into {fired.batch_id}"

    def _fused(self, fired: Fired) -> Iterator[str]:
        fuse, held = self.h.plan.fuse, fired.batch_id in self.h.held
        if fuse is None or len(fired.members) <= fuse:
            if held:
                yield f"held for nothing: {fired.batch_id}"
        elif not held:
            yield f"fuse: {fired.batch_id} started at once, with {len(fired.members)} files of at most {fuse}"
        elif fired.batch_id in self.h.started.keys() - self.h.approved:
            yield f"fuse: {fired.batch_id} started, and nobody approved it"

    def _surveyed(self) -> set[Identity]:
        """Return what may have been there before the automation watched: it, or what it came to watch instead."""
        found: set[Identity] = set()
        watch: tuple[str, str, int] | None = None
        for config in self.h.watching:
            # What was asked for in the instant of a deletion came behind it: calls that waited are answered together.
            lives = sum(deleted <= config.since for deleted in self.h.deleted)
            if (config.prefix, config.pattern, lives) == watch:
                continue
            watch = (config.prefix, config.pattern, lives)
            for one in self.complete:
                if one.at >= config.since:
                    found |= _items(one)
                    if one.listing is not None and one.listing.started >= config.answered:
                        break
        return found

    def _skipped_existing(self) -> Iterator[str]:
        """Check that what the very first scan found was left out. Lenient once everything was forgotten."""
        if self.h.plan.existing != "skip" or not self.complete or self.h.forgotten:
            return
        for key, token in _items(self.complete[0]) & self.batched.keys():
            yield f"existing: {key}@{token} was there before, and was imported"

    def _allowed(self, fired: Fired) -> Iterator[str]:
        if not any(config.active for config in self._configs(fired.at)):
            yield f"fired while stopped: {fired.batch_id}"

    # Nothing is taken while its bytes change.

    def _settled(self, fired: Fired) -> Iterator[str]:
        debounce = min(LENGTHS[one.debounce] for one in self.h.watching if one.since <= fired.at)
        for identity in fired.members:
            seen = [
                one
                for one in self.sightings[identity]
                if (one.ended or 0.0) <= fired.at and self._declared(one, identity[0])
            ]
            needed = debounce if self._was_growing(identity, fired.at) else SAME_FOR
            if not seen:
                yield f"not settled: {identity[0]}@{identity[1]} was never listed"
                continue
            since, until = min(one.ended or 0.0 for one in seen), max(one.started for one in seen)
            if until - since + self._forward(since, until) < needed - _ROUNDING:
                lasted = f"{until - since:.0f} s of {needed:.0f} s"
                yield f"not settled: {identity[0]}@{identity[1]} had the same bytes for {lasted}"

    def _was_growing(self, identity: Identity, until: float) -> bool:
        """Whether the scan that met it first had met another version of it before, which still waited.

        Lenient after everything was forgotten: which scan met it first then is not known from outside.
        """
        if self._era(until):
            return False
        number = next((n for n, one in enumerate(self.complete) if identity in _items(one)), None)
        if not number:
            return False
        here, before = self.complete[number], self.complete[number - 1]
        earlier = _seen(before).get(identity[0])
        if earlier is None or earlier == identity[1] or self.first.get(identity) is not here.listing:
            return False
        between = (one for one in self.answered if _ended(before) < (one.ended or 0.0) < _ended(here))
        if any(one.seen.get(identity[0]) != earlier for one in between):
            return False  # it had ceased to wait: what an attempt has met counts, even if it died
        configs = [*self._configs(before.at), *self._configs(here.at)]
        return self._waits((identity[0], earlier)) and all(self._wants(config, identity[0]) for config in configs)

    def _waits(self, identity: Identity) -> bool:
        """Whether what was met was neither claimed nor left out."""
        return identity not in self.batched and identity not in self.existing and not self._skipped(identity)

    def _skipped(self, identity: Identity) -> bool:
        """Whether ``new_only`` may have left it out at once."""
        if "new_only" not in self._modes:
            return False
        return any(key == identity[0] for key, _ in self.batched)

    def _follows(self, identity: Identity) -> bool:
        """Whether ``new_only`` may leave it out, because it is not the first version of its key."""
        return "new_only" in self._modes and self.founders[identity[0]] != identity[1]

    # When a window may fire.

    def _taken_before(self, fired: Fired) -> list[Taken]:
        since = self._since(fired.at)
        return [one for one in self.complete if one.at <= fired.at and one.listing and one.listing.started >= since]

    def _not_early(self, fired: Fired) -> Iterator[str]:
        taken = self._taken_before(fired)
        if not taken:
            yield f"blind: {fired.batch_id} fired before any complete scan"
            return
        configs = self._configs(fired.at)
        if not self._first_of_sequence(fired):
            return
        if fired.trigger == "quiet":
            yield from self._quiet(fired, taken, configs)
        elif fired.trigger == "max_wait":
            yield from self._waited(fired, configs)
        elif not any(at <= fired.at for at in self.h.asked):
            yield f"fired unasked: {fired.batch_id}"

    def _quiet(self, fired: Fired, taken: list[Taken], configs: list[Watching]) -> Iterator[str]:
        needed = min(LENGTHS[config.debounce] for config in configs)
        changed = 0.0
        for one in taken:
            for identity in _items(one):
                if self.first[identity] is one.listing and any(self._wants(c, identity[0]) for c in configs):
                    changed = max(changed, _ended(one))
        changed = max(changed, min(_ended(one) for one in taken))
        covered = max(one.listing.started for one in taken if one.listing is not None)
        if covered - changed + self._forward(changed, fired.at) < needed - _ROUNDING:
            yield f"early: {fired.batch_id} fired {fired.at - changed:.0f} s after the last change, not {needed:.0f} s"

    def _waited(self, fired: Fired, configs: list[Watching]) -> Iterator[str]:
        needed = min(self.h.plan.longest_wait(config.debounce) for config in configs)
        oldest = min(
            (
                listing.ended or 0.0
                for identity, listing in self.first.items()
                if (listing.ended or 0.0) <= fired.at
                and not any(at < fired.at for at in self.batched.get(identity, []))
            ),
            default=fired.at,
        )
        if fired.at - oldest + self._forward(oldest, fired.at) < needed - _ROUNDING:
            yield f"early: {fired.batch_id} fired as if the longest wait had ended"

    def _not_blind(self, fired: Fired) -> Iterator[str]:
        earlier = [one for one in self.h.taken if one.at <= fired.at]
        known = [one for one in earlier if one.complete]
        if earlier and not earlier[-1].complete and self._first_of_sequence(fired):
            yield f"blind: {fired.batch_id} fired although the last scan had failed"
        if known and self._first_of_sequence(fired):
            at = known[-1].at
            if fired.at - at > _SCAN_AT_MOST + SAME_FOR + 10.0 + self._backward(at, fired.at):
                yield f"blind: {fired.batch_id} fired {fired.at - at:.0f} s after the last complete scan"

    def _first_of_sequence(self, fired: Fired) -> bool:
        """A batch that follows a full one may belong to the same firing."""
        at = self.h.fired.index(fired)
        return at == 0 or len(self.h.fired[at - 1].members) < self.h.plan.cap

    # One firing for a window: whoever was ready is in it.

    def _nobody_left_out(self, number: int, fired: Fired) -> Iterator[str]:
        if len(fired.members) >= self.h.plan.cap:
            return
        taken = self._taken_before(fired)
        configs = self._configs(fired.at)
        if len(taken) < 2 or len(configs) > 1:
            return
        needed, last = max(LENGTHS[one.debounce] for one in self.h.watching), taken[-1]
        present = set(_items(last))
        era = self._era(fired.at)
        upto = {member for one in self.h.fired[: number + 1] if self._era(one.at) == era for member in one.members}
        for identity in present - upto:
            listings = [one for one in taken if identity in _items(one) and self._declares(one, identity[0])]
            if not listings or identity in self.existing:
                continue
            since, until = _ended(listings[0]), last.listing.started if last.listing else 0.0
            run = taken[taken.index(listings[0]) :]
            steady = len(run) == len(listings) and not self._met_another(identity, since, fired.at)
            # Lenient: a clock that was set back makes the engine count from there, and a first version stands for all.
            calm = not self._backward(since, fired.at) and not self._follows(identity)
            version = self.versions[identity]
            if steady and calm and until - since > needed + 1.0 and self._eligible(configs[0], version):
                yield f"left out: {identity[0]}@{identity[1]} was ready and is not in {fired.batch_id}"

    def _met_another(self, identity: Identity, since: float, until: float) -> bool:
        """Whether a listing showed another version: what an attempt has met counts, even if it died."""
        key, token = identity
        between = (one for one in self.h.bucket.listings if since <= one.started <= until)
        return any(one.seen.get(key, token) != token for one in between)

    # Nobody calls while nobody should.

    def _silence(self) -> Iterator[str]:
        for n, config in enumerate(self.h.watching):
            until = self.h.watching[n + 1].since if n + 1 < len(self.h.watching) else self.h.end
            if not config.active:
                for call in self.h.bucket.pages:
                    if config.answered + _ROUNDING < call.at < until - _ROUNDING:
                        yield f"called while stopped: a listing at {call.at:.1f} s"

    def _unanswered(self) -> Iterator[str]:
        """A call may fail with the database, and is made again; one that goes on failing is broken."""
        spoilt = self.h.faults.get("database error", 0)
        for what, count in self.h.failed.items():
            if count > spoilt:
                yield f"unanswered: {what} failed {count} times, the database {spoilt} times"

    # Nothing is forgotten.

    def _quiet_spans(self) -> Iterator[tuple[float, float]]:
        """Yield the spans in which nothing stood in the engine's way."""
        free = 0.0
        for since, until in sorted(self.h.troubles):
            if since > free:
                yield free, since
            free = max(free, until)
        yield free, self.h.end

    def _forgotten(self) -> Iterator[str]:
        spans = [(since, until) for since, until in self._quiet_spans() if until - since > _RECOVERY]
        for version in self.h.bucket.history:
            identity = (version.key, version.token)
            if self._follows(identity) or identity in self.existing:
                continue
            for since, until in spans:
                config = [one for one in self.h.watching if one.answered <= since + _ROUNDING][-1:]
                if not config or not config[0].active or not self._eligible(config[0], version):
                    continue
                bound = self._bound(config[0])
                start = max(since + _RECOVERY, version.born)
                end = until if version.died is None else min(until, version.died)
                era = self._era(start)
                claimed = [at for at in self.batched.get(identity, []) if self._era(at) == era]
                if not self._declared_until(version.key, start, start + bound):
                    continue
                if start + bound <= end and not any(at <= start + bound for at in claimed):
                    due = f"there since {version.born:.0f} s, was due by {start + bound:.0f} s"
                    yield f"forgotten: {version.key}@{version.token}, {due}"
                    break

    def _bound(self, config: Watching) -> float:
        debounce = LENGTHS[config.debounce]
        scan = min(max(debounce / 10.0, 30.0), _SCAN_AT_MOST)
        pages = 2.0 * (1 + len(self.h.bucket.history) / self.h.plan.page_size) * 3.0
        return (
            debounce + self.h.plan.longest_wait(config.debounce) + 2 * scan + pages + 4 * (self.h.plan.lateness + 10.0)
        )

    # Everything comes to its end.

    def _ended(self) -> Iterator[str]:
        settled = self._settled_for() > _RECOVERY
        for job, status, total, imported, failed, skipped in self.h.ending.jobs:
            if status in {"completed", "failed"}:
                if imported + failed + skipped != total:
                    yield f"miscounted: {job} has {total} files, counts {imported} + {failed} + {skipped}"
            elif settled and status != "cancelled":
                yield f"unfinished: {job} is {status}"
            if status == "failed" and imported:
                yield f"given up: {job} failed, and had imported {imported} of {total} files"
        for run, status, _ in self.h.ending.runs:
            if settled and status not in {"completed", "completed_with_failures", "failed", "cancelled"}:
                yield f"unfinished: {run} is {status}"
        for owner, count in Counter(owner for _, _, owner in self.h.ending.runs).items():
            if count > 1 and owner not in self.h.retried:
                yield f"run twice: {owner} has {count} runs"
        yield from self._files()
        yield from self._items()

    def _settled_for(self) -> float:
        """Return for how long nothing fired and nothing was in the way. Poison ends processes in the calm, too."""
        last = max((one.at for one in self.h.fired), default=0.0)
        upset = max((until for _, until in self.h.troubles), default=0.0)
        return self.h.end - max(last, upset, self.h.plan.calm)

    def _files(self) -> Iterator[str]:
        imported = Counter((one.key, one.token) for one in self.h.imported)
        for identity, resolved in self.h.ending.files.items():
            said = sum(status == "imported" for status, _ in resolved)
            if said != imported[identity]:
                counts = f"is imported {imported[identity]} times, and {said} files say so"
                yield f"miscounted: {identity[0]}@{identity[1]} {counts}"
            version = self.versions.get(identity)
            for status, code in resolved:
                if status == "failed" and version is not None and version.whole and not version.poison:
                    yield f"failed for nothing: {identity[0]}@{identity[1]} ({code})"
                if (
                    status == "skipped"
                    and code in {"superseded", "vanished"}
                    and version is not None
                    and version.died is None
                ):
                    yield f"skipped for nothing: {identity[0]}@{identity[1]} is still there"

    def _items(self) -> Iterator[str]:
        """Check that only what is poison, or was replaced before it was analysed, is not analysed, and its price."""
        retried = self.h.faults.get("retry job", 0)
        for version in self.h.bucket.history:
            claims = self._lives((version.key, version.token)) + retried
            if version.victims > _VICTIMS * claims:
                yield f"deadly: {version.key}@{version.token} ended {version.victims} processes"
        for run, key, token, status, error in self.h.ending.items:
            version = self.versions[key, token]
            if status == "failed" and version.died is None and not version.poison:
                yield f"failed for nothing: {key}@{token} in {run} ({error})"

    def _certified(self) -> Iterator[str]:
        """Check that each batch can show that it left nothing out, against what the storage had listed."""
        listings = {one.epoch: one for one in self.complete}
        for batch, files, told in self.h.ending.certificates:
            if told is None:
                yield f"not certified: {batch}"
                continue
            parts = [told[name] for name in _PARTS]
            if told["members"] != files or told["unexplained"] or told["matched"] != sum(parts) or min(parts) < 0:
                yield f"not certified: {batch} has {files} files, and says {told}"
            taken = listings[told["scan_epoch"]]
            configs = {(one.prefix, one.pattern): one for one in self._configs(taken.at)}
            if len(configs) == 1:
                config = next(iter(configs.values()))
                wanted = sum(self._wants(config, key) for key, _ in _items(taken))
                if wanted != told["matched"]:
                    yield f"not certified: {batch} says that {told['matched']} files matched, and {wanted} did"

    def _exports(self) -> Iterator[str]:
        for (run, generation), count in Counter((one[0], one[2]) for one in self.h.ending.exports).items():
            if count > 1:
                yield f"exported twice: {run} in generation {generation}"
        bodies: dict[str, bytes] = {}
        for _, key, data in self.h.target.puts:
            if bodies.setdefault(key, data) != data:
                yield f"rewritten: {key} was delivered with other bytes"
        if not self.h.plan.exporting or self._settled_for() < _RECOVERY:
            return
        delivered = {run for run, status, _, _ in self.h.ending.exports if status == "completed"}
        names = {key.rpartition("/")[2].rpartition("-")[0] for key in bodies if key.endswith(".manifest.json")}
        for run, status, _ in self.h.ending.runs:
            if status in {"completed", "completed_with_failures"} and not (run in delivered and run in names):
                yield f"not exported: {run}"


def _fits(pattern: str, path: str) -> bool:
    """Whether a path below the watched folder fits a pattern, which is about names unless it has a slash."""
    return re.fullmatch(PATTERNS[pattern], path if "/" in pattern else path.rpartition("/")[2]) is not None


def _seen(taken: Taken) -> dict[str, str]:
    return {} if taken.listing is None else taken.listing.seen


def _items(taken: Taken) -> set[Identity]:
    return set(_seen(taken).items())


def _ended(taken: Taken) -> float:
    return taken.at if taken.listing is None or taken.listing.ended is None else taken.listing.ended
