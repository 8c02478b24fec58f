"""The contract over real HTTP: the published examples, the error body, who may do what, and the gateway on its own."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.processes import EXPORT_EXAMPLE, GATEWAY, IMPORT_EXAMPLE, Service, free_port, ready, run, started
from tests.e2e.world import SCHEMA

KINDS = ("import", "export")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A service with two owners, and what their automations need."""

    service: Service
    gateway: str
    reader: str
    stranger: str
    ids: dict[str, str]

    async def index(self) -> str:
        """Create an index and return the path of its automations."""
        made = await self.service.rest("POST", "/indexes", {"name": "Dailies"})
        return f"/indexes/{made['index_id']}/automations"

    def body(self, kind: str, **changes: Any) -> dict[str, Any]:
        """Return the contract's example of that kind with its ids replaced."""
        if kind == "export":
            return {**EXPORT_EXAMPLE, "destination_connector_id": self.ids["export"], **changes}
        preset = {"prompt_id": self.ids["prompt"]}
        return {**IMPORT_EXAMPLE, "connector_id": self.ids["import"], "prompt_preset": preset, **changes}


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Serve as operators do, in real time, and put a gateway of its own before it."""
    folder = tmp_path_factory.mktemp("site")
    address = f"127.0.0.1:{free_port()}"
    async with Service(folder, "--local-root", folder) as service:
        arguments = ("--engine", service.grpc, "--http", address)
        async with started(folder / "gateway.log", GATEWAY, *arguments) as gateway:
            reader, stranger, _ = await asyncio.gather(
                service.new_key("read"), service.new_key("admin", owner="eve"), ready(gateway, http=address)
            )
            ids = await _furnish(service, folder)
            yield Site(service=service, gateway=f"http://{address}", reader=reader, stranger=stranger, ids=ids)
            assert gateway.code is None, gateway.said


async def _furnish(service: Service, folder: Path) -> dict[str, str]:
    ids = {}
    for scope in KINDS:
        (folder / scope).mkdir()
        body = {"name": scope, "root": str(folder / scope), "scopes": [scope]}
        ids[scope] = (await service.rest("POST", "/connectors/local", body))["connector_id"]
    prompt = {"name": "Facts", "prompt_text": "Measure.", "json_schema": SCHEMA}
    ids["prompt"] = (await service.rest("POST", "/prompts", prompt))["prompt_id"]
    return ids


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check an answer against the contract's error body, and return the error."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert set(document) == {"error"}
    error: dict[str, Any] = document["error"]
    assert set(error) == {"code", "message", "details", "request_id", "timestamp"}
    assert (error["code"], bool(error["message"])) == (code, True)
    assert isinstance(error["details"], dict)
    assert error["request_id"] == answer.headers["x-request-id"]
    told = datetime.strptime(error["timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=5)
    return error


def _preserved(told: dict[str, Any], body: dict[str, Any], **changes: Any) -> bool:
    """Whether an answer holds a body's fields, and the prompt that was chosen."""
    wanted = {**body, **changes}
    preset = wanted.pop("prompt_preset", {})
    return wanted.items() <= told.items() and preset.items() <= told.get("prompt_preset", {}).items()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_contracts_example_is_saved_told_paused_and_resumed(site: Site, kind: str) -> None:
    path, body = f"{await site.index()}/{kind}", site.body(kind)
    saved = await site.service.rest("PUT", path, body)
    assert _preserved(saved, body)
    assert saved["state"] in {"starting", "idle"}
    assert _preserved(await site.service.rest("GET", path), body)
    nothing: tuple[dict[str, Any] | None, ...] = (None, {})
    for sent in nothing:  # pausing what is paused succeeds and changes nothing
        paused = await site.service.rest("POST", f"{path}/pause", body=sent)
        assert _preserved(paused, body, paused=True)
        assert paused["state"] == "paused"
    for _ in range(2):
        assert _preserved(await site.service.rest("POST", f"{path}/resume"), body)
    assert _preserved(await site.service.rest("GET", path), body)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")
@pytest.mark.parametrize("kind", KINDS)
async def test_curl_sends_the_contracts_example(site: Site, kind: str) -> None:
    url, body = f"http://{site.service.http}/api/v2{await site.index()}/{kind}", site.body(kind)
    steps = [
        ("PUT", "", ["-d", json.dumps(body)], False),
        ("GET", "", [], False),
        ("POST", "/pause", [], True),
        ("POST", "/resume", [], False),
    ]
    for method, action, data, paused in steps:
        headers = ["-H", f"X-API-Key: {site.service.key}", "-H", "Content-Type: application/json"]
        answer = await run("-sS", "-w", "\n%{http_code}", "-X", method, *headers, *data, url + action, program="curl")
        document, _, status = answer.out.rpartition("\n")
        assert (answer.code, status) == (0, "200"), answer
        assert _preserved(json.loads(document), body, paused=paused)


async def test_an_identical_put_changes_nothing(site: Site) -> None:
    path = f"{await site.index()}/import"
    first = await site.service.rest("PUT", path, site.body("import"))
    again = await site.service.rest("PUT", path, site.body("import"))
    changed = await site.service.rest("PUT", path, site.body("import", debounce_interval="1h"))
    assert again["etag"] == first["etag"] != changed["etag"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_put_for_another_version_than_the_saved_one_is_412(site: Site, kind: str) -> None:
    path, body = f"{await site.index()}/{kind}", site.body(kind)
    refused(await _send(site, "PUT", path, json=body, headers={"If-Match": "*"}), 412, "stale_write")
    first = await _send(site, "PUT", path, json=body)
    assert first.headers["etag"] == f'"{first.json()["etag"]}"'
    known = {"If-Match": first.headers["etag"]}
    shown = (await _send(site, "GET", path)).headers["etag"]
    same = await _send(site, "PUT", path, json=body, headers={"If-Match": shown})
    assert (same.status_code, same.headers["etag"], shown != same.headers["etag"]) == (200, first.headers["etag"], True)
    second = await _send(site, "PUT", path, json={**body, "paused": True}, headers=known)
    assert (second.status_code, second.headers["etag"] != first.headers["etag"]) == (200, True)
    refused(await _send(site, "PUT", path, json=body, headers=known), 412, "stale_write")
    refused(await _send(site, "PUT", f"{path}?etag={first.json()['etag']}", json=body), 412, "stale_write")
    refused(await _send(site, "PUT", path, json=body, headers={"If-Match": "W/*"}), 422, "invalid_header")
    assert (await _send(site, "GET", path)).json()["paused"]


@pytest.mark.parametrize("kind", KINDS)
async def test_who_changed_what_is_told_and_an_earlier_configuration_is_restored(site: Site, kind: str) -> None:
    path, body = f"{await site.index()}/{kind}", site.body(kind)
    saved = await site.service.rest("PUT", path, body)
    await site.service.rest("POST", f"{path}/pause")
    page = await site.service.rest("GET", f"{path}/revisions?limit=1")
    [newest] = page["data"]
    assert (newest["revision"], newest["action"], newest["restored_from"]) == (2, "pause", None)
    assert newest["changes"] == [{"field": "paused", "before": False, "after": True}]
    assert _preserved(newest["configuration"], body, paused=True)
    assert newest["configuration"]["etag"] == ""
    assert page["pagination"]["has_more"]
    stale = await _send(site, "POST", f"{path}/revisions/1/restore", headers={"If-Match": f'"{saved["etag"]}"'})
    refused(stale, 412, "stale_write")
    assert _preserved(await site.service.rest("POST", f"{path}/revisions/1/restore"), body)
    refused(await _send(site, "POST", f"{path}/revisions/9/restore"), 404, "not_found")
    kept = (await site.service.rest("GET", f"{path}/revisions"))["data"]
    assert [(one["action"], one["restored_from"]) for one in kept] == [("restore", 1), ("pause", None), ("put", None)]
    assert len({one["actor"] for one in kept}) == 1


async def test_an_unknown_interval_is_refused_with_the_field_and_the_four_values(site: Site) -> None:
    body = site.body("import", debounce_interval="7m")
    error = refused(await _send(site, "PUT", f"{await site.index()}/import", json=body), 422, "validation_error")
    [violation] = error["details"]["violations"]
    assert violation["field"] == "debounce_interval"
    for text in (error["message"], violation["message"]):
        assert all(interval in text for interval in ("5m", "10m", "1h", "1d")), text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("method", "action"), [("GET", ""), ("GET", "/status"), ("POST", "/pause"), ("POST", "/resume")]
)
async def test_what_was_never_put_is_not_found(site: Site, kind: str, method: str, action: str) -> None:
    refused(await _send(site, method, f"{await site.index()}/{kind}{action}"), 404, "not_found")


async def test_without_a_known_key_nobody_gets_in(site: Site) -> None:
    path = f"{await site.index()}/import"
    unknown = "sk_live_" + "0" * 48
    for headers in ({}, {"X-API-Key": unknown}, {"X-API-Key": "nonsense"}, {"Authorization": f"Bearer {unknown}"}):
        answer = await site.service.send("PUT", f"/api/v2{path}", json=site.body("import"), headers=headers)
        refused(answer, 401, "unauthenticated")


async def test_a_key_is_taken_as_a_bearer_too_and_x_api_key_wins(site: Site) -> None:
    key, path = site.service.key, "/api/v2/auth/validate"
    for headers, status in (
        ({"Authorization": f"Bearer {key}"}, 204),
        ({"X-API-Key": key, "Authorization": "Bearer nonsense"}, 204),
        ({"X-API-Key": "nonsense", "Authorization": f"Bearer {key}"}, 401),
    ):
        assert (await site.service.send("GET", path, headers=headers)).status_code == status


async def test_a_read_only_key_reads_and_does_not_write(site: Site) -> None:
    path = f"{await site.index()}/import"
    await site.service.rest("PUT", path, site.body("import"))
    assert (await _send(site, "GET", path, key=site.reader)).status_code == 200
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "", {"json": site.body("import")}),
        ("POST", "/pause", {}),
        ("POST", "/resume", {}),
    ]
    for method, action, sent in steps:
        answer = await _send(site, method, path + action, key=site.reader, **sent)
        error = refused(answer, 403, "insufficient_scope")
        assert error["details"] == {"required_scope": "write", "scope": "read"}


async def test_another_owners_index_does_not_exist(site: Site) -> None:
    path = await site.index()
    for kind in KINDS:
        await site.service.rest("PUT", f"{path}/{kind}", site.body(kind))
        for method, action in (("GET", ""), ("PUT", ""), ("POST", "/pause"), ("POST", "/resume"), ("DELETE", "")):
            sent: dict[str, Any] = {"json": site.body(kind)} if method == "PUT" else {}
            answer = await _send(site, method, f"{path}/{kind}{action}", key=site.stranger, **sent)
            refused(answer, 404, "not_found")
    assert (await site.service.rest("GET", f"{path}/import"))["paused"] is False


@pytest.mark.parametrize(
    ("method", "path", "options", "refusal"),
    [
        ("GET", "/nowhere", {}, (404, "not_found")),
        ("POST", "/search", {"json": {}}, (404, "not_found")),
        ("GET", "/../nowhere", {}, (404, "not_found")),
        ("PATCH", "{index}/import", {"json": {}}, (405, "method_not_allowed")),
        ("PUT", "{index}/import/pause", {"json": {}}, (405, "method_not_allowed")),
        ("PUT", "{index}/import", {"content": b"{"}, (422, "invalid_json")),
        ("PUT", "{index}/import", {"content": b""}, (422, "validation_error")),
        ("PUT", "{index}/import", {"content": b"[1]"}, (422, "validation_error")),
        ("PUT", "{index}/import", {"json": {"enabled": "perhaps"}}, (422, "validation_error")),
        ("PUT", "{index}/import", {"json": {"no_such_field": 1}}, (422, "validation_error")),
        ("PUT", "{index}/export", {"json": {}}, (422, "validation_error")),
        ("GET", "/import-jobs?limit=many", {}, (422, "validation_error")),
    ],
)
async def test_every_error_has_the_error_body(
    site: Site, method: str, path: str, options: dict[str, Any], refusal: tuple[int, str]
) -> None:
    refused(await _send(site, method, path.replace("{index}", await site.index()), **options), *refusal)


async def test_a_request_id_is_told_back_and_one_is_made_where_none_was_sent(site: Site) -> None:
    path = await site.index()
    given = {"X-Request-Id": "nightly-7"}
    for tail, status in (("/import", 404), ("/nowhere", 404)):
        answer = await _send(site, "GET", path + tail, headers=given)
        assert (answer.status_code, answer.headers["x-request-id"]) == (status, "nightly-7")
        assert answer.json()["error"]["request_id"] == "nightly-7"
    assert (await _send(site, "GET", "/indexes", headers=given)).headers["x-request-id"] == "nightly-7"
    made = [(await _send(site, "GET", "/indexes")).headers["x-request-id"] for _ in range(2)]
    assert made[0]
    assert made[0] != made[1]


async def test_the_schema_and_the_documentation_are_served_to_everybody(site: Site) -> None:
    schema = (await site.service.send("GET", "/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    for kind in KINDS:
        path = f"/api/v2/indexes/{{index_id}}/automations/{kind}"
        assert set(schema["paths"][path]) >= {"get", "put"}
        assert {"post"} == set(schema["paths"][f"{path}/pause"]) == set(schema["paths"][f"{path}/resume"])
    page = await site.service.send("GET", "/docs")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert "/openapi.json" in page.text


async def test_the_gateway_on_its_own_answers_the_same(site: Site) -> None:
    """Status, body and headers, of successes and of errors; what names the moment aside."""
    path = await site.index()
    saved = {kind: site.body(kind) for kind in KINDS}
    requests: list[tuple[str, str, dict[str, Any]]] = [("GET", f"{path}/import", {})]
    for kind, body in saved.items():
        requests += [
            ("PUT", f"{path}/{kind}", {"json": body}),
            ("POST", f"{path}/{kind}/pause", {}),
            ("GET", f"{path}/{kind}", {}),
            ("GET", f"{path}/{kind}/status", {}),
            ("PUT", f"{path}/{kind}", {"json": {**body, "surprise": 1}}),
        ]
    requests += [
        ("PUT", f"{path}/import", {"json": {**saved["import"], "debounce_interval": "7m"}}),
        ("PUT", f"{path}/import", {"json": {**saved["import"], "source_prefix": "../x"}}),
        ("PUT", f"{path}/import", {"content": b"{"}),
        ("PUT", f"{path}/import", {"json": saved["import"], "key": site.reader}),
        ("GET", f"{path}/import", {"key": site.stranger}),
        ("GET", f"{path}/import", {"key": "nonsense"}),
        ("GET", "/auth/validate", {}),
        ("GET", "/connectors", {}),
        ("GET", "/prompts", {}),
        ("GET", "/import-jobs?limit=0", {}),
        ("GET", "/nowhere", {}),
        ("PATCH", f"{path}/import", {"json": {}}),
        ("GET", "/indexes", {"headers": {"X-Request-Id": "nightly-7"}}),
    ]
    for method, target, options in requests:
        told = [await _send(site, method, target, base=base, **options) for base in ("", site.gateway)]
        assert _comparable(told[0]) == _comparable(told[1]), (method, target)


async def test_the_gateway_on_its_own_serves_the_same_schema(site: Site) -> None:
    schemas = [await site.service.send("GET", f"{base}/openapi.json") for base in ("", site.gateway)]
    assert schemas[0].json() == schemas[1].json()


def _comparable(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    document = answer.json() if answer.content else None
    if isinstance(document, dict):
        error = document.get("error")
        moments = {"next_scan_at", "updated_at", "taken_at", "timestamp", "why"}
        if isinstance(error, dict):
            document = {"error": {name: value for name, value in error.items() if name not in {*moments, "request_id"}}}
        else:
            document = {name: value for name, value in document.items() if name not in moments}
    passing = {"date", "etag", "x-request-id", "content-length", "x-ratelimit-remaining", "x-ratelimit-reset"}
    return answer.status_code, document, {name: value for name, value in answer.headers.items() if name not in passing}


async def _send(
    site: Site, method: str, path: str, *, key: str | None = None, base: str = "", **options: Any
) -> httpx.Response:
    """Send a request with a key, the owner's unless another one is named."""
    headers = {"X-API-Key": key or site.service.key, **options.pop("headers", {})}
    return await site.service.send(method, f"{base}/api/v2{path}", headers=headers, **options)
