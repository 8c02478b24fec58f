"""``make proto-check`` refuses what would break a client that was built on the baseline."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")


def _buf(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [BUF, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def promised(tmp_path: Path) -> Path:
    """Return a copy of the protos whose baseline is what they say now."""
    for name in ("proto", "third_party"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.py", "*.binpb"))
    shutil.copyfile(ROOT / "buf.yaml", tmp_path / "buf.yaml")
    built = _buf(tmp_path, "build", "proto", "--exclude-source-info", "--output", "proto/baseline.binpb")
    assert built.returncode == 0, built.stderr
    return tmp_path


def _breaking(folder: Path, promise: str, change: str) -> subprocess.CompletedProcess[str]:
    """Change every proto and compare with the baseline, as ``make proto-check`` does."""
    changed = 0
    for proto in (folder / "proto").rglob("*.proto"):
        text = proto.read_text()
        changed += text.count(promise)
        proto.write_text(text.replace(promise, change))
    assert changed, f"no proto says {promise!r}"
    return _buf(folder, "breaking", "proto", "--against", "proto/baseline.binpb")


@pytest.mark.parametrize(
    ("promise", "change", "complaint"),
    [
        ("  int64 object_count = 4 [(google.api.field_behavior) = OUTPUT_ONLY];\n", "", 'field "4"'),
        ("int64 object_count = 4 [", "int64 object_count = 104 [", 'field "4"'),
        ("int64 object_count = 4 [", "string object_count = 4 [", "changed type"),
        ("int64 object_count = 4 [", "int64 file_count = 4 [", "changed name"),
        ("BATCH_TRIGGER_MANUAL = 3;", "BATCH_TRIGGER_MANUAL = 4;", 'value "3"'),
        ("BatchSummary", "FiringSummary", 'message "BatchSummary"'),
        ("rpc RescanImportAutomation(", "rpc ListAgain(", 'RPC "RescanImportAutomation"'),
    ],
    ids=["field gone", "number", "type", "name", "value", "message gone", "method gone"],
)
def test_a_broken_promise_is_refused_by_name(promised: Path, promise: str, change: str, complaint: str) -> None:
    checked = _breaking(promised, promise, change)
    assert checked.returncode == 100, checked.stderr
    assert complaint in checked.stdout


def test_what_is_only_added_keeps_the_promise(promised: Path) -> None:
    message = "message BatchSummary {"
    addition = "\n  // Output only. Something new.\n  string news = 900 [(google.api.field_behavior) = OUTPUT_ONLY];\n"
    checked = _breaking(promised, message, message + addition)
    assert checked.returncode == 0, checked.stdout
