"""The command line: settings, keys, one engine to a data folder, the demo, the doctor."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGINT
from typing import Any

import httpx
import pytest

from tests.e2e.processes import ENGINE, Service, free_port, is_serving, ready, run, started, until

KEY = re.compile(r"sk_live_[0-9a-f]{48}")


@pytest.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Serve in real time."""
    async with Service(tmp_path_factory.mktemp("cli")) as service:
        yield service


async def test_the_service_is_configured_by_environment_variables_alone(tmp_path: Path) -> None:
    media = [tmp_path / "one", tmp_path / "two"]
    for folder in media:
        folder.mkdir()
    http, grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    settings = {"data_dir": str(tmp_path / "data"), "local_root": ":".join(map(str, media)), "http": http, "grpc": grpc}
    made = await run("keys", "create", "--scopes", "admin", data_dir=settings["data_dir"])
    async with (
        started(tmp_path / "log", ENGINE, "serve", time_scale="300", insecure_dev="true", **settings) as running,
        httpx.AsyncClient(base_url=f"http://{http}/api/v2", headers={"X-API-Key": made.last_line}) as client,
    ):
        await ready(running, http=http, grpc_address=grpc)
        for root, status in ((media[0], 200), (media[1], 200), (tmp_path, 422)):
            answer = await client.post("/connectors/local", json={"name": "drop", "root": str(root)})
            assert answer.status_code == status, answer.text


async def test_an_option_goes_before_its_environment_variable(tmp_path: Path) -> None:
    ended = await run("serve", "--data-dir", tmp_path, "--grpc", "from-option", grpc="from-environment")
    assert ended.code == 2
    assert "'from-option'" in ended.err
    assert "from-environment" not in ended.err


async def test_an_accelerated_clock_is_refused_outside_of_development(tmp_path: Path) -> None:
    ended = await run("serve", "--data-dir", tmp_path, "--time-scale", "300")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: --time-scale: makes the engine's time unreal: it needs --insecure-dev\n"


async def test_all_faults_of_the_settings_are_told_together(tmp_path: Path) -> None:
    faults = ("--http", "here", "--grpc", "127.0.0.1:70000", "--role", "worker", "--time-scale", "300")
    ended = await run("serve", "--data-dir", tmp_path, *faults)
    assert ended.code == 2
    told = [line.split(": ")[:2] for line in ended.err.splitlines()]
    assert sorted(told) == [["error", option] for option in ("--grpc", "--http", "--role", "--time-scale")]


async def test_a_second_engine_on_the_same_data_is_refused(service: Service) -> None:
    addresses = ("--grpc", f"127.0.0.1:{free_port()}", "--http", f"127.0.0.1:{free_port()}")
    ended = await run("serve", "--data-dir", service.data, *addresses)
    assert ended.code == 1
    assert f"error: another engine runs on {service.data}" in ended.err
    assert "Traceback" not in ended.err
    assert await is_serving(service.grpc)


@pytest.mark.parametrize(("taken", "protocol"), [("--grpc", "gRPC"), ("--http", "REST")])
async def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path, taken: str, protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        addresses = {"--grpc": "127.0.0.1:0", "--http": "127.0.0.1:0", taken: address}
        ended = await run("serve", "--data-dir", tmp_path, *(word for pair in addresses.items() for word in pair))
    assert ended.code == 1
    assert f"error: {protocol} can't listen on {address}" in ended.err
    assert "Traceback" not in ended.err


async def test_a_data_folder_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = await run("keys", "list", "--data-dir", tmp_path / "file")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ended.err.startswith("error: --data-dir: ")


async def test_a_new_key_stands_alone_on_the_last_line_and_is_never_shown_again(service: Service) -> None:
    made = await run("keys", "create", "--data-dir", service.data, "--scopes", "read,write", "--owner", "bob")
    assert (made.code, bool(KEY.fullmatch(made.last_line))) == (0, True), made
    listed = await run("keys", "list", "--data-dir", service.data)
    assert listed.code == 0
    assert not KEY.search(listed.out)
    assert "bob" in listed.out


async def test_a_revoked_key_is_refused_at_once_by_the_running_service(service: Service) -> None:
    key = await service.new_key(owner="carol")
    assert await _validates(service, key) == 204
    key_id = await _listed(service, "carol")
    assert (await run("keys", "revoke", key_id, "--data-dir", service.data)).code == 0
    assert await _validates(service, key) == 401
    assert "revoked" in (await run("keys", "list", "--data-dir", service.data)).out


async def test_an_expired_key_is_refused(service: Service) -> None:
    lasting, passing = await service.new_key(owner="dave", days=1), await service.new_key(owner="dave", days=1e-6)

    async def expired() -> bool:
        return await _validates(service, passing) == 401

    await until("the key expires", expired)
    assert await _validates(service, lasting) == 204
    states = (await run("keys", "list", "--data-dir", service.data)).out
    assert "expired" in states


async def test_a_key_that_can_not_be_is_refused_with_the_reason(service: Service) -> None:
    ended = await run("keys", "create", "--data-dir", service.data, "--scopes", "root")
    assert (ended.code, ended.out) == (2, "")
    assert "error: scopes: must be some of search, read, write, admin; got root" in ended.err
    ended = await run("keys", "revoke", "key_nobodys", "--data-dir", service.data)
    assert (ended.code, ended.err) == (1, "error: there is no API key key_nobodys\n")


async def _validates(service: Service, key: str) -> int:
    return (await service.send("GET", "/api/v2/auth/validate", headers={"X-API-Key": key})).status_code


async def _listed(service: Service, owner: str) -> str:
    """Return the id of an owner's one key, from the list as a terminal of 80 columns shows it."""
    listed = (await run("keys", "list", "--data-dir", service.data)).out
    [line] = [line for line in listed.splitlines() if f" {owner} " in line]
    found = re.search(r"key_\w{26}", line)
    assert found, listed
    return found.group()


async def test_the_demo_delivers_and_tells_the_timeline() -> None:
    ended = await run("demo", within=100)
    assert ended.code == 0, ended.out + ended.err
    delivered, _, timeline = ended.out.partition("─ timeline ─")
    artifact = json.loads(delivered[delivered.index("\n{\n") : delivered.rindex("}") + 1])
    segments = artifact["runs"][0]["segments"]
    assert {segment["video_name"] for segment in segments} == {"interview.mp4", "aerial.mp4", "closing.mp4"}
    events = ("the service is ready", "interview.mp4 is complete", "import job completed: 3 of 3", "export completed")
    assert sorted(events, key=timeline.index) == list(events)


async def test_the_demo_that_is_kept_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    async with started(tmp_path / "log", ENGINE, "demo", "--keep", "--data-dir", tmp_path / "demo") as demo:
        said = await demo.says("Ctrl-C ends it")
        told = dict(re.findall(r"^(REST|gRPC|key|drop) +(\S+)$", said, re.MULTILINE))
        async with httpx.AsyncClient(headers={"X-API-Key": told["key"]}) as client:
            assert (await client.get(told["REST"])).status_code == 200
            jobs = (await client.get(told["REST"].replace("/docs", "/api/v2/import-jobs"))).json()
        assert [job["status"] for job in jobs] == ["completed"]
        assert await is_serving(told["gRPC"])
        assert told["drop"] == f"{tmp_path}/demo/watched/incoming/daily/"
        [explain] = [line for line in said.splitlines() if " explain " in line]
        explained = await run(*explain.split()[1:], grpc=told["gRPC"], key=told["key"])
        assert explained.out.startswith("It was imported as video vid_"), explained
        assert await demo.stop(SIGINT) in {0, 130}
        assert "Traceback" not in demo.said


async def test_an_automation_is_handled_from_the_command_line_and_watched_until_an_interrupt(tmp_path: Path) -> None:
    async with Service(tmp_path, "--local-root", tmp_path) as service:
        body = await _automation(service, tmp_path)
        told: dict[str, Any] = {"key": service.key, "grpc": service.grpc}
        put = await run("automations", "--json", "put", body.stem, "import", "--file", body, **told)
        assert (put.code, json.loads(put.out)["state"]) == (0, "starting"), put
        watching = ("automations", "--json", "status", body.stem, "--watch")
        async with started(tmp_path / "watch.log", ENGINE, *watching, **told) as watch:
            first = (await watch.says("\n")).splitlines()[0]
            assert json.loads(first)["health"] == "ok"
            assert await watch.stop(SIGINT) == 0
            assert "Traceback" not in watch.said


async def _automation(service: Service, folder: Path) -> Path:
    """Make what an import automation needs; return a file with its body, named by its index."""
    media = folder / "media"
    media.mkdir()
    index = await service.rest("POST", "/indexes", {"name": "Dailies"})
    connector = await service.rest("POST", "/connectors/local", {"name": "drop", "root": str(media)})
    schema = {"type": "object", "properties": {"duration": {"type": "number"}}}
    prompt = await service.rest("POST", "/prompts", {"name": "P", "prompt_text": "Measure.", "json_schema": schema})
    body = {
        "connector_id": connector["connector_id"],
        "debounce_interval": "5m",
        "prompt_preset": {"prompt_id": prompt["prompt_id"]},
    }
    file = folder / f"{index['index_id']}.json"
    file.write_text(json.dumps(body))
    return file


async def test_the_doctor_finds_everything_in_order(service: Service, tmp_path: Path) -> None:
    http, grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    ended = await run("doctor", "--data-dir", tmp_path, http=http, grpc=grpc)
    assert ended.code == 0, ended.out
    assert ended.out.count("│ ok ") == 6
    assert "FAIL" not in ended.out
    assert await is_serving(service.grpc)


async def test_the_doctor_names_every_fault(tmp_path: Path) -> None:
    """The ports that are taken, and the storage that is gone, of a data folder with a connector."""
    media = tmp_path / "media"
    media.mkdir()
    async with Service(tmp_path, "--local-root", tmp_path) as service:
        await service.rest("POST", "/connectors/local", {"name": "drop", "root": str(media)})
        media.rmdir()
        ended = await run("doctor", "--data-dir", service.data, grpc=service.grpc, http=service.http)
    assert ended.code == 1
    assert [line.split("│")[1].strip() for line in ended.out.splitlines() if "│ FAIL" in line] == ["storage", "ports"]
