"""What is saved of an import automation: from its message to the configuration and to what decisions depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from google.protobuf.duration_pb2 import Duration

from automation_engine.errors import InvalidArgument
from automation_engine.rules.matching import folder
from automation_engine.rules.model import BATCH_CAP, DEBOUNCE_INTERVALS, ExistingFiles, Fuse, ImportConfig, Watch
from automation_engine.rules.selection import compile_selection
from automation_engine.servicers.words import number, word
from automation_engine.v1 import automation_pb2 as pb

_INTERVAL = pb.DebounceInterval.DESCRIPTOR
_EXISTING = pb.ExistingFiles.DESCRIPTOR
_FUSE_LIMITS = ("max_files", "max_bytes")


def saved(given: pb.ImportAutomation) -> dict[str, Any]:
    """Return what is kept as it was sent, with the defaults for what is unset. Spans are in seconds."""
    existing = given.existing_files if given.HasField("existing_files") else pb.EXISTING_FILES_IMPORT
    fuse = {name: getattr(given.spend_fuse, name) for name in _FUSE_LIMITS if given.spend_fuse.HasField(name)}
    return {
        "connector_id": given.connector_id,
        "source_prefix": given.source_prefix,
        "file_pattern": given.file_pattern if given.HasField("file_pattern") else "*",
        "recursive": given.recursive if given.HasField("recursive") else True,
        "debounce_interval": word(_INTERVAL, given.debounce_interval),
        "exclude_patterns": list(given.exclude_patterns),
        "existing_files": word(_EXISTING, existing),
        "max_wait": given.max_wait.ToMicroseconds() / 1e6 if given.HasField("max_wait") else None,
        "batch_limit": given.batch_limit if given.HasField("batch_limit") else BATCH_CAP,
        "spend_fuse": fuse or None,
        "done_file_pattern": given.done_file_pattern if given.HasField("done_file_pattern") else None,
    }


def message(config: Mapping[str, Any]) -> pb.ImportAutomation:
    """Return the message that ``saved`` was made from, without preset and switches."""
    span, fuse = config["max_wait"], config["spend_fuse"]
    return pb.ImportAutomation(
        connector_id=config["connector_id"],
        source_prefix=config["source_prefix"],
        file_pattern=config["file_pattern"],
        recursive=config["recursive"],
        debounce_interval=number(_INTERVAL, config["debounce_interval"]),
        exclude_patterns=config["exclude_patterns"],
        existing_files=number(_EXISTING, config["existing_files"]),
        max_wait=None if span is None else duration(span),
        batch_limit=config["batch_limit"],
        spend_fuse=None if fuse is None else pb.SpendFuse(**fuse),
        done_file_pattern=config["done_file_pattern"],
    )


def duration(seconds: float) -> Duration:
    """Return a span as a message, to the microsecond."""
    span = Duration()
    span.FromMicroseconds(round(seconds * 1e6))
    return span


def engine_config(given: pb.ImportAutomation, config: Mapping[str, Any], before: ImportConfig | None) -> ImportConfig:
    """Return what decisions depend on. A switch that is unset keeps its present value.

    Raises ``InvalidArgument`` on a pattern that is malformed, and on limits that contradict each other.
    """
    watch = Watch(
        connector_id=config["connector_id"],
        source_prefix=folder(config["source_prefix"]),
        file_pattern=config["file_pattern"],
        recursive=config["recursive"],
        exclude_patterns=tuple(config["exclude_patterns"]),
        done_file_pattern=config["done_file_pattern"],
    )
    compile_selection(watch)
    _check_limits(config)
    debounce = DEBOUNCE_INTERVALS[config["debounce_interval"]]
    present = before or ImportConfig(watch=watch, debounce=debounce)
    return replace(
        present,
        watch=watch,
        debounce=debounce,
        enabled=given.enabled if given.HasField("enabled") else present.enabled,
        paused=given.paused if given.HasField("paused") else present.paused,
        max_wait=config["max_wait"],
        batch_cap=config["batch_limit"],
        existing_files=ExistingFiles(config["existing_files"]),
        spend_fuse=None if config["spend_fuse"] is None else Fuse(**config["spend_fuse"]),
    )


def check_max_wait(span: float | None, interval: str) -> None:
    """Raise ``InvalidArgument`` on a longest wait, in seconds, that is shorter than the interval of that word."""
    if span is not None and span < DEBOUNCE_INTERVALS[interval]:
        least = f"at least the debounce interval, {interval}: {DEBOUNCE_INTERVALS[interval]:.0f}s"
        raise InvalidArgument.of("max_wait", f"must be {least}; got {span:g}s")


def _check_limits(config: Mapping[str, Any]) -> None:
    check_max_wait(config["max_wait"], config["debounce_interval"])
    most = (config["spend_fuse"] or {}).get("max_files")
    if most is not None and most >= config["batch_limit"]:
        less = f"less than batch_limit, {config['batch_limit']}: no batch is larger"
        raise InvalidArgument.of("spend_fuse.max_files", f"must be {less}; got {most}")
