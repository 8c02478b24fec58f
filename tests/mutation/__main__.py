"""``python -m tests.mutation``: change the rules one small thing at a time, and see whether their tests notice.

Survivors that can't be told from the rules as they are, whatever is asked of them, are listed in docs/proof.md.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trial import BROKEN, RULES, Survey, fork, prepare, survey, tried

AT_LEAST = 95.0
"""Per cent of the mutants that have to be killed."""


class Verdict(StrEnum):
    """What the tests say of a mutant."""

    KILLED = "killed"
    """A test failed, or the module could not even be imported."""
    TIMEOUT = "timeout"
    """It computes without end: that is noticed, too."""
    SURVIVED = "survived"


def verdict(status: int) -> Verdict:
    """Read a trial's wait status. Raises ``RuntimeError`` where the tests could not be run."""
    match os.waitstatus_to_exitcode(status):
        case pytest.ExitCode.OK | pytest.ExitCode.NO_TESTS_COLLECTED:
            return Verdict.SURVIVED
        case pytest.ExitCode.TESTS_FAILED | pytest.ExitCode.INTERRUPTED:
            return Verdict.KILLED
        case code if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return Verdict.TIMEOUT
        case code:
            raise RuntimeError("the trial broke" if code == BROKEN else f"pytest ended with {code}")


def judged(mutants: Sequence[Mutant], known: Survey, jobs: int) -> Iterator[tuple[Mutant, Verdict]]:
    """Try each mutant in a process of its own, several at a time; yield them as they end."""
    waiting, running = list(reversed(mutants)), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            tests = known.relevant(mutant)
            running[fork(partial(tried, mutant, tests, known.seconds))] = mutant
        pid, status = os.wait()
        yield running.pop(pid), verdict(status)


def tell(mutant: Mutant, found: Verdict, tried: int) -> None:
    """Print a survivor, and now and then how far the trials are."""
    if found is Verdict.SURVIVED:
        _say(f"\n{mutant.path}:{mutant.line} survived\n{mutant.diff()}")
    if tried % 100 == 0:
        _say(f"\n{tried} tried")


def report(results: Sequence[tuple[Mutant, Verdict]]) -> float:
    """Print each module's score; return the score of all, in per cent."""
    _say(f"\n{'module':<12}{'mutants':>9}" + "".join(f"{found:>10}" for found in Verdict) + f"{'score':>9}")
    score = 0.0
    for module in [*sorted({mutant.module for mutant, _ in results}), "all"]:
        tally = Counter(found for mutant, found in results if module in {mutant.module, "all"})
        score = 100 * (1 - tally[Verdict.SURVIVED] / tally.total())
        counts = "".join(f"{tally[found]:>10}" for found in Verdict)
        _say(f"{module:<12}{tally.total():>9}{counts}{score:>8.1f}%")
    return score


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Try every mutant of the modules that were asked for, and return 1 where too many survive."""
    options = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutation testing of the rules.")
    options.add_argument("modules", nargs="*", help="such as lifecycle; all of the rules if none is named")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many mutants are tried at a time")
    asked = options.parse_args()
    began = time.monotonic()
    paths = [path for path in sorted(RULES.glob("*.py")) if not asked.modules or path.stem in asked.modules]
    mutants = [mutant for path in paths for mutant in mutants_of(path)]
    results = []
    with tempfile.TemporaryDirectory() as compiled:
        prepare(Path(compiled))
        known = survey()
        _say(f"{len(mutants)} mutants against {len(known.seconds)} tests")
        for mutant, found in judged(mutants, known, asked.jobs):
            results.append((mutant, found))
            tell(mutant, found, len(results))
    score = report(results)
    _say(f"{score:.1f} % were killed in {time.monotonic() - began:.0f} s; at least {AT_LEAST:.0f} % have to be")
    return 0 if score >= AT_LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
