"""schemathesis against the served engine: what the document says is what the server does.

All of its checks run, with a key that may do anything: no 5xx, documented statuses, content types, headers and bodies,
unsupported methods, credentials that are needed where the document says so, what was deleted is gone, what was made is
there. ``schemathesis.toml`` and ``checks.py`` say which are tempered, and why.

``FUZZ_EXAMPLES`` requests for each operation and phase, from ``FUZZ_SEED``; what fails is printed as a curl command.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.processes import Service, run
from tests.openapi.checks import NOWHERE

_HERE = Path(__file__).parent
EXAMPLES, SEED = os.environ.get("FUZZ_EXAMPLES", "3"), os.environ.get("FUZZ_SEED", "1")
SECONDS = 3600.0


async def test_the_server_does_what_its_document_says(tmp_path: Path) -> None:
    # Nothing that is made up may be looked for outside of this machine, and nobody waits for a limit.
    places = ("s3-endpoint-url", "gcs-endpoint-url", "azure-endpoint-url", "azure-authority-host")
    nowhere = [part for name in places for part in (f"--{name}", NOWHERE)]
    async with Service(tmp_path, "--local-root", tmp_path, "--rate-limit", "0", *nowhere) as service:
        ended = await run(
            *("--config-file", _HERE / "schemathesis.toml", "run", f"http://{service.http}/openapi.json"),
            *("--header", f"X-API-Key: {service.key}"),
            *("--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure", "--no-color"),
            program="schemathesis",
            within=SECONDS,
        )
        assert service.running.code is None, service.running.said
    if ended.code:
        pytest.fail(ended.out + ended.err, pytrace=False)
