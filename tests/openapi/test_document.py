"""The document and its page, as they are served."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from schemathesis import openapi

from tests.e2e.processes import Service


def test_the_document_is_valid_openapi(document: Path) -> None:
    loaded = json.loads(document.read_text())
    openapi.from_dict(loaded).validate()
    assert loaded["openapi"] == "3.1.0"
    assert loaded["info"]["license"] == {"name": "Apache-2.0", "identifier": "Apache-2.0"}


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_who_has_it_is_not_sent_it_again(service: Service, path: str) -> None:
    first = await service.send("GET", path)
    assert first.status_code == 200
    again = await service.send("GET", path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await service.send("GET", path, headers={"If-None-Match": '"other"'})
    assert other.content == first.content


async def test_the_page_needs_nothing_from_elsewhere(service: Service) -> None:
    """It names no other host, and its policy would keep a browser from asking one."""
    page = await service.send("GET", "/docs")
    assert not re.search(r"(?:https?:)?//[a-z0-9]", page.text)
    assert not re.search(r"<(?:link|img|iframe|script [^>]*src)", page.text)
    assert re.findall(r'fetch\("([^"]+)"\)', page.text) == ["/openapi.json"]
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "connect-src 'self'" in policy
