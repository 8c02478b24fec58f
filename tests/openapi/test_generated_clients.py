"""Typed clients that generators make of the document, compiled strictly and driven against a served engine."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from tests.e2e.processes import Service
from tests.e2e.world import SCHEMA
from tests.openapi.generators import NODE, python_generator, run, typescript_generator

_HERE = Path(__file__).parent


async def _furnished(service: Service, owner: str) -> tuple[str, ...]:
    """Give an owner of the test's own what an automation needs; return what the programs take as arguments."""
    key = await service.new_key(owner=owner)

    async def create(path: str, body: object) -> dict[str, str]:
        answer = await service.send("POST", f"/api/v2{path}", json=body, headers={"X-API-Key": key})
        assert answer.status_code == 200, answer.text
        made: dict[str, str] = answer.json()
        return made

    index = await create("/indexes", {"name": "Dailies"})
    root = service.data.parent / owner
    root.mkdir()
    connector = await create("/connectors/local", {"name": "Archive", "root": str(root)})
    prompt = await create("/prompts", {"name": "Facts", "prompt_text": "Measure.", "json_schema": SCHEMA})
    return f"http://{service.http}", key, index["index_id"], connector["connector_id"], prompt["prompt_id"]


async def test_the_python_client_is_complete_typed_and_works(service: Service, document: Path, tmp_path: Path) -> None:
    programs = await asyncio.to_thread(python_generator)
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")  # nobody reads it: it need not be formatted
    package = tmp_path / "automation_client"
    told = await asyncio.to_thread(
        run,
        *(programs / "openapi-python-client", "generate", "--meta=none", "--fail-on-warning"),
        *("--path", document, "--output-path", package, "--config", config),
        cwd=tmp_path,
    )
    assert "warning" not in told.lower()
    shutil.copyfile(_HERE / "python" / "drive.py", tmp_path / "drive.py")
    strictly = ("--config-file=", "--strict", "--disable-error-code=redundant-cast")  # of lists of anything
    checked = await asyncio.to_thread(
        run,
        *(sys.executable, "-m", "mypy", *strictly, f"--cache-dir={Path(sys.prefix) / 'openapi-mypy'}"),
        *("--python-executable", programs / "python", "drive.py", "automation_client"),
        cwd=tmp_path,
    )
    assert "no issues found" in checked
    arguments = await _furnished(service, "python")
    await asyncio.to_thread(run, programs / "python", "drive.py", *arguments, cwd=tmp_path, PYTHONPATH="")


async def test_the_typescript_client_is_typed_and_works(service: Service, document: Path, tmp_path: Path) -> None:
    modules = await asyncio.to_thread(typescript_generator)
    (tmp_path / "node_modules").symlink_to(modules)
    for name in ("package.json", "tsconfig.json", "drive.ts"):
        shutil.copyfile(_HERE / "node" / name, tmp_path / name)
    generator = modules / "openapi-typescript" / "bin" / "cli.js"
    await asyncio.to_thread(run, NODE, generator, document, "--output", tmp_path / "schema.ts", cwd=tmp_path)
    await asyncio.to_thread(run, NODE, modules / "typescript" / "bin" / "tsc", cwd=tmp_path)
    arguments = await _furnished(service, "typescript")
    await asyncio.to_thread(run, NODE, tmp_path / "built" / "drive.js", *arguments, cwd=tmp_path)
