"""A free loopback port, for servers that can't choose their own."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Return a port that is free now, below the range of outgoing connections."""
    for port in random.sample(range(12_000, 22_000), 1_000):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
