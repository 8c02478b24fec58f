"""From saved settings to a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from automation_engine.connectors.azure import AzureStore
from automation_engine.connectors.gcs import GcsStore
from automation_engine.connectors.local import LocalStore
from automation_engine.connectors.providers import open_store
from automation_engine.connectors.s3 import S3Store
from automation_engine.errors import InvalidArgument, StorageDenied

S3 = {"bucket": "media.example", "region": "eu-central-1"}
SECRETS = {"aws_access_key_id": "AKEXAMPLE", "aws_secret_access_key": "s3cr/et+"}


AZURE = {"storage_account": "media1", "container": "dailies"}
APPLICATION = {"tenant_id": "example.onmicrosoft.com", "client_id": "id", "client_secret": "s3cr~t"}


@pytest.fixture(scope="module")
def key_file() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return {
        "type": "service_account",
        "client_email": "engine@example.com",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "token_uri": "https://oauth2.example.com/token",
    }


def _violations(provider: str, settings: dict[str, Any], secrets: dict[str, str]) -> list[str]:
    with pytest.raises(InvalidArgument) as raised:
        open_store(provider, settings, secrets, allowed_roots=None)
    return [violation.field for violation in raised.value.violations]


def test_each_provider_opens_its_store(tmp_path: Path) -> None:
    assert isinstance(open_store("local", {"root": str(tmp_path)}, {}, allowed_roots=[tmp_path]), LocalStore)
    for endpoint_url in (None, "", "http://127.0.0.1:8333", "https://storage.example.com/s3/"):
        settings = {**S3, "endpoint_url": endpoint_url}
        assert isinstance(open_store("s3", settings, SECRETS, allowed_roots=[]), S3Store)


def test_gcs_and_azure_open_their_stores(key_file: dict[str, str]) -> None:
    credentials = {"credentials_file": json.dumps(key_file)}
    for bucket in ("media", "media_1.example.com", "a" * 63):
        assert isinstance(open_store("gcs", {"bucket": bucket}, credentials, allowed_roots=[]), GcsStore)
    for secrets in (
        APPLICATION,
        {**APPLICATION, "authority_host": "https://login.example.us"},
        {"account_key": "a2V5"},
    ):
        for container in ("dailies", "a-b-c", "$web"):
            opened = open_store("azure", {**AZURE, "container": container}, secrets, allowed_roots=[])
            assert isinstance(opened, AzureStore)


@pytest.mark.parametrize("bucket", ["ab", "a" * 64, "Media", "a..b", "-ab", "ab-", "a/b", f"{'a' * 60}." * 4, None])
def test_a_gcs_bucket_that_breaks_the_naming_rules_is_refused(bucket: object, key_file: dict[str, str]) -> None:
    assert _violations("gcs", {"bucket": bucket}, {"credentials_file": json.dumps(key_file)}) == ["bucket"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "authorized_user"),
        ("client_email", 5),
        ("client_email", None),
        ("private_key", "-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n"),
        ("private_key", None),
        ("token_uri", "file:///etc/passwd"),
        ("token_uri", None),
    ],
)
def test_a_key_file_at_fault_is_refused_and_not_repeated(name: str, value: object, key_file: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument) as raised:
        open_store(
            "gcs", {"bucket": "media"}, {"credentials_file": json.dumps({**key_file, name: value})}, allowed_roots=[]
        )
    assert [violation.field for violation in raised.value.violations] == ["credentials_file"]
    assert "s3cr3t" not in str(raised.value)
    assert raised.value.__cause__ is None or "s3cr3t" not in str(raised.value.__cause__)


def test_all_azure_faults_are_told_together() -> None:
    assert _violations("azure", {"storage_account": "no", "container": "A"}, {"authority_host": "ftp://x"}) == [
        "storage_account",
        "container",
        "tenant_id",
        "client_id",
        "client_secret",
        "authority_host",
    ]
    assert _violations("azure", AZURE, {**APPLICATION, "tenant_id": "evil/../x"}) == ["tenant_id"]
    assert _violations("azure", AZURE, {"account_key": "not base64"}) == ["account_key"]


def test_all_faults_are_told_together_by_field() -> None:
    assert _violations("s3", {"endpoint_url": "ftp://x"}, {}) == [
        "bucket",
        "region",
        "endpoint_url",
        "aws_access_key_id",
        "aws_secret_access_key",
    ]
    assert _violations("tape", {}, {}) == ["provider"]


@pytest.mark.parametrize("bucket", ["ab", "a" * 64, "Media", "a..b", "-ab", "ab.", "a/b", "10.0.0.1", "a_b", "ab\n", 7])
def test_a_bucket_that_breaks_the_naming_rules_is_refused(bucket: object) -> None:
    assert _violations("s3", {**S3, "bucket": bucket}, SECRETS) == ["bucket"]


@pytest.mark.parametrize(
    "endpoint_url",
    [
        "storage",
        "//x",
        "file:///etc",
        "http://",
        "http://x:99999",
        "http://u:p@x",
        "http://x?a",
        "http://x#a",
        "http://x y",
        5,
    ],
)
def test_an_endpoint_that_is_no_plain_web_address_is_refused(endpoint_url: object) -> None:
    assert _violations("s3", {**S3, "endpoint_url": endpoint_url}, SECRETS) == ["endpoint_url"]


@pytest.mark.parametrize("region", ["", "evil.example/", "EU", "a" * 40])
def test_a_region_that_could_name_another_host_is_refused(region: str) -> None:
    assert _violations("s3", {**S3, "region": region}, SECRETS) == ["region"]


def test_a_refused_credential_is_not_repeated() -> None:
    with pytest.raises(InvalidArgument) as raised:
        open_store("s3", S3, {**SECRETS, "aws_secret_access_key": "with a\nbreak"}, allowed_roots=None)
    assert "break" not in str(raised.value)


@pytest.mark.parametrize("root", ["media", "", "~/media", "/a\0b", None])
def test_a_root_that_is_no_absolute_path_is_refused(root: object) -> None:
    assert _violations("local", {"root": root}, {}) == ["root"]


def test_a_root_outside_the_allowed_ones_is_denied(tmp_path: Path) -> None:
    with pytest.raises(StorageDenied):
        open_store("local", {"root": "/"}, {}, allowed_roots=[tmp_path])
