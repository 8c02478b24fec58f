"""Every storage as a subject of the one contract suite."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from automation_engine.connectors.gcs_client import ServiceAccount
from automation_engine.connectors.local import LocalStore
from tests.contract.stores import Subject, folders, has_no_dots, open_azure, open_gcs, open_s3
from tests.servers.azurite import Azurite
from tests.servers.fake_gcs import FakeGcs
from tests.servers.seaweedfs import SeaweedFS


@pytest.fixture(scope="session")
def bucket(s3_server: SeaweedFS) -> str:
    return s3_server.create_bucket("media")


@pytest.fixture
async def s3_subject(s3_server: SeaweedFS, bucket: str) -> AsyncIterator[Subject]:
    store, absent = open_s3(s3_server, bucket), open_s3(s3_server, "no-such-bucket")
    yield Subject(store=store, folder=next(folders), absent=absent, holds=has_no_dots)
    await store.close()
    await absent.close()


@pytest.fixture
def local_subject(tmp_path: Path) -> Subject:
    store, absent = LocalStore(tmp_path), LocalStore(tmp_path / "absent")
    return Subject(store=store, folder=next(folders), absent=absent, holds=has_no_dots)


@pytest.fixture(scope="session")
def gcs_bucket(gcs_server: FakeGcs) -> str:
    return gcs_server.create_bucket("media")


@pytest.fixture
async def gcs_subject(gcs_server: FakeGcs, gcs_bucket: str) -> AsyncIterator[Subject]:
    store, absent = open_gcs(gcs_server, gcs_bucket), open_gcs(gcs_server, "no-such-bucket")
    yield Subject(store=store, folder=next(folders), absent=absent)
    await store.close()
    await absent.close()


@pytest.fixture(scope="session")
def azure_container(azure_server: Azurite) -> str:
    return azure_server.create_container("media")


@pytest.fixture
async def azure_subject(azure_server: Azurite, azure_container: str) -> AsyncIterator[Subject]:
    store, absent = open_azure(azure_server, azure_container), open_azure(azure_server, "no-such-bucket")
    yield Subject(
        store=store,
        folder=next(folders),
        absent=absent,
        holds=lambda name: has_no_dots(name) and not re.search(r"[\x00-\x1f]", name),
    )
    await store.close()
    await absent.close()


@pytest.fixture(params=["local_subject", "s3_subject", "gcs_subject", "azure_subject"])
def subject(request: pytest.FixtureRequest) -> Subject:
    subject: Subject = request.getfixturevalue(request.param)
    return subject


@pytest.fixture(scope="session")
def service_account(gcs_server: FakeGcs) -> ServiceAccount:
    return ServiceAccount.of(json.loads(gcs_server.credentials))
