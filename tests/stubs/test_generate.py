"""``make stubs``: what it generates, and what it says about a language that it leaves out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _generate(out: Path, *languages: str, path: str) -> subprocess.CompletedProcess[str]:
    asked = [f"--language={language}" for language in languages]
    command = [sys.executable, f"{ROOT / 'proto' / 'stubs' / 'generate.py'}", f"--out={out}", *asked]
    environment = {**os.environ, "PATH": path}
    return subprocess.run(  # noqa: S603 - our own command
        command, env=environment, capture_output=True, text=True, check=True, timeout=120
    )


def test_one_line_names_the_packages_of_what_is_left_out_and_the_rest_is_generated(tmp_path: Path) -> None:
    done = _generate(tmp_path / "stubs", "go", "java", "python", path=f"{tmp_path}")
    assert done.stderr == (
        "Left out, because their plugins are not installed: go (apt install protoc-gen-go protoc-gen-go-grpc), "
        "java (apt install protobuf-compiler protobuf-compiler-grpc-java-plugin)\n"
    )
    assert [folder.name for folder in (tmp_path / "stubs").iterdir()] == ["python"]


def test_what_is_no_longer_in_the_protos_does_not_stay_in_the_stubs(tmp_path: Path) -> None:
    stale = tmp_path / "python" / "automation_engine" / "v1" / "forgotten_pb2.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    _generate(tmp_path, "python", path=os.environ["PATH"])
    assert not stale.exists()
    assert stale.with_name("automation_service_pb2.py").exists()


def test_the_python_stubs_come_before_an_installed_engine(tmp_path: Path) -> None:
    _generate(tmp_path, "python", path=os.environ["PATH"])
    program = "import automation_engine.v1.automation_service_pb2_grpc as rpc; print(rpc.__file__)"
    found = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'python'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)
