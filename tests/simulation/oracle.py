"""The judge: what the law promises, held against what truly happened. It shares no code with the engine.

Time is true time. The engine has nothing but a clock that can be set: a forward step makes it believe that time has
passed, so what was skipped counts as passed here, too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.simulation.history import Fired, History, Taken, Watching
from tests.simulation.plan import LENGTHS, LONGEST_WAIT, PATTERNS
from tests.simulation.storage import Listing, Version

Identity = tuple[str, str]

SAME_FOR = 30.0
_ROUNDING = 1e-3
_TEMPORARY = re.compile(r"(^|.*/)\.[^/]+(/.*)?$|.*\.(part|tmp|filepart|crdownload)$", re.IGNORECASE)
_SCAN_AT_MOST = 300.0
_RECOVERY = 900.0 + 120.0 + 60.0
"""After a trouble: the longest backoff, a lease that has to run out, and the time that a listing takes."""


def judge(history: History) -> list[str]:
    """Return every violation of the law, in a sentence that begins with its name."""
    return sorted(set(_Case(history).violations()))


class _Case:
    """One history, prepared for judgement."""

    def __init__(self, history: History) -> None:
        self.h = history
        self.versions: dict[Identity, Version] = {(v.key, v.token): v for v in history.bucket.history}
        self.answered = [one for one in history.bucket.listings if one.ended is not None]
        self.complete = [one for one in history.taken if one.complete and one.listing is not None]
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

    def violations(self) -> Iterator[str]:
        yield from self._twice()
        yield from self._bytes()
        for number, fired in enumerate(self.h.fired):
            yield from self._members(fired)
            yield from self._allowed(fired)
            yield from self._settled(fired)
            yield from self._not_early(fired)
            yield from self._not_blind(fired)
            yield from self._nobody_left_out(number, fired)
        yield from self._silence()
        yield from self._forgotten()
        yield from self._ended()
        yield from self._exports()

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
        """Return when the present watch began, at the earliest."""
        began, last = 0.0, None
        for one in self.h.watching:
            if one.since > at:
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
        if "/" in config.pattern:
            return re.fullmatch(PATTERNS[config.pattern], path) is not None
        return re.fullmatch(PATTERNS[config.pattern], path.rpartition("/")[2]) is not None

    def _eligible(self, config: Watching, version: Version) -> bool:
        if not self._wants(config, version.key) or version.size == 0:
            return False
        return _TEMPORARY.fullmatch(version.key[len(config.prefix) :]) is None

    # Nothing is imported twice; what is imported is what was claimed.

    def _twice(self) -> Iterator[str]:
        for (key, token), count in Counter((one.key, one.token) for one in self.h.imported).items():
            if count > 1:
                yield f"imported twice: {key}@{token}"
        if self.h.plan.mode == "new_only":
            for key, count in Counter(one.key for one in self.h.imported).items():
                if count > 1:
                    yield f"imported twice: {key}, though only its first version counts"
        for identity, instants in self.batched.items():
            resolved = self.h.ending.files.get(identity, [])
            final = [status for status, code in resolved if code not in {"superseded", "vanished"}]
            if len(instants) > 1 and len(final) > 1:
                yield f"claimed twice: {identity[0]}@{identity[1]}"

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

    def _allowed(self, fired: Fired) -> Iterator[str]:
        if not any(config.active for config in self._configs(fired.at)):
            yield f"fired while stopped: {fired.batch_id}"

    # Nothing is taken while its bytes change.

    def _settled(self, fired: Fired) -> Iterator[str]:
        debounce = min(LENGTHS[one.debounce] for one in self.h.watching if one.since <= fired.at)
        for identity in fired.members:
            seen = [one for one in self.sightings[identity] if (one.ended or 0.0) <= fired.at]
            needed = debounce if self._was_growing(identity) else SAME_FOR
            if not seen:
                yield f"not settled: {identity[0]}@{identity[1]} was never listed"
                continue
            since, until = min(one.ended or 0.0 for one in seen), max(one.started for one in seen)
            if until - since + self._forward(since, until) < needed - _ROUNDING:
                lasted = f"{until - since:.0f} s of {needed:.0f} s"
                yield f"not settled: {identity[0]}@{identity[1]} had the same bytes for {lasted}"

    def _was_growing(self, identity: Identity) -> bool:
        """Whether the scan that met it first had met another version of it before, which still waited."""
        number = next((n for n, one in enumerate(self.complete) if identity in _items(one)), None)
        if not number:
            return False
        here, before = self.complete[number], self.complete[number - 1]
        earlier = _seen(before).get(identity[0])
        if earlier is None or earlier == identity[1] or self.first.get(identity) is not here.listing:
            return False
        configs = [*self._configs(before.at), *self._configs(here.at)]
        if not all(self._wants(config, identity[0]) for config in configs):
            return False
        return (identity[0], earlier) not in self.batched and not self._skipped((identity[0], earlier))

    def _skipped(self, identity: Identity) -> bool:
        """Whether ``new_only`` left it out at once."""
        if self.h.plan.mode != "new_only":
            return False
        return any(key == identity[0] for key, _ in self.batched)

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
        needed = min(LONGEST_WAIT[config.debounce] for config in configs)
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
        before = [one for one in self.h.fired if one.at < fired.at or (one.at == fired.at and one is not fired)]
        return not before or len(before[-1].members) < self.h.plan.cap

    # One firing for a window: whoever was ready is in it.

    def _nobody_left_out(self, number: int, fired: Fired) -> Iterator[str]:
        if len(fired.members) >= self.h.plan.cap or self.h.plan.mode == "new_only":
            return
        taken = self._taken_before(fired)
        configs = self._configs(fired.at)
        if len(taken) < 2 or len(configs) > 1:
            return
        needed, last = max(LENGTHS[one.debounce] for one in self.h.watching), taken[-1]
        present = set(_items(last))
        upto = {member for one in self.h.fired[: number + 1] for member in one.members}
        for identity in present - upto:
            listings = [one for one in taken if identity in _items(one)]
            since, until = _ended(listings[0]), last.listing.started if last.listing else 0.0
            run = taken[taken.index(listings[0]) :]
            steady = len(run) == len(listings)
            calm = not self._backward(since, fired.at) and not any(
                one.stale for one in self.answered if since <= one.started
            )
            version = self.versions[identity]
            if steady and calm and until - since > needed + 1.0 and self._eligible(configs[0], version):
                yield f"left out: {identity[0]}@{identity[1]} was ready and is not in {fired.batch_id}"

    # Nobody calls while nobody should.

    def _silence(self) -> Iterator[str]:
        for n, config in enumerate(self.h.watching):
            until = self.h.watching[n + 1].since if n + 1 < len(self.h.watching) else self.h.end
            if not config.active:
                for call in self.h.bucket.pages:
                    if config.answered + _ROUNDING < call.at < until - _ROUNDING:
                        yield f"called while stopped: a listing at {call.at:.1f} s"

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
        newest = self.h.plan.mode == "new_only"
        keys = Counter(version.key for version in self.h.bucket.history)
        for version in self.h.bucket.history:
            if newest and keys[version.key] > 1:
                continue
            identity = (version.key, version.token)
            for since, until in spans:
                config = [one for one in self.h.watching if one.answered <= since + _ROUNDING][-1:]
                if not config or not config[0].active or not self._eligible(config[0], version):
                    continue
                bound = self._bound(config[0])
                start = max(since + _RECOVERY, version.born)
                end = until if version.died is None else min(until, version.died)
                if start + bound <= end and not any(at <= start + bound for at in self.batched.get(identity, [])):
                    due = f"there since {version.born:.0f} s, was due by {start + bound:.0f} s"
                    yield f"forgotten: {version.key}@{version.token}, {due}"
                    break

    def _bound(self, config: Watching) -> float:
        debounce = LENGTHS[config.debounce]
        scan = min(max(debounce / 10.0, 30.0), _SCAN_AT_MOST)
        pages = 2.0 * (1 + len(self.h.bucket.history) / self.h.plan.page_size) * 3.0
        return debounce + LONGEST_WAIT[config.debounce] + 2 * scan + pages + 4 * (self.h.plan.lateness + 10.0)

    # Everything comes to its end.

    def _ended(self) -> Iterator[str]:
        last = max((one.at for one in self.h.fired), default=0.0)
        settled = self.h.end - max(last, self.h.plan.calm) > _RECOVERY
        for job, status, total, imported, failed, skipped in self.h.ending.jobs:
            if status in {"completed", "failed"}:
                if imported + failed + skipped != total:
                    yield f"miscounted: {job} has {total} files, counts {imported} + {failed} + {skipped}"
            elif settled:
                yield f"unfinished: {job} is {status}"
        for run, status, _ in self.h.ending.runs:
            if settled and status not in {"completed", "completed_with_failures", "failed", "cancelled"}:
                yield f"unfinished: {run} is {status}"
        for owner, count in Counter(owner for _, _, owner in self.h.ending.runs).items():
            if count > 1:
                yield f"run twice: {owner} has {count} runs"
        yield from self._files()

    def _files(self) -> Iterator[str]:
        imported = Counter((one.key, one.token) for one in self.h.imported)
        for identity, resolved in self.h.ending.files.items():
            said = sum(status == "imported" for status, _ in resolved)
            if said != imported[identity]:
                counts = f"is imported {imported[identity]} times, and {said} files say so"
                yield f"miscounted: {identity[0]}@{identity[1]} {counts}"
            version = self.versions.get(identity)
            for status, code in resolved:
                if status == "failed" and code == "media_error" and version is not None and version.whole:
                    yield f"failed for nothing: {identity[0]}@{identity[1]}"
                if (
                    status == "skipped"
                    and code in {"superseded", "vanished"}
                    and version is not None
                    and version.died is None
                ):
                    yield f"skipped for nothing: {identity[0]}@{identity[1]} is still there"

    def _exports(self) -> Iterator[str]:
        for (run, generation), count in Counter((one[0], one[2]) for one in self.h.ending.exports).items():
            if count > 1:
                yield f"exported twice: {run} in generation {generation}"
        bodies: dict[str, bytes] = {}
        for _, key, data in self.h.target.puts:
            if bodies.setdefault(key, data) != data:
                yield f"rewritten: {key} was delivered with other bytes"
        last = max((one.at for one in self.h.fired), default=0.0)
        if not self.h.plan.exporting or self.h.end - max(last, self.h.plan.calm) < _RECOVERY:
            return
        delivered = {run for run, status, _, _ in self.h.ending.exports if status == "completed"}
        names = {key.rpartition("/")[2].rpartition("-")[0] for key in bodies if key.endswith(".manifest.json")}
        for run, status, _ in self.h.ending.runs:
            if status in {"completed", "completed_with_failures"} and not (run in delivered and run in names):
                yield f"not exported: {run}"


def _seen(taken: Taken) -> dict[str, str]:
    return {} if taken.listing is None else taken.listing.seen


def _items(taken: Taken) -> set[Identity]:
    return set(_seen(taken).items())


def _ended(taken: Taken) -> float:
    return taken.at if taken.listing is None or taken.listing.ended is None else taken.listing.ended
