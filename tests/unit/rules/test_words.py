"""What is stored and answered: the words of the rules, and what stands for what is left out."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml

from automation_engine.rules import checks, debounce, model
from automation_engine.rules.debounce import Admission
from automation_engine.rules.events import Pending
from automation_engine.rules.model import (
    ExistingFiles,
    ExportState,
    ImportConfig,
    ImportState,
    LedgerState,
    Phase,
    Watch,
)
from automation_engine.rules.retry import MAX_ATTEMPTS
from tests.unit.rules.world import configured

WORDS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/words.yaml").read_text(encoding="utf-8")
)


def _enumerations() -> dict[str, type[StrEnum]]:
    return {
        name: value
        for module in (checks, debounce, model)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("case", WORDS, ids=[case["name"] for case in WORDS])
def test_a_word_that_was_stored_once_is_still_read(case: dict[str, Any]) -> None:
    assert [word.value for word in _enumerations()[case["name"]]] == case["words"]


def test_every_enumeration_of_the_rules_has_its_words_in_the_table() -> None:
    assert set(_enumerations()) == {case["name"] for case in WORDS}


def test_what_watches_a_connector_and_says_no_more_watches_all_of_it() -> None:
    assert asdict(Watch(connector_id="conn_1")) == {
        "connector_id": "conn_1",
        "source_prefix": "",
        "file_pattern": "*",
        "recursive": True,
        "exclude_patterns": (),
        "done_file_pattern": None,
    }


def test_a_configuration_that_says_no_more_is_active_and_has_no_limits_of_its_own() -> None:
    watch = Watch(connector_id="conn_1")
    assert ImportConfig(watch=watch, debounce=300.0) == ImportConfig(
        watch=watch,
        debounce=300.0,
        enabled=True,
        paused=False,
        max_wait=None,
        batch_cap=10_000,
        existing_files=ExistingFiles.IMPORT,
        spend_fuse=None,
    )


def test_an_import_automation_begins_stopped_in_its_first_generation_and_knows_nothing() -> None:
    state = vars(ImportState(automation_id="auto_1", config=configured()))
    assert {name: value for name, value in state.items() if name not in {"automation_id", "config"}} == {
        "phase": Phase.STOPPED,
        "generation": 1,
        "epoch": 0,
        "surveyed": 0,
        "sequence": 0,
        "scanning": False,
        "next_scan_at": None,
        "scanned_at": None,
        "floor_at": None,
        "last_change_at": None,
        "window_opened_at": None,
        "ready": 0,
        "settling": 0,
        "left_to_fire": 0,
        "trigger": None,
        "run_requested": False,
        "degraded": None,
    }


def test_an_export_automation_begins_active_in_its_first_generation() -> None:
    assert asdict(ExportState(automation_id="auto_2", destination_connector_id="conn_9")) == {
        "automation_id": "auto_2",
        "destination_connector_id": "conn_9",
        "destination_subpath": "",
        "enabled": True,
        "paused": False,
        "generation": 1,
    }


def test_a_ledger_in_which_nothing_waits_sums_up_to_nothing() -> None:
    assert asdict(Pending()) == {"ready": 0, "settling": 0, "held": 0, "oldest_at": None, "newest_at": None}


def test_an_identity_is_admitted_to_settle_unless_something_else_is_said() -> None:
    assert asdict(Admission()) == {"state": LedgerState.SETTLING, "hold": None, "growing": False, "skip": None}


def test_an_identity_of_which_no_more_is_known_is_in_no_batch_and_held_by_nothing() -> None:
    assert asdict(checks.LedgerFacts(state=LedgerState.READY, size=1, first_seen_at=0.0)) == {
        "state": LedgerState.READY,
        "size": 1,
        "first_seen_at": 0.0,
        "hold": None,
        "growing": False,
        "reason": None,
        "batch_id": None,
        "batch_status": None,
        "held_reason": None,
    }


def test_what_failed_five_times_in_a_row_has_failed() -> None:
    assert MAX_ATTEMPTS == 5
