"""Why an object is not imported yet: every condition that it has to meet, in order, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from automation_engine.rules.debounce import Hold, Skip, settle_span
from automation_engine.rules.explain import objects, span, when, why_ended
from automation_engine.rules.matching import is_temporary
from automation_engine.rules.model import ImportState, LedgerState, Phase
from automation_engine.rules.selection import Selection, compile_selection


class Result(StrEnum):
    """What became of a condition."""

    PASSED = "passed"
    FAILED = "failed"
    """It will not pass by itself."""
    PENDING = "pending"
    """It passes with time, or when something that is awaited happens."""
    UNKNOWN = "unknown"
    """Nothing is known about it as long as an earlier condition is not met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition. ``text`` is a sentence for people, ``remedy`` what would change a result that is not good.

    ``passes_at``, in seconds since the epoch, is when it can pass at the earliest, if that is known.
    """

    name: str
    result: Result
    text: str
    passes_at: float | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """What the ledger holds of the newest identity of a key, and of its batch: ``size`` in bytes.

    ``batch_status`` is held, started or rejected.
    """

    state: LedgerState
    size: int
    first_seen_at: float
    hold: Hold | None = None
    growing: bool = False
    reason: str | None = None
    batch_id: str | None = None
    batch_status: str | None = None
    held_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    state: ImportState
    key: str
    path: str
    facts: LedgerFacts | None
    now: float
    selection: Selection


_CLAIMED = frozenset({LedgerState.CLAIMED, LedgerState.IMPORTED, LedgerState.FAILED})
_SETTLED = _CLAIMED | {LedgerState.READY}
_BY_RULE = frozenset({Skip.NEW_ONLY.value, Skip.EXISTING.value})


def checks(state: ImportState, key: str, facts: LedgerFacts | None, now: float) -> tuple[Check, ...]:
    """Return every condition for the object of a key, in the order in which they are met.

    ``facts`` are None for a key that the ledger doesn't know. Raises ``InvalidArgument`` for a malformed pattern.
    """
    selection = compile_selection(state.config.watch)
    case = _Case(state=state, key=key, path=selection.path(key), facts=facts, now=now, selection=selection)
    place = [_automation_active(case), *_places(case)]
    elsewhere = any(check.result is Result.FAILED for check in place[1:])
    return (*place, _listed(case, elsewhere=elsewhere), *_stages(case))


def failing(found: Iterable[Check]) -> Check | None:
    """Return the first condition that is not met; None once the object was imported."""
    unmet = [check for check in found if check.result is not Result.PASSED]
    return unmet[0] if unmet and unmet[-1].name == _LAST else None


def _judged(name: str, *, good: bool, text: str, otherwise: str, remedy: str | None = None) -> Check:
    if good:
        return Check(name=name, result=Result.PASSED, text=text)
    return Check(name=name, result=Result.FAILED, text=otherwise, remedy=remedy)


def _automation_active(case: _Case) -> Check:
    config = case.state.config
    return _judged(
        "automation_active",
        good=config.active,
        text="The automation watches.",
        otherwise="The automation is paused." if config.enabled else "The automation is disabled.",
        remedy="Resume it." if config.enabled else "PUT it with enabled true.",
    )


def _places(case: _Case) -> list[Check]:
    """Check what a path alone tells, most of all whether it is watched."""
    watch, selection = case.state.config.watch, case.selection
    inside = case.key.startswith(selection.folder)
    if not inside:
        where = f"The path does not begin with {selection.folder!r}, the watched folder."
        return [Check(name="under_prefix", result=Result.FAILED, text=where, remedy="Change source_prefix.")]
    depth = case.path.count("/")
    excluding = selection.excluded_by(case.path)
    sidecar = selection.sidecar
    return [
        Check(
            name="under_prefix",
            result=Result.PASSED,
            text=f"It is below the watched folder {selection.folder!r}." if selection.folder else "All is watched.",
        ),
        _judged(
            "recursion",
            good=selection.recursive or not depth,
            text="Folders below are watched too." if selection.recursive else "It is in the watched folder itself.",
            otherwise=f"It is {_folders(depth)} below the watched one, and those below are not watched.",
            remedy="Set recursive to true.",
        ),
        _judged(
            "sidecar",
            good=sidecar is None or not sidecar.matches(case.path),
            text="It is no sidecar.",
            otherwise=f"Its name matches {watch.done_file_pattern!r}: it declares other files and is not imported.",
        ),
        _judged(
            "matches_pattern",
            good=selection.pattern.matches(case.path),
            text=f"It matches {watch.file_pattern!r}.",
            otherwise=f"It does not match {watch.file_pattern!r}.",
            remedy="Change file_pattern.",
        ),
        _judged(
            "not_excluded",
            good=excluding is None,
            text="No exclude pattern matches it.",
            otherwise=f"It is excluded by {excluding!r}.",
            remedy="Change exclude_patterns.",
        ),
        _judged(
            "not_temporary",
            good=not is_temporary(case.path),
            text="Its name is not that of an unfinished or hidden file.",
            otherwise="Its name says that it is unfinished or hidden.",
            remedy="Rename it when it is whole.",
        ),
    ]


def _folders(depth: int) -> str:
    return "1 folder" if depth == 1 else f"{depth} folders"


def _listed(case: _Case, *, elsewhere: bool) -> Check:
    state, facts = case.state, case.facts
    if facts is not None and facts.state is not LedgerState.GONE:
        known = span(max(0.0, case.now - facts.first_seen_at))
        return Check(name="listed", result=Result.PASSED, text=f"This version has been known for {known}.")
    if elsewhere:
        return Check(name="listed", result=Result.UNKNOWN, text="No scan looks for it.")
    if not state.config.active:
        text = "Nothing is scanned meanwhile."
    elif state.scanned_at is None:
        text = "No complete scan has been taken in yet."
    else:
        text = f"It was not there in the last complete scan, {span(max(0.0, case.now - state.scanned_at))} ago."
    if facts is not None:
        text = f"It was there and is gone ({facts.reason or 'vanished'})."
    remedy = "Rescan now." if state.config.active else None  # who is stopped refuses that
    return Check(name="listed", result=Result.PENDING, text=text, passes_at=_next_scan(case), remedy=remedy)


def _next_scan(case: _Case) -> float | None:
    """Return when the next scan can end at the earliest; None while nothing is scanned."""
    if not case.state.config.active:
        return None
    return max(case.now, case.state.next_scan_at or case.now)


def _stages(case: _Case) -> list[Check]:
    """Check what only the ledger can tell."""
    facts = case.facts
    names = ["not_empty", "declared", "mode", "not_poisoned", "settled", "window", "batch", _LAST]
    if case.selection.sidecar is None:
        names.remove("declared")
    if facts is None or facts.state is LedgerState.GONE:
        return [Check(name=name, result=Result.UNKNOWN, text="It has to be listed first.") for name in names]
    return [_STAGES[name](case, facts) for name in names]


def _not_empty(_case: _Case, facts: LedgerFacts) -> Check:
    return _judged(
        "not_empty",
        good=facts.size > 0,
        text="It has 1 byte." if facts.size == 1 else f"It has {facts.size:,} bytes.",
        otherwise="It has 0 bytes.",
        remedy="Write its bytes: the next scan meets that version.",
    )


def _declared(case: _Case, facts: LedgerFacts) -> Check:
    if facts.hold is not Hold.UNDECLARED:
        return Check(name="declared", result=Result.PASSED, text="It was declared whole, or needs no sidecar any more.")
    awaited = () if case.selection.sidecar is None else case.selection.sidecar.of(case.key)
    return Check(
        name="declared",
        result=Result.PENDING,
        text=f"The last complete scan met no sidecar of it: {' or '.join(awaited)}.",
        remedy="Write the sidecar.",
    )


def _mode(_case: _Case, facts: LedgerFacts) -> Check:
    if facts.hold is Hold.PREDECESSOR:
        text = "An earlier version of it is being imported, and only the first one counts."
        return Check(name="mode", result=Result.PENDING, text=text)
    existing = facts.reason == Skip.EXISTING
    return _judged(
        "mode",
        good=facts.state is not LedgerState.SKIPPED or facts.reason not in _BY_RULE,
        text="No rule leaves this version out.",
        otherwise=why_ended(facts.state, facts.reason or ""),
        remedy="Release it." if existing else "Import it by hand, or set the connector's import mode to all.",
    )


def _not_poisoned(_case: _Case, facts: LedgerFacts) -> Check:
    left_out = facts.state is LedgerState.SKIPPED and facts.reason not in _BY_RULE
    failed = facts.state is LedgerState.FAILED
    return _judged(
        "not_poisoned",
        good=not failed and not left_out,
        text="Its import has not failed.",
        otherwise=why_ended(facts.state, facts.reason or ""),
        remedy="Retry it." if failed else "Release it.",
    )


def _settled(case: _Case, facts: LedgerFacts) -> Check:
    if facts.state in _SETTLED:
        text = "Its bytes were the same in two complete scans."
        return Check(name="settled", result=Result.PASSED, text=text)
    seconds = settle_span(growing=facts.growing, debounce=case.state.config.debounce)
    text = f"Its bytes have to be the same in two complete scans at least {seconds:,.0f} s apart."
    if facts.state is LedgerState.SKIPPED or facts.hold is not None:
        return Check(name="settled", result=Result.UNKNOWN, text=text)
    scan = _next_scan(case)
    at = None if scan is None else max(scan, facts.first_seen_at + seconds)
    return Check(name="settled", result=Result.PENDING, text=text, passes_at=at)


def _window(case: _Case, facts: LedgerFacts) -> Check:
    if facts.state in _CLAIMED or facts.batch_id is not None:
        return Check(name="window", result=Result.PASSED, text="Its window has fired.")
    if facts.state is LedgerState.SKIPPED:
        return Check(name="window", result=Result.UNKNOWN, text="It waits in no window.")
    text, passes_at, remedy = _waits(case)
    return Check(name="window", result=Result.PENDING, text=text, passes_at=passes_at, remedy=remedy)


def _waits(case: _Case) -> tuple[str, float | None, str | None]:
    """Say what the window waits for, until when, and what would end it sooner."""
    state, now, end = case.state, case.now, case.state.next_trigger_at
    if state.degraded is not None:
        cause = f"The storage can't be listed ({state.degraded.cause}), and nothing fires meanwhile."
        return cause, None, "Repair the connector."
    if state.phase is Phase.FIRING:
        left = objects(state.left_to_fire)
        return f"A sequence of batches is being started; what is left of it: {left}.", now, None
    if end is None:
        return "The next complete scan opens its window.", None, None
    if end <= now:
        return "The wait is over; one complete scan confirms it.", _next_scan(case), None
    name = "longest wait" if end == state.deadline_at != state.quiet_at else "quiet window"
    return f"The {name} ends {when(end, now)}; what is ready by now: {objects(state.ready)}.", end, "Run now."


def _batch(_case: _Case, facts: LedgerFacts) -> Check:
    batch = f"batch {facts.batch_id}"
    if facts.batch_id is None:
        return Check(name="batch", result=Result.UNKNOWN, text="It is in no batch yet.")
    if facts.batch_status == "held":
        text = f"It is in {batch}, which the fuse holds: {facts.held_reason}"
        return Check(name="batch", result=Result.PENDING, text=text, remedy="Approve or reject the batch.")
    return _judged(
        "batch",
        good=facts.batch_status != "rejected",
        text=f"It is in {batch}, which was started.",
        otherwise=f"It was in {batch}, which was rejected.",
        remedy="Release it.",
    )


def _imported(_case: _Case, facts: LedgerFacts) -> Check:
    if facts.state is LedgerState.IMPORTED:
        return Check(name=_LAST, result=Result.PASSED, text="It was imported.")
    if facts.state is LedgerState.CLAIMED and facts.batch_status == "started":
        return Check(name=_LAST, result=Result.PENDING, text="The import job of its batch has it to do.")
    return Check(name=_LAST, result=Result.UNKNOWN, text="It has not been imported.")


_LAST = "imported"
_STAGES = {
    "not_empty": _not_empty,
    "declared": _declared,
    "mode": _mode,
    "not_poisoned": _not_poisoned,
    "settled": _settled,
    "window": _window,
    "batch": _batch,
    _LAST: _imported,
}
