"""From saved settings to a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automation_engine.connectors.local import LocalStore
from automation_engine.connectors.providers import open_store
from automation_engine.connectors.s3 import S3Store
from automation_engine.errors import InvalidArgument, StorageDenied

S3 = {"bucket": "media.example", "region": "eu-central-1"}
SECRETS = {"aws_access_key_id": "AKEXAMPLE", "aws_secret_access_key": "s3cr/et+"}


def _violations(provider: str, settings: dict[str, Any], secrets: dict[str, str]) -> list[str]:
    with pytest.raises(InvalidArgument) as raised:
        open_store(provider, settings, secrets, allowed_roots=None)
    return [violation.field for violation in raised.value.violations]


def test_each_provider_opens_its_store(tmp_path: Path) -> None:
    assert isinstance(open_store("local", {"root": str(tmp_path)}, {}, allowed_roots=[tmp_path]), LocalStore)
    for endpoint_url in (None, "", "http://127.0.0.1:8333", "https://storage.example.com/s3/"):
        settings = {**S3, "endpoint_url": endpoint_url}
        assert isinstance(open_store("s3", settings, SECRETS, allowed_roots=[]), S3Store)


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
