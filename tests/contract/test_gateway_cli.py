"""``automation-gateway`` before a real engine: the package of stubs is found, health decides readiness."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import httpx
import pytest
import typer
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gateway.cli import _address, gateway_app
from gateway.stubs import load_stubs
from tests.contract.gateway_stubs import PROTOS, Servicer, compile_protos, compiled


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of stubs as ``make proto`` leaves it, over the modules that are loaded already."""
    compiled()
    folder = tmp_path / "some_stubs"
    folder.mkdir()
    compile_protos(PROTOS, tmp_path, ["words.proto", "messaging.proto"])
    (folder / "descriptor_set.binpb").write_bytes((tmp_path / "set.binpb").read_bytes())
    (folder / "__init__.py").touch()
    (folder / "messaging_pb2.py").write_text("from messaging_pb2 import DESCRIPTOR\n")
    (folder / "annotations_pb2.py").write_text("from words_pb2 import DESCRIPTOR, rest_name\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("some_stubs")]:
        monkeypatch.delitem(sys.modules, name)
    return "some_stubs"


def test_a_package_of_stubs_is_opened_with_its_services_texts_and_words(package: str) -> None:
    stubs = load_stubs(package)
    assert [service.full_name for service in stubs.services] == ["gateway_test.v1.Messaging"]
    assert stubs.rest_name is compiled().words.rest_name
    assert b"The messages of http.proto" in stubs.descriptor_set


async def test_the_gateway_serves_an_engine_and_is_ready_when_its_health_is(package: str, tmp_path: Path) -> None:
    server, checks = grpc.aio.server(), health.aio.HealthServicer()
    Servicer().add_to(server)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    address = f"unix:{tmp_path}/engine.sock"
    server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        transport = httpx.ASGITransport(app=gateway_app(channel, package))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            assert (await client.get("/api/v1/things/a")).json()["id"] == "a"
            assert (await client.get("/healthz")).status_code == 200
            await checks.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
            assert (await client.get("/healthz")).status_code == 503
            await server.stop(None)
            assert (await client.get("/healthz")).status_code == 503


@pytest.mark.parametrize(("text", "address"), [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8080", ("::1", 8080))])
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert _address(text) == address


@pytest.mark.parametrize("text", ["80", ":80", "host:", "host:x", "host:70000"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        _address(text)
