"""A real S3 server for tests: SeaweedFS, on free loopback ports, telemetry off, gone with the context."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

START_SECONDS = 60.0
"""How long the server may take to create its first bucket; it needs about two."""

_GRPC_OFFSET = 10_000  # each port's gRPC twin


@dataclass(frozen=True, slots=True, kw_only=True)
class SeaweedFS:
    """Where the server is and who may enter. All of its buckets share one disk: a handful of them, no more."""

    endpoint_url: str
    region: str = "us-east-1"
    access_key_id: str = "AKTESTTESTTESTTEST01"
    secret_access_key: str = "test-secret"

    def create_bucket(self, name: str) -> str:
        """Create a bucket (3 to 63 characters) and return its name. Raises ``OSError``."""
        request = AWSRequest(method="PUT", url=f"{self.endpoint_url}/{name}", data=b"")
        S3SigV4Auth(Credentials(self.access_key_id, self.secret_access_key), "s3", self.region).add_auth(request)
        signed = urllib.request.Request(  # noqa: S310 - our own loopback URL
            request.url, method="PUT", headers=dict(request.headers.items())
        )
        with urllib.request.urlopen(signed, timeout=10):  # noqa: S310 - our own loopback URL
            return name


@contextmanager
def seaweedfs() -> Iterator[SeaweedFS]:
    """Run a server with an empty disk. It is killed at the end: it takes its time over anything gentler."""
    with tempfile.TemporaryDirectory(prefix="seaweedfs-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        master, volume, filer, s3, admin = _free_ports(5)
        server = SeaweedFS(endpoint_url=f"http://127.0.0.1:{s3}")
        credentials = {"accessKey": server.access_key_id, "secretKey": server.secret_access_key}
        identity = {"name": "test", "credentials": [credentials], "actions": ["Admin", "Read", "Write", "List"]}
        (home / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (home / "disk").mkdir()
        command = [
            f"{Path(sys.executable).parent / 'weed'}",
            "mini",
            f"-dir={home / 'disk'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={master}",
            f"-volume.port={volume}",
            f"-filer.port={filer}",
            f"-s3.port={s3}",
            f"-admin.port={admin}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
            f"-s3.config={home / 's3.json'}",
            "-admin.ui=false",
            "-webdav=false",
            "-master.telemetry=false",
        ]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=home, env={**os.environ, "HOME": folder}, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            _wait(server, process, home / "log")
            yield server
        finally:
            process.kill()
            process.wait()


def _wait(server: SeaweedFS, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server takes a bucket, which needs all of its parts."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.create_bucket("ready")
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS did not start: {error}\n{log.read_text(errors='replace')}") from error
            time.sleep(0.1)
        else:
            return


def _free_ports(count: int) -> list[int]:
    """Return ports that are free together with their gRPC twins, below the range of outgoing connections."""
    with ExitStack() as held:
        ports: list[int] = []
        for port in random.sample(range(12_000, 22_000), 1_000):
            try:
                for twin in (port, port + _GRPC_OFFSET):
                    listener = held.enter_context(socket.socket())
                    listener.bind(("127.0.0.1", twin))
            except OSError:
                continue
            ports.append(port)
            if len(ports) == count:
                return ports
    raise RuntimeError("no free ports")
