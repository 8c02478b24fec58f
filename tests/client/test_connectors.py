"""Connectors of all three clouds, as the published client makes and uses them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from videovector import AuthorizationError, ConflictError, NotFoundError, ValidationError

from tests.client.clients import Client, opened, raw
from tests.client.conftest import Place
from tests.client.storages import Storage

SECRETS = ("secret", "private_key", "credentials")


async def test_a_connector_of_each_cloud_is_created_tested_browsed_and_deleted(
    client: Client, storage: Storage, media: dict[str, bytes]
) -> None:
    await storage.put({f"browsed/{name}": media[".wav"] for name in ("a.wav", "b.mov", "deep/c.mp4", "d.txt")})
    made = await storage.create(client, scopes=["import", "export"], import_mode="new_only", export_base_path="out")
    told = made.model_dump()
    assert storage.told.items() <= told.items()
    assert (made.status, made.scopes, made.import_mode) == ("active", ["import", "export"], "new_only")
    assert (made.export_base_path, made.last_tested_at) == ("out", None)

    result = await client.connectors.test(made.connector_id)
    assert (result.success, result.error_message) == (True, None)
    found = await client.connectors.retrieve(made.connector_id)
    assert (found.last_test_result, found.last_test_error) == ("success", None)
    assert found.last_tested_at.endswith("Z")
    assert found in await client.connectors.list()

    files = await client.connectors.browse(made.connector_id, prefix="browsed/", pattern="*.{mp4,mov,wav}")
    assert [file.path for file in files] == ["browsed/a.wav", "browsed/b.mov", "browsed/deep/c.mp4"]
    assert [(file.name, file.extension, file.size_bytes) for file in files][2] == ("c.mp4", ".mp4", len(media[".wav"]))
    flat = await client.connectors.browse(made.connector_id, prefix="browsed", recursive=False)
    assert [file.name for file in flat] == ["a.wav", "b.mov", "d.txt"]

    gone = await client.connectors.delete(made.connector_id)
    assert made.connector_id in gone.message
    with pytest.raises(NotFoundError):
        await client.connectors.retrieve(made.connector_id)


async def test_the_defaults_are_the_contracts(client: Client, storage: Storage) -> None:
    made = await storage.create(client)
    assert (made.scopes, made.import_mode, made.export_base_path) == (["import"], "all", None)


async def test_no_answer_holds_a_credential(client: Client, storage: Storage) -> None:
    made = await storage.create(client)
    document = await raw(client, "GET", f"/connectors/{made.connector_id}")
    assert not [name for name in document if any(word in name for word in SECRETS)]
    assert "endpoint_url" in document


async def test_a_service_account_is_read_from_a_path(
    client: Client, gcs: Storage, gcs_server: Any, tmp_path: Path
) -> None:
    path = tmp_path / "service-account.json"
    path.write_text(gcs_server.credentials)
    made = await gcs.create(client, credentials_file=str(path), export_base_path="a/b", scopes=["export"])
    assert (made.scopes, made.export_base_path) == (["export"], "a/b")
    assert (await client.connectors.test(made.connector_id)).success


async def test_a_wrong_secret_is_told_by_the_test_and_healed_by_a_patch(
    client: Client, s3: Storage, s3_server: Any
) -> None:
    made = await s3.create(client, aws_secret_access_key="wrong")
    refused = await client.connectors.test(made.connector_id)
    assert not refused.success
    assert refused.error_message
    assert (await client.connectors.retrieve(made.connector_id)).status == "failed"

    rotated = await raw(
        client, "PATCH", f"/connectors/{made.connector_id}", json={"aws_secret_access_key": s3_server.secret_access_key}
    )
    assert (rotated["status"], rotated["last_test_result"]) == ("active", None)
    assert (await client.connectors.test(made.connector_id)).success


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"credentials_file": io.BytesIO(b"{}")}, "credentials_file"),
        ({"scopes": ["read"]}, "scopes"),
        ({"import_mode": "newest"}, "import_mode"),
        ({"export_base_path": "../up"}, "export_base_path"),
    ],
)
async def test_what_a_form_says_wrongly_is_refused_on_its_field(
    client: Client, gcs: Storage, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        await gcs.create(client, **fields)
    assert refused.value.status_code == 422
    assert named in str(refused.value.details)


async def test_what_lacks_the_import_scope_is_not_browsed(client: Client, s3: Storage) -> None:
    made = await s3.create(client, scopes=["export"])
    with pytest.raises(ConflictError, match="lacks the scope import"):
        await client.connectors.browse(made.connector_id)


async def test_a_connector_in_use_is_not_deleted_and_its_user_is_named(client: Client, s3: Storage) -> None:
    made = await s3.create(client, scopes=["import", "export"])
    index = await client.indexes.create(name="In use")
    prompt = await client.prompts.create(
        name="Facts", prompt_text="Measure what is there.", json_schema={"type": "object", "properties": {}}
    )
    path = f"/indexes/{index.index_id}/automations/import"
    automation = {
        "connector_id": made.connector_id,
        "debounce_interval": "1d",
        "source_prefix": "watched/",
        "prompt_preset": {"prompt_id": prompt.prompt_id},
    }
    saved = await raw(client, "PUT", path, json=automation)
    with pytest.raises(ConflictError, match=f"import automation {saved['automation_id']}"):
        await client.connectors.delete(made.connector_id)
    with pytest.raises(ConflictError, match=f"import automation {saved['automation_id']}"):
        await raw(client, "PATCH", f"/connectors/{made.connector_id}", json={"scopes": ["export"]})
    await client.indexes.delete(index.index_id)
    await client.connectors.delete(made.connector_id)


async def test_scopes_of_keys_are_kept_to(place: Place, s3: Storage, client: Client) -> None:
    made = await s3.create(client)
    async with opened("async", place.url, await place.key("read")) as reader:
        assert (await reader.connectors.retrieve(made.connector_id)).connector_id == made.connector_id
        for refused in (s3.create(reader), reader.connectors.test(made.connector_id)):
            with pytest.raises(AuthorizationError):
                await refused
    async with opened("async", place.url, await place.key("write")) as writer:
        with pytest.raises(AuthorizationError):
            await writer.connectors.delete(made.connector_id)
