"""Connectors through a real gRPC server, over real folders and real S3, GCS-like and Azure-like servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from automation_engine.rules.model import ExportState, ImportConfig, ImportState, Watch
from automation_engine.servicers.connector_servicer import BROWSE_FILES, ConnectorServicer
from automation_engine.store import exports
from automation_engine.store.tables import Automation, Connector, ImportJob
from automation_engine.v1 import connector_pb2
from automation_engine.v1 import connector_service_pb2 as pb
from automation_engine.v1.connector_service_pb2_grpc import (
    ConnectorServiceStub,
    add_ConnectorServiceServicer_to_server,
)
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.servers.azurite import Azurite, azurite
from tests.servers.fake_gcs import FakeGcs, fake_gcs
from tests.servers.seaweedfs import SeaweedFS, seaweedfs

IMPORT, EXPORT = connector_pb2.CONNECTOR_SCOPE_IMPORT, connector_pb2.CONNECTOR_SCOPE_EXPORT
ACTIVE, FAILED = connector_pb2.CONNECTOR_STATUS_ACTIVE, connector_pb2.CONNECTOR_STATUS_FAILED
DISABLED = connector_pb2.CONNECTOR_STATUS_DISABLED


@pytest.fixture(scope="module")
def s3() -> Iterator[SeaweedFS]:
    with seaweedfs() as server:
        yield server


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = ConnectorServicer(database=engine.database, stores=engine.stores)
    async with serve(engine, {"ConnectorService": (add_ConnectorServiceServicer_to_server, servicer)}) as api:
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(ConnectorServiceStub)


async def _local(stub: Any, root: Path, **fields: Any) -> connector_pb2.Connector:
    request = pb.CreateLocalConnectorRequest(name="Folder", root=str(root), **fields)
    created: connector_pb2.Connector = (await stub.CreateLocalConnector(request)).connector
    return created


def _s3_request(**fields: Any) -> pb.CreateS3ConnectorRequest:
    given = {
        "name": "Bucket",
        "bucket": "media",
        "region": "us-east-1",
        "aws_access_key_id": "AKNOBODY",
        "aws_secret_access_key": "top-s3cr3t",
        **fields,
    }
    return pb.CreateS3ConnectorRequest(**given)


async def _get(stub: Any, connector_id: str) -> connector_pb2.Connector:
    found: connector_pb2.Connector = (
        await stub.GetConnector(pb.GetConnectorRequest(connector_id=connector_id))
    ).connector
    return found


async def _update(stub: Any, connector_id: str, **fields: Any) -> connector_pb2.Connector:
    request = pb.UpdateConnectorRequest(connector_id=connector_id, **fields)
    changed: connector_pb2.Connector = (await stub.UpdateConnector(request)).connector
    return changed


async def _browse(stub: Any, connector_id: str, **fields: Any) -> list[connector_pb2.CloudFile]:
    answer = await stub.BrowseConnector(pb.BrowseConnectorRequest(connector_id=connector_id, **fields))
    return list(answer.files)


async def test_a_connector_has_the_contracts_defaults(api: Api, stub: Any) -> None:
    connector = await _local(stub, api.engine.media)
    assert connector.connector_id.startswith("conn_")
    assert (connector.provider, connector.status) == (connector_pb2.CONNECTOR_PROVIDER_LOCAL, ACTIVE)
    assert (list(connector.scopes), connector.import_mode) == ([IMPORT], connector_pb2.IMPORT_MODE_ALL)
    assert connector.root == str(api.engine.media)
    for unset in ("export_base_path", "bucket", "last_tested_at", "last_test_result", "last_test_error"):
        assert not connector.HasField(unset)
    assert await _get(stub, connector.connector_id) == connector


async def test_an_s3_connector_never_gives_its_credentials_back_and_keeps_them_encrypted(api: Api, stub: Any) -> None:
    connector = (await stub.CreateS3Connector(_s3_request())).connector
    assert (connector.bucket, connector.region) == ("media", "us-east-1")
    assert "s3cr3t" not in str(connector)
    assert "AKNOBODY" not in str(connector)
    async with api.engine.database.reading() as session:
        row = await session.get(Connector, connector.connector_id)
    assert row is not None
    assert b"s3cr3t" not in (row.secrets or b"")
    assert "s3cr3t" not in repr(row.settings)


async def test_what_a_provider_refuses_is_an_invalid_argument_on_its_field(api: Api, stub: Any) -> None:
    bucket = await refusal(stub.CreateS3Connector(_s3_request(bucket="192.168.0.1")))
    assert (bucket.status, list(bucket.fields)) == ("INVALID_ARGUMENT", ["bucket"])
    for root in (api.engine.media.parent, api.engine.media / "absent"):
        refused = await refusal(stub.CreateLocalConnector(pb.CreateLocalConnectorRequest(name="x", root=str(root))))
        assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", ["root"])


async def test_the_export_base_path_is_normalised_and_cannot_leave_the_root(api: Api, stub: Any) -> None:
    connector = await _local(stub, api.engine.media, export_base_path="team//results/", scopes=[EXPORT, IMPORT])
    assert connector.export_base_path == "team/results"
    assert list(connector.scopes) == [IMPORT, EXPORT]
    request = pb.CreateLocalConnectorRequest(name="x", root=str(api.engine.media), export_base_path="a/../../b")
    assert list((await refusal(stub.CreateLocalConnector(request))).fields) == ["export_base_path"]


async def test_connectors_are_listed_the_oldest_first_and_only_ones_own(api: Api, stub: Any) -> None:
    await _local(await api.stub(ConnectorServiceStub, owner="grace"), api.engine.media)
    made = []
    for _ in range(2):
        api.engine.clock.advance(1)
        made.append((await _local(stub, api.engine.media)).connector_id)
    listed = (await stub.ListConnectors(pb.ListConnectorsRequest())).connectors
    assert [connector.connector_id for connector in listed] == made


async def test_another_owners_connector_is_not_found(api: Api, stub: Any) -> None:
    owned = await _local(await api.stub(ConnectorServiceStub, owner="grace"), api.engine.media)
    connector_id = owned.connector_id
    for call in (
        stub.GetConnector(pb.GetConnectorRequest(connector_id=connector_id)),
        stub.UpdateConnector(pb.UpdateConnectorRequest(connector_id=connector_id, name="Mine")),
        stub.DeleteConnector(pb.DeleteConnectorRequest(connector_id=connector_id)),
        stub.TestConnector(pb.TestConnectorRequest(connector_id=connector_id)),
        stub.BrowseConnector(pb.BrowseConnectorRequest(connector_id=connector_id)),
    ):
        assert (await refusal(call)).status == "NOT_FOUND"


async def test_a_patch_changes_what_is_set_and_moves_updated_at(api: Api, stub: Any) -> None:
    connector = await _local(stub, api.engine.media, export_base_path="results")
    api.engine.clock.advance(10)
    changed = await _update(stub, connector.connector_id, import_mode=connector_pb2.IMPORT_MODE_NEW_ONLY)
    assert changed.import_mode == connector_pb2.IMPORT_MODE_NEW_ONLY
    assert (changed.name, changed.export_base_path) == ("Folder", "results")
    assert changed.updated_at.seconds == connector.updated_at.seconds + 10
    assert not (await _update(stub, connector.connector_id, export_base_path="")).HasField("export_base_path")


async def test_a_patch_that_changes_nothing_leaves_updated_at(api: Api, stub: Any) -> None:
    connector = await _local(stub, api.engine.media)
    api.engine.clock.advance(10)
    assert await _update(stub, connector.connector_id, name="Folder", scopes=[IMPORT]) == connector


async def test_a_change_is_later_than_the_one_before_even_when_the_clock_was_set_back(api: Api, stub: Any) -> None:
    connector_id = (await _local(stub, api.engine.media)).connector_id
    versions = []
    for name in ("First", "Second"):
        api.engine.clock.advance(-100)
        await _update(stub, connector_id, name=name)
        async with api.engine.database.reading() as session:
            row = await session.get(Connector, connector_id)
        assert row is not None
        versions.append(row.updated_at)
    assert versions[0] < versions[1]


async def test_a_test_that_succeeds_says_so_and_is_no_change(api: Api, stub: Any) -> None:
    connector = await _local(stub, api.engine.media)
    api.engine.clock.advance(10)
    answer = await stub.TestConnector(pb.TestConnectorRequest(connector_id=connector.connector_id))
    assert (answer.success, answer.HasField("error_message")) == (True, False)
    tested = await _get(stub, connector.connector_id)
    assert tested.last_test_result == connector_pb2.CONNECTOR_TEST_RESULT_SUCCESS
    assert tested.last_tested_at.seconds == connector.created_at.seconds + 10
    assert (tested.updated_at, tested.status) == (connector.updated_at, ACTIVE)


async def test_a_test_that_fails_is_an_answer_and_the_next_one_can_heal_it(api: Api, stub: Any) -> None:
    root = api.engine.media / "mount"
    root.mkdir()
    request = pb.TestConnectorRequest(connector_id=(await _local(stub, root)).connector_id)
    root.rmdir()
    answer = await stub.TestConnector(request)
    assert not answer.success
    assert str(root) in answer.error_message
    failed = await _get(stub, request.connector_id)
    assert (failed.status, failed.last_test_error) == (FAILED, answer.error_message)
    root.mkdir()
    assert (await stub.TestConnector(request)).success
    healed = await _get(stub, request.connector_id)
    assert (healed.status, healed.HasField("last_test_error")) == (ACTIVE, False)


async def test_a_test_does_not_switch_a_disabled_connector_on(api: Api, stub: Any) -> None:
    connector_id = (await _local(stub, api.engine.media)).connector_id
    await _update(stub, connector_id, status=DISABLED)
    await stub.TestConnector(pb.TestConnectorRequest(connector_id=connector_id))
    assert (await _get(stub, connector_id)).status == DISABLED


def _fill(root: Path) -> None:
    for name in ("b.MP4", "a.mov", "notes.txt", "README", "day/c.mp4", "day/deep/d.mp4"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"bytes")


async def test_browsing_lists_matching_files_by_path(api: Api, stub: Any) -> None:
    _fill(api.engine.media)
    connector_id = (await _local(stub, api.engine.media)).connector_id
    everything = await _browse(stub, connector_id)
    assert [file.path for file in everything] == [
        "README",
        "a.mov",
        "b.MP4",
        "day/c.mp4",
        "day/deep/d.mp4",
        "notes.txt",
    ]
    assert [file.extension for file in everything] == ["", ".mov", ".mp4", ".mp4", ".mp4", ".txt"]
    assert (everything[3].name, everything[3].size_bytes) == ("c.mp4", 5)
    assert everything[3].HasField("last_modified")
    assert not everything[3].HasField("content_type")


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"pattern": "*.{mp4,mov}"}, ["a.mov", "day/c.mp4", "day/deep/d.mp4"]),
        ({"recursive": False, "pattern": "*.mov"}, ["a.mov"]),
        ({"prefix": "day"}, ["day/c.mp4", "day/deep/d.mp4"]),
        ({"prefix": "day/", "recursive": False}, ["day/c.mp4"]),
        ({"prefix": "day", "pattern": "deep/*"}, ["day/deep/d.mp4"]),
        ({"prefix": "da"}, []),
    ],
)
async def test_browsing_keeps_to_prefix_pattern_and_depth(
    api: Api, stub: Any, fields: dict[str, Any], paths: list[str]
) -> None:
    _fill(api.engine.media)
    connector_id = (await _local(stub, api.engine.media)).connector_id
    assert [file.path for file in await _browse(stub, connector_id, **fields)] == paths


async def test_browsing_ends_at_its_bound(api: Api, stub: Any) -> None:
    for number in range(BROWSE_FILES + 5):
        (api.engine.media / f"{number}.mp4").touch()
    connector_id = (await _local(stub, api.engine.media)).connector_id
    assert len(await _browse(stub, connector_id)) == BROWSE_FILES


async def test_a_pattern_that_is_none_is_refused_on_its_field(api: Api, stub: Any) -> None:
    connector_id = (await _local(stub, api.engine.media)).connector_id
    request = pb.BrowseConnectorRequest(connector_id=connector_id, pattern="*.{mp4")
    refused = await refusal(stub.BrowseConnector(request))
    assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", ["pattern"])


async def test_browsing_needs_the_import_scope_and_a_connector_that_is_not_disabled(api: Api, stub: Any) -> None:
    connector_id = (await _local(stub, api.engine.media, scopes=[EXPORT])).connector_id
    refused = await refusal(stub.BrowseConnector(pb.BrowseConnectorRequest(connector_id=connector_id)))
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "CONFLICT")
    assert "scope import" in refused.message
    await _update(stub, connector_id, scopes=[IMPORT], status=DISABLED)
    refused = await refusal(stub.BrowseConnector(pb.BrowseConnectorRequest(connector_id=connector_id)))
    assert "disabled" in refused.message


async def test_browsing_a_folder_that_is_gone_is_unavailable(api: Api, stub: Any) -> None:
    root = api.engine.media / "mount"
    root.mkdir()
    connector_id = (await _local(stub, root)).connector_id
    root.rmdir()
    refused = await refusal(stub.BrowseConnector(pb.BrowseConnectorRequest(connector_id=connector_id)))
    assert (refused.status, refused.reason) == ("UNAVAILABLE", "STORAGE_UNAVAILABLE")


async def test_an_s3_connector_is_tested_and_browsed(stub: Any, s3: SeaweedFS) -> None:
    request = _s3_request(
        bucket=s3.create_bucket("media"),
        endpoint_url=s3.endpoint_url,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=s3.secret_access_key,
    )
    connector = (await stub.CreateS3Connector(request)).connector
    assert connector.endpoint_url == s3.endpoint_url
    assert (await stub.TestConnector(pb.TestConnectorRequest(connector_id=connector.connector_id))).success
    assert await _browse(stub, connector.connector_id) == []
    request.aws_secret_access_key = "wrong"
    connector_id = (await stub.CreateS3Connector(request)).connector.connector_id
    answer = await stub.TestConnector(pb.TestConnectorRequest(connector_id=connector_id))
    assert not answer.success
    assert "SignatureDoesNotMatch" in answer.error_message


@pytest.fixture(scope="module")
def gcs() -> Iterator[FakeGcs]:
    with fake_gcs() as server:
        yield server


@pytest.fixture(scope="module")
def azure() -> Iterator[Azurite]:
    with azurite() as server:
        yield server


def _gcs_request(server: FakeGcs, **fields: Any) -> pb.CreateGcsConnectorRequest:
    given = {
        "name": "Bucket",
        "bucket": "media",
        "gcp_project_id": "test-project",
        "credentials_file": server.credentials,
        "endpoint_url": server.endpoint_url,
        **fields,
    }
    return pb.CreateGcsConnectorRequest(**given)


def _azure_request(**fields: Any) -> pb.CreateAzureConnectorRequest:
    given = {
        "name": "Container",
        "storage_account": Azurite.account,
        "container": "media",
        "tenant_id": Azurite.tenant_id,
        "client_id": Azurite.client_id,
        "client_secret": Azurite.client_secret,
        **fields,
    }
    return pb.CreateAzureConnectorRequest(**given)


async def _test(stub: Any, connector: connector_pb2.Connector) -> pb.TestConnectorResponse:
    answer: pb.TestConnectorResponse = await stub.TestConnector(
        pb.TestConnectorRequest(connector_id=connector.connector_id)
    )
    return answer


async def _secrets(api: Api, connector: connector_pb2.Connector) -> tuple[dict[str, Any], bytes]:
    async with api.engine.database.reading() as session:
        row = await session.get(Connector, connector.connector_id)
    assert row is not None
    return row.settings, row.secrets or b""


async def test_a_gcs_connector_is_tested_and_browsed_and_never_gives_its_key_back(
    api: Api, stub: Any, gcs: FakeGcs
) -> None:
    request = _gcs_request(gcs, bucket=gcs.create_bucket("media"))
    connector = (await stub.CreateGcsConnector(request)).connector
    assert connector.provider == connector_pb2.CONNECTOR_PROVIDER_GCS
    assert (connector.bucket, connector.gcp_project_id) == ("media", "test-project")
    assert connector.endpoint_url == gcs.endpoint_url
    settings, sealed = await _secrets(api, connector)
    assert "PRIVATE KEY" not in f"{connector} {settings}"
    assert b"PRIVATE KEY" not in sealed
    assert (await _test(stub, connector)).success
    assert await _browse(stub, connector.connector_id) == []
    connector = (await stub.CreateGcsConnector(_gcs_request(gcs, bucket="no-such-bucket"))).connector
    answer = await _test(stub, connector)
    assert (answer.success, "no-such-bucket" in answer.error_message) == (False, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bucket", "Media"),
        ("credentials_file", "no JSON"),
        ("credentials_file", '{"type": "authorized_user"}'),
        (
            "credentials_file",
            '{"type": "service_account", "client_email": "a@b", "private_key": "s3cr3t", "token_uri": "x"}',
        ),
        (
            "credentials_file",
            '{"type": "service_account", "client_email": "a@b", "private_key": "s3cr3t", "token_uri": "https://x"}',
        ),
        ("endpoint_url", "ftp://x"),
    ],
)
async def test_what_no_gcs_connector_can_have_is_refused_on_its_field(
    stub: Any, gcs: FakeGcs, field: str, value: str
) -> None:
    refused = await refusal(stub.CreateGcsConnector(_gcs_request(gcs, **{field: value})))
    assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", [field])
    assert "s3cr3t" not in refused.message


async def test_an_azure_connector_takes_an_application_and_never_gives_its_secret_back(api: Api, stub: Any) -> None:
    connector = (await stub.CreateAzureConnector(_azure_request())).connector
    assert connector.provider == connector_pb2.CONNECTOR_PROVIDER_AZURE
    assert (connector.storage_account, connector.container) == (Azurite.account, "media")
    settings, sealed = await _secrets(api, connector)
    for secret in (Azurite.client_secret, Azurite.client_id, Azurite.tenant_id):
        assert secret not in f"{connector} {settings}"
        assert secret.encode() not in sealed


async def test_an_azure_connector_with_an_account_key_is_tested_and_browsed(stub: Any, azure: Azurite) -> None:
    key_alone = {"tenant_id": "", "client_id": "", "client_secret": "", "account_key": azure.account_key}
    request = _azure_request(**key_alone, container=azure.create_container("media"), endpoint_url=azure.endpoint_url)
    connector = (await stub.CreateAzureConnector(request)).connector
    assert connector.endpoint_url == azure.endpoint_url
    assert (await _test(stub, connector)).success
    assert await _browse(stub, connector.connector_id) == []
    request.account_key = "d3Jvbmc="
    assert not (await _test(stub, (await stub.CreateAzureConnector(request)).connector)).success


async def test_an_azure_connector_whose_secret_is_wrong_says_what_the_authority_said(stub: Any, azure: Azurite) -> None:
    wrong = {"client_secret": "wrong~one", "authority_host": azure.authority_host}
    connector = (await stub.CreateAzureConnector(_azure_request(**wrong, endpoint_url=azure.endpoint_url))).connector
    answer = await _test(stub, connector)
    assert not answer.success
    assert "AADSTS7000215" in answer.error_message
    assert "wrong~one" not in answer.error_message


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"storage_account": "Media"}, ["storage_account"]),
        ({"container": "a--b"}, ["container"]),
        ({"container": "a_b"}, ["container"]),
        ({"tenant_id": "../x"}, ["tenant_id"]),
        ({"client_secret": "with a\nbreak"}, ["client_secret"]),
        ({"authority_host": "ftp://x"}, ["authority_host"]),
        ({"client_id": ""}, [""]),
        ({"account_key": "a2V5"}, [""]),
        ({"tenant_id": "", "client_id": "", "client_secret": "", "account_key": "no base64"}, ["account_key"]),
    ],
)
async def test_what_no_azure_connector_can_have_is_refused_on_its_field(
    stub: Any, changes: dict[str, str], fields: list[str]
) -> None:
    refused = await refusal(stub.CreateAzureConnector(_azure_request(**changes)))
    assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", fields)


def _automation(kind: str, state: Any) -> Automation:
    return Automation(
        automation_id=f"auto_{kind}",
        owner="ada",
        index_id="idx_1",
        kind=kind,
        config={},
        state=asdict(state),
        created_at=0.0,
        updated_at=0.0,
    )


def _job(connector_id: str, status: str) -> ImportJob:
    return ImportJob(
        job_id="job_1",
        owner="ada",
        index_id="idx_1",
        connector_id=connector_id,
        status=status,
        source_prefix="",
        file_pattern="*",
        recursive=True,
        import_mode="all",
        execution_status="not_requested",
        created_at=0.0,
    )


async def test_a_connector_in_use_is_not_deleted_and_its_users_are_named(api: Api, stub: Any) -> None:
    connector_id = (await _local(stub, api.engine.media)).connector_id
    watch = ImportConfig(watch=Watch(connector_id=connector_id), debounce=300.0)
    async with api.engine.database.transaction() as tx:
        tx.add(_automation("import", ImportState(automation_id="auto_import", config=watch)))
        tx.add(_automation("export", ExportState(automation_id="auto_export", destination_connector_id=connector_id)))
        tx.add(_job(connector_id, "importing"))
        await exports.create(
            tx,
            export_key="k",
            owner="ada",
            export_type="index",
            target_id="idx_1",
            index_id="idx_1",
            prompt_run_ids=None,
            connector=await tx.get(Connector, connector_id),
            subpath="",
        )
    refused = await refusal(stub.DeleteConnector(pb.DeleteConnectorRequest(connector_id=connector_id)))
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "CONFLICT")
    for named in ("import automation auto_import of index idx_1", "export automation auto_export", "job_1", "exp_"):
        assert named in refused.message
    assert (await _get(stub, connector_id)).connector_id == connector_id


async def test_a_connector_whose_work_is_done_is_deleted_and_its_imports_stay(api: Api, stub: Any) -> None:
    connector_id = (await _local(stub, api.engine.media)).connector_id
    async with api.engine.database.transaction() as tx:
        tx.add(_job(connector_id, "completed"))
    answer = await stub.DeleteConnector(pb.DeleteConnectorRequest(connector_id=connector_id))
    assert connector_id in answer.message
    refused = await refusal(stub.GetConnector(pb.GetConnectorRequest(connector_id=connector_id)))
    assert refused.status == "NOT_FOUND"
    async with api.engine.database.reading() as session:
        assert await session.get(ImportJob, "job_1") is not None


async def _credentials(api: Api, connector_id: str) -> dict[str, str]:
    async with api.engine.database.reading() as session:
        return api.engine.stores.secrets(await session.get_one(Connector, connector_id))


async def test_credentials_are_rotated_by_what_is_set_of_them(api: Api, stub: Any) -> None:
    made = (await stub.CreateS3Connector(_s3_request())).connector
    async with api.engine.database.transaction() as tx:
        row = await tx.get_one(Connector, made.connector_id)
        row.status, row.last_test_result, row.last_test_error = "failed", "failed", "denied"
        row.last_tested_at = tx.now
    changed = await _update(stub, made.connector_id, aws_secret_access_key="n3w")
    assert await _credentials(api, made.connector_id) == {
        "aws_access_key_id": "AKNOBODY",
        "aws_secret_access_key": "n3w",
    }
    assert (changed.status, changed.HasField("last_test_error")) == (ACTIVE, False), "what failed was the old secret"
    assert "n3w" not in str(changed)
    again = await _update(stub, made.connector_id, aws_secret_access_key="n3w")
    assert again.updated_at == changed.updated_at, "nothing changed"


@pytest.mark.parametrize(
    ("credentials", "field"),
    [
        ({"client_secret": "s3cr3t-of-another"}, "client_secret"),
        ({"credentials_file": "{}"}, "credentials_file"),
        ({"aws_secret_access_key": "not visible\u00a0"}, "aws_secret_access_key"),
    ],
)
async def test_credentials_that_do_not_fit_are_refused_and_the_old_ones_stay(
    api: Api, stub: Any, credentials: dict[str, str], field: str
) -> None:
    made = (await stub.CreateS3Connector(_s3_request())).connector
    refused = await refusal(_update(stub, made.connector_id, **credentials))
    assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", [field])
    assert next(iter(credentials.values())) not in refused.message
    assert (await _credentials(api, made.connector_id))["aws_secret_access_key"] == "top-s3cr3t"


async def test_an_azure_application_and_an_account_key_take_each_others_place(api: Api, stub: Any) -> None:
    connector_id = (await stub.CreateAzureConnector(_azure_request())).connector.connector_id
    await _update(stub, connector_id, account_key="a2V5")
    assert await _credentials(api, connector_id) == {"account_key": "a2V5"}
    refused = await refusal(_update(stub, connector_id, client_secret="alone"))
    assert set(refused.fields) == {"tenant_id", "client_id"}
    application = {"tenant_id": "t1", "client_id": "c1", "client_secret": "s1"}
    assert (await refusal(_update(stub, connector_id, account_key="a2V5", **application))).status == "INVALID_ARGUMENT"
    await _update(stub, connector_id, **application)
    assert await _credentials(api, connector_id) == application
    elsewhere = {"authority_host": "https://login.example.com"}
    refused = await refusal(_update(stub, connector_id, **elsewhere))
    assert list(refused.fields) == ["client_secret"], "a kept secret is sent nowhere else"
    await _update(stub, connector_id, client_secret="s2", **elsewhere)
    assert await _credentials(api, connector_id) == {**application, "client_secret": "s2", **elsewhere}


async def test_credentials_that_nothing_opens_any_more_are_entered_again(api: Api, stub: Any) -> None:
    connector_id = (await stub.CreateS3Connector(_s3_request())).connector.connector_id
    async with api.engine.database.transaction() as tx:
        (await tx.get_one(Connector, connector_id)).secrets = b"sealed under a lost key"
    refused = await refusal(_update(stub, connector_id, aws_secret_access_key="n3w"))
    assert list(refused.fields) == ["aws_access_key_id"]
    await _update(stub, connector_id, aws_access_key_id="AKNEW", aws_secret_access_key="n3w")
    assert (await _credentials(api, connector_id))["aws_access_key_id"] == "AKNEW"


async def test_a_scope_that_something_uses_does_not_go(api: Api, stub: Any) -> None:
    connector_id = (await _local(stub, api.engine.media, scopes=[IMPORT, EXPORT])).connector_id
    watch = ImportConfig(watch=Watch(connector_id=connector_id), debounce=300.0)
    async with api.engine.database.transaction() as tx:
        tx.add(_automation("import", ImportState(automation_id="auto_import", config=watch)))
    refused = await refusal(_update(stub, connector_id, scopes=[EXPORT]))
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "CONFLICT")
    assert "import automation auto_import of index idx_1" in refused.message
    assert list((await _update(stub, connector_id, scopes=[IMPORT])).scopes) == [IMPORT]


async def test_no_export_base_path_makes_an_index_feed_itself(api: Api, stub: Any) -> None:
    source = (await _local(stub, api.engine.media)).connector_id
    target = (await _local(stub, api.engine.media, scopes=[EXPORT], export_base_path="results")).connector_id
    watch = ImportConfig(watch=Watch(connector_id=source, source_prefix="incoming/"), debounce=300.0)
    delivering = ExportState(automation_id="auto_export", destination_connector_id=target)
    async with api.engine.database.transaction() as tx:
        tx.add(_automation("import", ImportState(automation_id="auto_import", config=watch)))
        tx.add(_automation("export", delivering))
    for inside in ("incoming", "incoming/results"):
        refused = await refusal(_update(stub, target, export_base_path=inside))
        assert list(refused.fields) == ["export_base_path"]
    beside = await _update(stub, target, export_base_path="incoming-results")
    assert beside.export_base_path == "incoming-results", "a folder is a whole segment"
