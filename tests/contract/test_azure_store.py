"""What is Azure Blob Storage's own, over Azurite and scripted servers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from automation_engine.connectors.azure import AzureStore
from automation_engine.connectors.azure_client import AccountKey, ClientSecret
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
    folders,
    open_azure,
    read,
    served,
)
from tests.servers.azurite import Azurite


@asynccontextmanager
async def _scripted_azure(answer: Answer) -> AsyncIterator[AzureStore]:
    async with served(answer) as url:
        store = AzureStore("account", "media", AccountKey(key="a2V5"), url)
        yield store
        await store.close()


def _blobs(*names: str, marker: str = "", etag: str = "0x1", kind: str = "", encoded: str = "") -> web.Response:
    blobs = "".join(
        f"<Blob><Name{encoded}>{name}</Name><Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified>"
        f"<Etag>{etag}</Etag><Content-Length>1</Content-Length>{kind}</Properties></Blob>"
        for name in names
    )
    text = f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    return web.Response(body=b"\xef\xbb\xbf" + text.encode(), content_type="application/xml")


def _azure_error(status: int, code: str) -> web.Response:
    return web.Response(
        status=status, text="<Error><Message>said so\nRequestId</Message></Error>", headers={"x-ms-error-code": code}
    )


class TestAzureListing:
    async def test_pages_are_followed_to_the_end_also_through_empty_ones(self) -> None:
        def answer(request: web.Request) -> web.Response:
            number = int(request.query.get("marker", "0"))
            names = [] if number == 1 else [f"{number}"]
            return _blobs(*names, marker=f"{number + 1}" if number < 3 else "")

        async with _scripted_azure(answer) as store:
            keys = [info.key async for page in store.list_pages("", recursive=True) for info in page]
        assert keys == ["0", "2", "3"]

    async def test_names_that_xml_cannot_hold_are_decoded_and_folders_are_left_out(self) -> None:
        def answer(request: web.Request) -> web.Response:
            if "marker" in request.query:
                return _blobs("folder", kind="<ResourceType>directory</ResourceType>")
            return _blobs("a%EF%BF%BEb", encoded=' Encoded="true"', marker="2")

        async with _scripted_azure(answer) as store:
            assert [info.key async for page in store.list_pages("", recursive=True) for info in page] == ["a\ufffeb"]

    @pytest.mark.parametrize(
        ("why", "answer"),
        [
            ("a repeated marker", lambda _: _blobs("1", marker="again")),
            ("no ETag", lambda _: _blobs("1", etag="")),
            ("no marker", lambda _: web.Response(text="<EnumerationResults><Blobs/></EnumerationResults>")),
            ("no blobs", lambda _: web.Response(text="<EnumerationResults><NextMarker/></EnumerationResults>")),
            ("keys outside the prefix", lambda _: _blobs("elsewhere")),
            ("a nameless blob", lambda _: _blobs("")),
            ("a body cut short", cut_short),
            ("broken XML", lambda _: web.Response(text="<EnumerationResults><Blobs>")),
            ("another document", lambda _: web.Response(text="<html></html>")),
            ("an empty body", lambda _: web.Response(text="")),
            ("a redirect", lambda _: web.Response(status=301, headers={"Location": "/elsewhere"})),
            ("a failing server", lambda _: web.Response(status=500)),
            ("a proxy's 404", lambda _: web.Response(status=404, text="<html>not here</html>")),
        ],
    )
    async def test_an_answer_that_may_be_incomplete_fails_the_listing(self, why: str, answer: Answer) -> None:
        async with _scripted_azure(answer) as store:
            with pytest.raises(StorageUnavailable):
                [page async for page in store.list_pages("in/" if "prefix" in why else "", recursive=True)]

    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (401, "InvalidAuthenticationInfo", StorageDenied),
            (403, "AuthorizationPermissionMismatch", StorageDenied),
            (404, "ContainerNotFound", StorageUnavailable),
            (412, "ConditionNotMet", VersionMismatch),
            (400, "InvalidInput", StorageError),
            (429, "", StorageThrottled),
            (503, "ServerBusy", StorageThrottled),
            (500, "InternalError", StorageUnavailable),
        ],
    )
    async def test_errors_are_typed_by_what_the_server_says(
        self, status: int, code: str, kind: type[StorageError]
    ) -> None:
        async with _scripted_azure(lambda _: _azure_error(status, code)) as store:
            with pytest.raises(StorageError, match=f"{code}.*said so$") as raised:
                await store.test()
        assert type(raised.value) is kind


class TestAzure:
    async def test_a_wrong_secret_and_an_unknown_client_are_denied(
        self, azure_server: Azurite, azure_container: str
    ) -> None:
        for changes in ({"client_secret": "wrong~one"}, {"client_id": "nobody"}):
            store = open_azure(azure_server, azure_container, **changes)
            with pytest.raises(StorageDenied, match="AADSTS") as raised:
                await store.test()
            assert "wrong~one" not in raised.value.message
            await store.close()

    async def test_an_account_key_signs_every_kind_of_request(
        self, azure_server: Azurite, azure_container: str
    ) -> None:
        credential = AccountKey(key=azure_server.account_key)
        endpoint_url, tls = azure_server.endpoint_url, azure_server.tls
        store = AzureStore(azure_server.account, azure_container, credential, endpoint_url, tls=tls)
        folder = next(folders)
        for name in ("a b+c%2F&=é.mp4", "big"):
            data = os.urandom(PART_SIZE + 1 if name == "big" else 10)
            info = await store.put(folder + name, chunks_of(data), content_type="video/mp4")
            assert await read(store, info) == data
            assert await store.read_range(info.key, version=info.version, start=1, length=3) == data[1:4]
            assert (await store.head(info.key)).version == info.version
        pages = [page async for page in store.list_pages(folder, recursive=False)]
        assert len(pages[0]) == 2
        await store.close()

    async def test_a_wrong_account_key_is_denied(self, azure_server: Azurite, azure_container: str) -> None:
        endpoint_url, tls = azure_server.endpoint_url, azure_server.tls
        store = AzureStore(azure_server.account, azure_container, AccountKey(key="d3Jvbmc="), endpoint_url, tls=tls)
        with pytest.raises(StorageDenied):
            await store.test()
        with pytest.raises(StorageDenied):
            await store.head("a")
        with pytest.raises(StorageDenied):
            await store.put("a", chunks_of(b"x"), content_type="video/mp4")
        await store.close()

    async def test_a_certificate_that_nobody_vouches_for_is_refused(
        self, azure_server: Azurite, azure_container: str
    ) -> None:
        credential = AccountKey(key=azure_server.account_key)
        store = AzureStore(azure_server.account, azure_container, credential, azure_server.endpoint_url)
        with pytest.raises(StorageUnavailable, match=r"(?i)certificate"):
            await store.test()
        await store.close()

    async def test_a_server_that_ignores_if_match_and_range_is_found_out(self) -> None:
        headers = {"ETag": '"new"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        async with _scripted_azure(lambda _: web.Response(body=b"0123456789", headers=headers)) as store:
            with pytest.raises(VersionMismatch):
                [chunk async for chunk in store.read_stream("a", version="old")]
            with pytest.raises(StorageUnavailable):
                await store.read_range("a", version="new", start=2, length=3)

    async def test_the_content_type_is_kept_and_folder_markers_are_left_out(self, azure_subject: Subject) -> None:
        for size in (3, PART_SIZE + 1):
            info = await azure_subject.put(f"sub/{size}", bytes(size))
            assert (await azure_subject.store.head(info.key)).content_type == "video/mp4"
        await azure_subject.put("sub/", b"")
        assert await azure_subject.names() == ["sub/3", f"sub/{PART_SIZE + 1}"]

    def test_one_place_has_one_location_however_it_is_written(self) -> None:
        def location(endpoint_url: str | None) -> str:
            return AzureStore("account", "media", AccountKey(key="a2V5"), endpoint_url).location("in/")

        assert location(None) == location("https://Account.blob.core.windows.net:443/")
        assert location(None) != location("http://127.0.0.1:10000/account")

    def test_no_representation_shows_a_credential(self) -> None:
        credential = ClientSecret(tenant_id="tenant", client_id="client", client_secret="the-secret")
        store = AzureStore("account", "media", credential)
        assert "the-secret" not in f"{store!r} {credential!r} {AccountKey(key='the-secret')!r} {vars(store)!r}"
