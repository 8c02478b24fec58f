"""The published client against the served engine: a process, over TLS, with real S3, GCS and Azure servers."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from videovector import VideoVectorError

from automation_engine.clock import SystemClock
from automation_engine.demo_media import write_clip, write_still, write_tone
from automation_engine.store import keys
from automation_engine.store.database import Database, sqlite_url
from tests.client.clients import Client, gathered, opened, raw
from tests.client.storages import Storage, azure_storage, gcs_storage, s3_storage
from tests.e2e.processes import ENGINE, Running, started
from tests.servers.azurite import Azurite
from tests.servers.fake_gcs import FakeGcs
from tests.servers.seaweedfs import SeaweedFS

QUICKLY = {"poll_interval": 0.05, "timeout": 30}
SCHEMA = {"type": "object", "properties": {"media_type": {"type": "string"}}, "required": ["media_type"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """An index of three media and a run over it."""

    index_id: str
    prompt_id: str
    run_id: str
    videos: dict[str, str]
    """Ids by title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The served engine. Its operator's S3, GCS and Azure are the test servers, for the client names no endpoints."""

    url: str
    """What the client takes as its ``base_url``."""
    grpc: str
    """HOST:PORT, over TLS, too."""
    data: Path

    async def key(self, scope: str = "admin", *, owner: str = "ada") -> str:
        """Create a key, as the operator does."""
        database = Database(sqlite_url(self.data / "engine.db"), clock=SystemClock())
        async with database.transaction() as tx:
            _, key = await keys.create(tx, owner, "client", [scope])
        await database.close()
        return key


@pytest.fixture(scope="package")
def authority() -> trustme.CA:
    """Return whom client and engine trust."""
    return trustme.CA()


@pytest.fixture(scope="package")
async def place(
    tmp_path_factory: pytest.TempPathFactory,
    authority: trustme.CA,
    s3_server: SeaweedFS,
    gcs_server: FakeGcs,
    azure_server: Azurite,
) -> AsyncIterator[Place]:
    """Serve with a throw-away certificate, which the client and the engine trust through ``SSL_CERT_FILE``."""
    folder = tmp_path_factory.mktemp("client")
    certificate, key = _certify(folder, authority, azure_server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "trusted.pem"))
        arguments = {
            "data-dir": folder / "data",
            "grpc": "127.0.0.1:0",
            "http": "127.0.0.1:0",
            "tls-cert": certificate,
            "tls-key": key,
            "s3-endpoint-url": s3_server.endpoint_url,
            "gcs-endpoint-url": gcs_server.endpoint_url,
            "azure-endpoint-url": azure_server.endpoint_url,
            "azure-authority-host": azure_server.authority_host,
            "rate-limit": "0",
        }
        # Webhooks of the tests go to this machine.
        options = ["--insecure-dev", *(part for name, value in arguments.items() for part in (f"--{name}", value))]
        async with started(folder / "serve.log", ENGINE, "serve", *options) as running:
            yield await settled(running, folder / "data")
            assert running.code is None, running.said


async def settled(running: Running, data: Path) -> Place:
    """Wait until an engine says where it serves."""
    ready = re.search(r"gRPC (\S+:\d+), REST (https?://\S+:\d+)", await running.says("ready:"))
    assert ready is not None, running.said
    return Place(url=f"{ready[2]}/api/v2", grpc=ready[1], data=data)


def _certify(folder: Path, authority: trustme.CA, azure: Azurite) -> tuple[Path, Path]:
    server = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    server.private_key_pem.write_to_path(str(key))
    trusted = authority.cert_pem.bytes().decode()
    if azure.tls is not None:
        trusted += "".join(ssl.DER_cert_to_PEM_cert(der) for der in azure.tls.get_ca_certs(binary_form=True))
    (folder / "trusted.pem").write_text(trusted)
    return certificate, key


@pytest.fixture(scope="package")
async def admin_key(place: Place) -> str:
    return await place.key()


@pytest.fixture(params=["sync", "async"])
async def client(request: pytest.FixtureRequest, place: Place, admin_key: str) -> AsyncIterator[Client]:
    """Open either client."""
    async with opened(request.param, place.url, admin_key) as client:
        yield client


@pytest.fixture(scope="package")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the bytes of real media by extension: less than half a second, or one still."""
    folder = tmp_path_factory.mktemp("media")
    write_clip(folder / "clip.mp4", seconds=0.4, size=(64, 48), scenes=1)
    write_tone(folder / "tone.wav", 0.4)
    write_still(folder / "still.png", size=(64, 48))
    return {path.suffix: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="package")
def s3(s3_server: SeaweedFS) -> Storage:
    return s3_storage(s3_server, s3_server.create_bucket("client"))


@pytest.fixture(scope="package")
def gcs(gcs_server: FakeGcs) -> Storage:
    return gcs_storage(gcs_server, gcs_server.create_bucket("client"))


@pytest.fixture(scope="package")
def azure(azure_server: Azurite) -> Storage:
    return azure_storage(azure_server, azure_server.create_container("client"))


@pytest.fixture(params=["s3", "gcs", "azure"])
def storage(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def waiting_job(client: Client, s3_server: SeaweedFS) -> AsyncIterator[tuple[str, str]]:
    """Start a job that goes on for as long as the test, for its storage never answers; return its index and its id."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = f"http://127.0.0.1:{mute.getsockname()[1]}"
        body = {
            "name": "Mute",
            "bucket": "client",
            "region": s3_server.region,
            "aws_access_key_id": "AKNOBODY",
            "aws_secret_access_key": "secret",
            "endpoint_url": place,
        }
        connector = await raw(client, "POST", "/connectors/s3", json=body)
        index = await client.indexes.create(name="Waiting")
        job = await client.import_jobs.create(connector_id=connector["connector_id"], index_id=index.index_id)
        yield index.index_id, job.job_id
        with contextlib.suppress(VideoVectorError):
            await client.import_jobs.cancel(job.job_id)


@pytest.fixture(scope="package")
async def analysed(place: Place, admin_key: str, s3: Storage, media: dict[str, bytes]) -> Analysed:
    await s3.put({f"analysed/{kind[1:]}{kind}": data for kind, data in media.items()})
    async with opened("async", place.url, admin_key) as client:
        connector = await s3.create(client)
        index = await client.indexes.create(name="Analysed")
        ids = {"connector_id": connector.connector_id, "index_id": index.index_id, "source_prefix": "analysed"}
        job = await client.import_jobs.create(**ids)
        await client.import_jobs.wait_for_completion(job.job_id, **QUICKLY)
        outputs = await gathered(client.import_jobs.iter_outputs(job.job_id))
        prompt = await client.prompts.create(
            name="Facts", prompt_text="Measure what can be measured.", json_schema=SCHEMA
        )
        run = await client.prompt_runs.execute(
            prompt_id=prompt.prompt_id, target={"type": "index", "index_id": index.index_id}
        )
        await client.prompt_runs.wait_for_completion(run.run_id, **QUICKLY)
    return Analysed(
        index_id=index.index_id,
        prompt_id=prompt.prompt_id,
        run_id=run.run_id,
        videos={output.title: output.video_id for output in outputs},
    )
