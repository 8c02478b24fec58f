"""What is Google Cloud Storage's own, over a GCS-like server and scripted ones."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from automation_engine.connectors.gcs import GcsStore
from automation_engine.connectors.gcs_client import ServiceAccount
from automation_engine.connectors.web import PART_SIZE
from automation_engine.errors import (
    StorageDenied,
    StorageError,
    StorageThrottled,
    StorageUnavailable,
    VersionMismatch,
)
from tests.contract.stores import (
    Answer,
    Subject,
    chunks_of,
    cut_short,
    served,
)
from tests.servers.fake_gcs import FakeGcs


@asynccontextmanager
async def _scripted_gcs(answer: Answer, account: ServiceAccount) -> AsyncIterator[GcsStore]:
    async with served(answer) as url:
        store = GcsStore("media", account, url)
        yield store
        await store.close()


ITEM = {"generation": "1", "size": "1", "timeCreated": "2026-01-01T00:00:00.000Z"}


def _items(*keys: str, kind: str = "storage#objects", **fields: str) -> web.Response:
    return web.json_response({"kind": kind, "items": [{"name": key, **ITEM} for key in keys], **fields})


def _gcs_error(status: int, reason: str, message: str = "said so") -> web.Response:
    return web.json_response({"error": {"message": message, "errors": [{"reason": reason}]}}, status=status)


class TestGcsListing:
    async def test_pages_are_followed_to_the_end_also_through_empty_ones(self, service_account: ServiceAccount) -> None:
        def answer(request: web.Request) -> web.Response:
            number = int(request.query.get("pageToken", "0"))
            keys = [] if number == 1 else [f"{number}"]
            return _items(*keys, **({"nextPageToken": f"{number + 1}"} if number < 3 else {}))

        async with _scripted_gcs(answer, service_account) as store:
            keys = [info.key async for page in store.list_pages("", recursive=True) for info in page]
        assert keys == ["0", "2", "3"]

    @pytest.mark.parametrize(
        ("why", "answer"),
        [
            ("a repeated token", lambda _: _items("1", nextPageToken="again")),
            ("no generation", lambda _: web.json_response({"kind": "storage#objects", "items": [{"name": "a"}]})),
            ("another document", lambda _: _items("1", kind="storage#object")),
            ("no items but a text", lambda _: web.json_response({"kind": "storage#objects", "items": "x"})),
            ("an empty object", lambda _: web.json_response({})),
            ("keys outside the prefix", lambda _: _items("elsewhere")),
            ("a body cut short", cut_short),
            ("broken JSON", lambda _: web.Response(text='{"kind": "storage#objects"')),
            ("an empty body", lambda _: web.Response(text="")),
            ("a redirect", lambda _: web.Response(status=301, headers={"Location": "/elsewhere"})),
            ("a failing server", lambda _: web.Response(status=500)),
            ("a proxy's 400", lambda _: web.Response(status=400, text="<html>no</html>")),
        ],
    )
    async def test_an_answer_that_may_be_incomplete_fails_the_listing(
        self, why: str, answer: Answer, service_account: ServiceAccount
    ) -> None:
        async with _scripted_gcs(answer, service_account) as store:
            with pytest.raises(StorageUnavailable):
                [page async for page in store.list_pages("in/" if "prefix" in why else "", recursive=True)]

    @pytest.mark.parametrize(
        ("status", "reason", "kind"),
        [
            (401, "authError", StorageDenied),
            (403, "forbidden", StorageDenied),
            (403, "rateLimitExceeded", StorageThrottled),
            (429, "rateLimitExceeded", StorageThrottled),
            (404, "notFound", StorageUnavailable),
            (412, "conditionNotMet", VersionMismatch),
            (400, "invalid", StorageError),
            (503, "backendError", StorageUnavailable),
            (500, "", StorageUnavailable),
        ],
    )
    async def test_errors_are_typed_by_what_the_server_says(
        self, status: int, reason: str, kind: type[StorageError], service_account: ServiceAccount
    ) -> None:
        async with _scripted_gcs(lambda _: _gcs_error(status, reason), service_account) as store:
            with pytest.raises(StorageError, match=f"{reason}.*said so") as raised:
                await store.test()
        assert type(raised.value) is kind


class TestGcs:
    async def test_a_key_travels_to_the_server_as_one_encoded_segment(self, service_account: ServiceAccount) -> None:
        seen: list[str] = []

        def answer(request: web.Request) -> web.Response:
            seen.append(request.raw_path.partition("?")[0])
            return _gcs_error(412, "conditionNotMet")

        async with _scripted_gcs(answer, service_account) as store:
            for key in ("a//b", "/lead", "x/../y", "a%2Fb", "c\x01"):
                with pytest.raises(VersionMismatch):
                    await store.read_range(key, version="1", start=0, length=1)
        names = ["a%2F%2Fb", "%2Flead", "x%2F..%2Fy", "a%252Fb", "c%01"]
        assert seen == [f"/download/storage/v1/b/media/o/{name}" for name in names]

    async def test_a_server_that_ignores_the_generation_and_range_is_found_out(
        self, service_account: ServiceAccount
    ) -> None:
        headers = {"X-Goog-Generation": "2"}
        async with _scripted_gcs(lambda _: web.Response(body=b"0123", headers=headers), service_account) as store:
            with pytest.raises(VersionMismatch):
                [chunk async for chunk in store.read_stream("a", version="1")]
            with pytest.raises(StorageUnavailable):
                await store.read_range("a", version="2", start=2, length=1)

    async def test_an_upload_that_loses_bytes_is_cancelled_and_raised(self, service_account: ServiceAccount) -> None:
        seen: list[str] = []

        def answer(request: web.Request) -> web.Response:
            seen.append(f"{request.method} {request.headers.get('Content-Range', '')}")
            if request.method == "POST":
                return web.Response(headers={"Location": str(request.url.with_query("upload_id=u"))})
            return web.Response(status=308, headers={"Range": "bytes=0-9"}) if request.method == "PUT" else _gone()

        def _gone() -> web.Response:
            return web.Response(status=499)

        async with _scripted_gcs(answer, service_account) as store:
            with pytest.raises(StorageUnavailable, match="kept bytes=0-9"):
                await store.put("a", chunks_of(bytes(PART_SIZE + 1)), content_type="video/mp4")
        assert seen == ["POST ", f"PUT bytes 0-{PART_SIZE - 1}/*", "DELETE "]

    async def test_an_upload_does_not_follow_to_another_server(self, service_account: ServiceAccount) -> None:
        def answer(_: web.Request) -> web.Response:
            return web.Response(headers={"Location": "http://elsewhere.example/upload"})

        async with _scripted_gcs(answer, service_account) as store:
            with pytest.raises(StorageUnavailable, match="another address"):
                await store.put("a", chunks_of(bytes(PART_SIZE)), content_type="video/mp4")

    async def test_a_token_is_kept_until_the_storage_refuses_it(self, service_account: ServiceAccount) -> None:
        seen: list[str] = []

        def answer(request: web.Request) -> web.Response:
            if request.method == "POST":
                seen.append("token")
                return web.json_response({"access_token": f"{len(seen)}", "expires_in": 3600})
            seen.append(request.headers["Authorization"])
            return _gcs_error(401, "authError") if len(seen) == 3 else _items()

        async with served(answer) as url:
            store = GcsStore("media", dataclasses.replace(service_account, token_uri=f"{url}/token"), url)
            await store.test()
            with pytest.raises(StorageDenied):
                await store.test()
            await store.test()
            await store.close()
        assert seen == ["token", "Bearer 1", "Bearer 1", "token", "Bearer 4"]

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (lambda: web.json_response({"error": "invalid_grant"}, status=400), StorageDenied),
            (lambda: web.Response(status=404, text="<html>"), StorageUnavailable),
            (lambda: web.Response(status=503), StorageUnavailable),
            (lambda: web.Response(status=429), StorageThrottled),
            (lambda: web.json_response({}), StorageUnavailable),
            (lambda: web.json_response({"access_token": "a\nb", "expires_in": 1}), StorageUnavailable),
        ],
    )
    async def test_a_token_endpoint_that_gives_no_token_is_told_by_type(
        self, answer: Callable[[], web.Response], kind: type[StorageError], service_account: ServiceAccount
    ) -> None:
        async with served(lambda _: answer()) as url:
            store = GcsStore("media", dataclasses.replace(service_account, token_uri=url), url)
            with pytest.raises(StorageError) as raised:
                await store.test()
            await store.close()
        assert type(raised.value) is kind

    async def test_a_foreign_key_is_denied(self, gcs_server: FakeGcs, gcs_bucket: str) -> None:
        foreign = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        pem = foreign.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = ServiceAccount.of({**json.loads(gcs_server.credentials), "private_key": pem})
        store = GcsStore(gcs_bucket, account, gcs_server.endpoint_url)
        with pytest.raises(StorageDenied, match="invalid_grant"):
            await store.test()
        await store.close()

    async def test_the_content_type_is_kept_and_folder_markers_are_left_out(self, gcs_subject: Subject) -> None:
        for size in (3, PART_SIZE + 1):
            info = await gcs_subject.put(f"sub/{size}", bytes(size))
            assert (await gcs_subject.store.head(info.key)).content_type == "video/mp4"
        await gcs_subject.put("sub/", b"")
        assert await gcs_subject.names() == ["sub/3", f"sub/{PART_SIZE + 1}"]

    def test_one_place_has_one_location_however_it_is_written(self, service_account: ServiceAccount) -> None:
        def location(endpoint_url: str | None) -> str:
            return GcsStore("media", service_account, endpoint_url).location("in/")

        assert location(None) == location("https://Storage.googleapis.com:443/")
        assert location(None) != location("http://storage.googleapis.com")

    def test_no_representation_shows_a_credential(self, service_account: ServiceAccount) -> None:
        store = GcsStore("media", service_account)
        assert "PRIVATE" not in f"{store!r} {service_account!r} {vars(store)!r}"
