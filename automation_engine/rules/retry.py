"""When to try again: exponential backoff with full jitter.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: of the variants measured there, full jitter,
``random(0, min(cap, base · 2^attempt))``, finishes with the fewest calls.
"""

from __future__ import annotations

from automation_engine.rules.model import BACKOFF_MAX

BASE = 5.0
MAX_ATTEMPTS = 5
"""A file, a prompt run or an export that failed this often in a row has failed."""


def backoff(attempts: int, jitter: float, *, cap: float = BACKOFF_MAX) -> float:
    """Return the seconds to wait after ``attempts`` ≥ 1 failures in a row; ``jitter`` in [0, 1) is drawn by the caller.

    At least one second, so that an unlucky draw doesn't hammer a storage that is down.
    """
    if attempts < 1 or not 0.0 <= jitter < 1.0:
        raise ValueError(f"backoff(attempts={attempts}, jitter={jitter}): needs attempts ≥ 1 and 0 ≤ jitter < 1")
    exponent = min(attempts, 16)  # 5 s · 2^16 is far above any cap: the power need not grow further
    return max(1.0, jitter * min(cap, BASE * 2.0**exponent))
