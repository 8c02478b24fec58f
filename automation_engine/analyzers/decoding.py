"""Where decoding runs: a few threads of its own, outside the event loop, each piece of work stoppable."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

THREADS = max(2, min(8, os.cpu_count() or 2))
"""Decoders at a time. Each one decodes on one thread, so that memory and processors are shared predictably."""

_POOL = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="decoding")


async def decoding(work: Callable[[threading.Event], Result]) -> Result:
    """Run ``work(stop)`` on a decoding thread and return what it returns.

    When the caller is cancelled, ``stop`` is set and the thread is waited for, so that no thread reads a source that
    its owner has closed; ``work`` looks at ``stop`` with every packet and every read.
    """
    stop = threading.Event()
    job = _POOL.submit(work, stop)
    running = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        if not job.cancel():
            await asyncio.wait([running])
        raise
