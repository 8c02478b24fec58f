"""TLS, as the engine serves it: one certificate for REST and for gRPC."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
import trustme

from automation_engine.config import read_settings
from automation_engine.errors import InvalidArgument
from automation_engine.v1 import index_service_pb2 as pb
from automation_engine.v1.index_service_pb2_grpc import IndexServiceStub
from tests.client.conftest import Place
from tests.e2e.processes import GATEWAY, free_port, ready, run, started


async def test_grpc_is_served_under_the_same_certificate(place: Place, admin_key: str, authority: trustme.CA) -> None:
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    async with grpc.aio.secure_channel(place.grpc, credentials) as channel:
        answer = await IndexServiceStub(channel).ListIndexes(
            pb.ListIndexesRequest(), metadata=[("x-api-key", admin_key)]
        )
    assert answer is not None


async def test_the_command_line_reaches_an_engine_over_tls(
    place: Place, admin_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", os.environ["SSL_CERT_FILE"])
    listed = await run("automations", "--engine", f"https://{place.grpc}", "--key", admin_key, "list")
    assert listed.code == 0, listed.err


async def test_a_gateway_on_its_own_reaches_an_engine_over_tls(
    place: Place, admin_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", os.environ["SSL_CERT_FILE"])
    address = f"127.0.0.1:{free_port()}"
    arguments = ("--engine", f"https://{place.grpc}", "--http", address)
    async with (
        started(tmp_path / "gateway.log", GATEWAY, *arguments) as gateway,
        httpx.AsyncClient(base_url=f"http://{address}", headers={"X-API-Key": admin_key}) as client,
    ):
        await ready(gateway, http=address)
        assert (await client.get("/api/v2/indexes")).status_code == 200


async def test_nothing_is_served_without_tls_nor_to_who_does_not_trust_it(place: Place) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(urlsplit(place.url)._replace(scheme="http").geturl())
    async with httpx.AsyncClient(trust_env=False) as stranger:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.get(place.url)


def test_a_certificate_and_a_key_that_do_not_fit_are_refused_at_start(tmp_path: Path, authority: trustme.CA) -> None:
    paths = []
    for number in range(2):
        issued = authority.issue_cert("example.com")
        paths += [tmp_path / f"{number}.pem", tmp_path / f"{number}.key"]
        issued.cert_chain_pems[0].write_to_path(str(paths[-2]))
        issued.private_key_pem.write_to_path(str(paths[-1]))
    certificate, key, _, foreign_key = paths
    assert read_settings(tls_cert=certificate, tls_key=key).tls_key == key
    for wrong in (
        {"tls_cert": certificate, "tls_key": foreign_key},
        {"tls_cert": certificate, "tls_key": tmp_path / "absent.key"},
        {"tls_cert": certificate},
        {"tls_key": key},
    ):
        with pytest.raises(InvalidArgument) as refused:
            read_settings(**wrong)
        assert [violation.field for violation in refused.value.violations] == ["--tls-key"]
