"""``automation-engine automations …`` against a served engine: commands in a thread, calls over a real socket."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from rich.console import Console
from typer.testing import CliRunner, Result

from automation_engine.cli import app
from automation_engine.console import status
from automation_engine.console.connection import Connection, Target
from automation_engine.console.countdown import EngineClock
from automation_engine.console.display import cell, size, span
from automation_engine.console.messages import request, told
from automation_engine.rules import events
from automation_engine.servicers.automation_servicer import AutomationServicer
from automation_engine.servicers.forecast_servicer import ForecastServicer
from automation_engine.servicers.import_batch_servicer import ImportBatchServicer
from automation_engine.servicers.ledger_servicer import LedgerServicer
from automation_engine.servicers.revision_servicer import RevisionServicer
from automation_engine.store import automations
from automation_engine.v1 import (
    automation_service_pb2 as pb,
)
from automation_engine.v1 import (
    automation_service_pb2_grpc,
    forecast_service_pb2,
    forecast_service_pb2_grpc,
    import_batch_service_pb2,
    import_batch_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
    revision_service_pb2_grpc,
)
from tests.integration.engine import Api, Engine, serve
from tests.integration.scenery import add_connector, add_index, add_prompt

INDEX = "idx_news"
IMPORT_BODY = {
    "enabled": True,
    "paused": False,
    "connector_id": "conn_archive",
    "source_prefix": "incoming/daily/",
    "file_pattern": "*.mp4",
    "recursive": True,
    "debounce_interval": "10m",
    "prompt_preset": {"prompt_id": "prompt_facts"},
}
EXPORT_BODY = {"destination_connector_id": "conn_export", "destination_subpath": "exports/review-team"}


class Scripted:
    """A servicer of any service: notes each request, validated as by the engine, and answers what is laid out.

    For answers that take days of storage to come about; what makes them is tested with their own servicers.
    """

    def __init__(self) -> None:
        self.asked: list[Message] = []
        self.answers: dict[str, list[Message]] = {}

    def __getattr__(self, method: str) -> Any:
        async def answer(asked: Message, _context: Any) -> Message:
            self.asked.append(asked)
            return self.answers[method].pop(0)

        return answer

    def lay_out(self, method: str, *answers: Message) -> None:
        self.answers[method] = list(answers)


@dataclass(kw_only=True)
class Terminal:
    """Runs commands as somebody with a key would."""

    api: Api
    key: str
    scripted: Scripted = field(default_factory=Scripted)

    async def run(self, *arguments: str, given: str | None = None, key: str | None = None) -> Result:
        settings = {
            "AUTOMATION_ENGINE_GRPC": self.api.target,
            "AUTOMATION_ENGINE_KEY": self.key if key is None else key,
        }
        words = ["automations", *arguments]
        return await asyncio.to_thread(CliRunner().invoke, app, words, input=given, env=settings)

    async def json(self, *arguments: str, given: str | None = None) -> Any:
        ended = await self.run("--json", *arguments, given=given)
        assert ended.exit_code == 0, ended.output
        return json.loads(ended.stdout)

    async def text(self, *arguments: str, given: str | None = None) -> str:
        ended = await self.run(*arguments, given=given)
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    async def fails(self, *arguments: str, given: str | None = None, key: str | None = None) -> tuple[int, str]:
        ended = await self.run(*arguments, given=given, key=key)
        assert ended.stdout == ""
        assert "Traceback" not in ended.output
        return ended.exit_code, ended.stderr

    async def put(self, kind: str = "import", **changes: Any) -> Any:
        body = {**(IMPORT_BODY if kind == "import" else EXPORT_BODY), **changes}
        return await self.json("put", INDEX, kind, "--file", "-", given=json.dumps(body))


@pytest.fixture
async def terminal(engine: Engine) -> AsyncIterator[Terminal]:
    parts: dict[str, Any] = {"database": engine.database, "stores": engine.stores}
    scripted = Scripted()
    services = {
        "AutomationService": (
            automation_service_pb2_grpc.add_AutomationServiceServicer_to_server,
            AutomationServicer(**parts),
        ),
        "RevisionService": (revision_service_pb2_grpc.add_RevisionServiceServicer_to_server, RevisionServicer(**parts)),
        "LedgerService": (ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server, scripted),
        "ImportBatchService": (import_batch_service_pb2_grpc.add_ImportBatchServiceServicer_to_server, scripted),
        "ForecastService": (forecast_service_pb2_grpc.add_ForecastServiceServicer_to_server, scripted),
    }
    async with serve(engine, services) as api:
        await add_index(engine)
        await add_connector(engine, "conn_archive", scopes=["import"])
        await add_connector(engine, "conn_export", scopes=["export"])
        await add_prompt(engine)
        yield Terminal(api=api, key=await engine.key(), scripted=scripted)


async def _saved(terminal: Terminal) -> Any:
    stub = await terminal.api.stub(automation_service_pb2_grpc.AutomationServiceStub)
    return (await stub.GetImportAutomation(pb.GetImportAutomationRequest(index_id=INDEX))).import_automation


async def test_what_is_put_is_saved_and_shown_as_rest_shows_it(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "import.json").write_text(json.dumps(IMPORT_BODY))
    put = await terminal.json("put", INDEX, "import", "--file", str(tmp_path / "import.json"))
    assert {name: put[name] for name in IMPORT_BODY if name != "prompt_preset"} == {
        name: value for name, value in IMPORT_BODY.items() if name != "prompt_preset"
    }
    assert (put["state"], put["next_trigger_at"], put["generation"]) == ("starting", None, 1)
    assert put["created_at"] == "2026-01-01T00:00:00Z"
    assert await terminal.json("get", INDEX, "import") == put
    assert (await _saved(terminal)).etag == put["etag"]
    shown = await terminal.text("get", INDEX, "import")
    assert "debounce_interval" in shown
    assert "10m" in shown
    assert "How long is it?" not in shown
    assert (await terminal.put("export"))["destination_subpath"] == "exports/review-team"


async def test_pause_resume_and_a_put_by_etag_are_seen_over_grpc(terminal: Terminal) -> None:
    first = await terminal.put()
    assert (await terminal.json("pause", INDEX, "import"))["state"] == "paused"
    assert (await _saved(terminal)).paused
    assert "starting" in await terminal.text("resume", INDEX, "import")
    assert not (await _saved(terminal)).paused
    stale = ("put", INDEX, "import", "--file", "-", "--etag", first["etag"])
    code, told_why = await terminal.fails(*stale, given=json.dumps(IMPORT_BODY))
    assert (code, told_why.split(": ")[:2]) == (1, ["error", "stale_write"])
    checked = ("put", INDEX, "import", "--file", "-", "--etag", "*", "--validate-only")
    assert (await terminal.json(*checked, given=json.dumps({**IMPORT_BODY, "file_pattern": "*.mov"})))["etag"]
    assert (await _saved(terminal)).file_pattern == "*.mp4"


async def test_automations_are_listed_by_their_state_and_kind_and_page_by_page(terminal: Terminal) -> None:
    await terminal.put()
    await terminal.put("export", paused=True)
    listed = await terminal.text("list")
    assert [line.split()[:4] for line in listed.splitlines()[1:]] == [
        [INDEX, "import", "starting", "ok"],
        [INDEX, "export", "paused", "ok"],
    ]
    assert [one["kind"] for one in (await terminal.json("list", "--state", "paused"))["data"]] == ["export"]
    assert [one["kind"] for one in (await terminal.json("list", "--kind", "import"))["data"]] == ["import"]
    assert await terminal.text("list", "--health", "blind") == "nothing\n"
    first = await terminal.text("list", "--limit", "1")
    cursor = first.splitlines()[-1].removeprefix("more: --cursor ")
    assert "export" in await terminal.text("list", "--limit", "1", "--cursor", cursor)
    assert len((await terminal.json("list", "--limit", "1", "--all"))["data"]) == 2


async def test_run_rescan_and_delete_say_what_was_done(terminal: Terminal) -> None:
    await terminal.put()
    assert "scan comes first" in await terminal.text("run", INDEX, "import")
    assert (await terminal.json("rescan", INDEX))["status"]["state"] == "starting"
    assert (await terminal.fails("rescan", INDEX, "export"))[0] == 2
    assert "ledger is kept" in await terminal.text("delete", INDEX, "import")
    assert (await terminal.fails("get", INDEX, "import")) == (
        1,
        f"error: not_found: index {INDEX} has no import automation: PUT one first\n",
    )
    assert "forgotten" in await terminal.text("delete", INDEX, "import", "--forget")


async def test_the_history_is_listed_and_restored(terminal: Terminal) -> None:
    await terminal.put()
    await terminal.put(debounce_interval="1h")
    lines = (await terminal.text("revisions", INDEX, "import")).splitlines()
    assert lines[1].split()[:2] == ["2", "put"]
    assert lines[1].endswith("debounce_interval: 10m → 1h")
    assert "connector_id: - → conn_archive" in lines[2]
    assert lines[2].endswith("more")
    assert (await terminal.json("restore", INDEX, "import", "1"))["debounce_interval"] == "10m"
    assert (await _saved(terminal)).debounce_interval == 2
    newest = (await terminal.json("revisions", INDEX, "import", "--limit", "1"))["data"][0]
    assert (newest["action"], newest["restored_from"]) == ("restore", 1)
    assert newest["changes"] == [{"field": "debounce_interval", "before": "1h", "after": "10m"}]
    assert (await terminal.fails("restore", INDEX, "import", "9"))[0] == 1


@pytest.mark.parametrize(
    ("given", "told_what"),
    [
        ({**IMPORT_BODY, "debounce_interval": "7m"}, "  debounce_interval: must be one of"),
        ({**IMPORT_BODY, "debounce_interval": None}, "  debounce_interval: must be one of 5m, 10m, 1h, 1d"),
        ({**IMPORT_BODY, "connector_id": "conn_none"}, "  connector_id: 'conn_none': there is no such connector"),
        ({**IMPORT_BODY, "nonsense": 1}, "  nonsense: unknown field"),
        ("{", "  --file: not valid JSON"),
    ],
)
async def test_each_field_that_is_wrong_is_told_on_its_line_with_exit_code_2(
    terminal: Terminal, given: Any, told_what: str
) -> None:
    body = given if isinstance(given, str) else json.dumps(given)
    code, said = await terminal.fails("put", INDEX, "import", "--file", "-", given=body)
    assert (code, said.splitlines()[0]) == (2, "error: validation_error: not as it must be:")
    assert said.splitlines()[1].startswith(told_what), said


async def test_unknown_words_are_refused_with_those_there_are(terminal: Terminal) -> None:
    code, said = await terminal.fails("list", "--state", "sleeping")
    assert code == 2
    assert "waiting" in said
    assert (await terminal.fails("get", INDEX, "sideways"))[0] == 2


async def test_an_engine_that_is_not_there_is_told_with_what_to_do(terminal: Terminal) -> None:
    code, said = await terminal.fails("--engine", "127.0.0.1:1", "list")
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(
        "error: unreachable: no engine answers at 127.0.0.1:1: start it with `automation-engine serve`"
    )


@pytest.mark.parametrize(("key", "code"), [("", "unauthenticated"), ("sk_live_" + "0" * 48, "unauthenticated")])
async def test_a_missing_key_is_told_with_where_to_give_it(terminal: Terminal, key: str, code: str) -> None:
    ended, said = await terminal.fails("list", key=key)
    assert (ended, said.split(": ")[1]) == (1, code)
    assert "AUTOMATION_ENGINE_KEY" in said


async def test_the_ledger_the_batches_and_the_forecasts_answer(engine: Engine) -> None:
    """With the servicers that ship: what the commands send is what they take."""
    parts: dict[str, Any] = {"database": engine.database, "stores": engine.stores}
    services = {
        "AutomationService": (
            automation_service_pb2_grpc.add_AutomationServiceServicer_to_server,
            AutomationServicer(**parts),
        ),
        "LedgerService": (
            ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server,
            LedgerServicer(database=engine.database),
        ),
        "ImportBatchService": (
            import_batch_service_pb2_grpc.add_ImportBatchServiceServicer_to_server,
            ImportBatchServicer(database=engine.database),
        ),
        "ForecastService": (forecast_service_pb2_grpc.add_ForecastServiceServicer_to_server, ForecastServicer(**parts)),
    }
    await add_index(engine)
    await add_connector(engine, "conn_archive", scopes=["import"])
    await add_prompt(engine)
    (engine.media / "incoming" / "daily").mkdir(parents=True)
    (engine.media / "incoming" / "daily" / "a.mp4").write_bytes(b"a")
    async with serve(engine, services) as api:
        terminal = Terminal(api=api, key=await engine.key())
        forecast = await terminal.json("preview", INDEX, "--file", "-", given=json.dumps(IMPORT_BODY))
        assert (forecast["listed"], forecast["matched"]) == (1, 1)
        await terminal.put()
        assert (await terminal.json("explain", INDEX, "incoming/daily/a.mov"))["failing_check"] == "matches_pattern"
        assert await terminal.text("files", INDEX, "--state", "failed", "--prefix", "incoming/") == "nothing\n"
        assert await terminal.text("batches", INDEX, "--status", "held") == "nothing\n"
        assert (await terminal.fails("batch", INDEX, "auto:none:1:1"))[1].startswith("error: not_found: ")
        assert (await terminal.json("ignore", INDEX, "none"))["unchanged"][0]["path"] == "none"
        replay = await terminal.json("simulate", INDEX, "--debounce", "1h", "--days", "1")
        assert [one["name"] for one in replay["outcomes"]] == ["current", "1h"]


async def test_files_are_listed_with_every_filter_and_all_pages(terminal: Terminal) -> None:
    def page(name: str, cursor: str | None) -> Message:
        file = {"path": name, "version": "1", "size_bytes": 2**40, "state": "failed", "reason": "no [red]media[/red]"}
        pagination = {"limit": 1, "has_more": cursor is not None, "next_cursor": cursor}
        return request(ledger_service_pb2.ListLedgerFilesResponse, data=[file], pagination=pagination)

    terminal.scripted.lay_out("ListLedgerFiles", page("a.mp4", "c1"), page("b\x1b[2J.mp4", None))
    filters = {
        "state": "failed",
        "prefix": "in/",
        "batch": "auto:a:1:1",
        "job": "job_1",
        "video": "vid_1",
        "run": "run_1",
        "export": "exp_1",
    }
    words = [word for name, value in filters.items() for word in (f"--{name}", value)]
    lines = (await terminal.text("files", INDEX, *words, "--all")).splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["a.mp4", "1099511627776", "failed"],
        ["b\\x1b[2J.mp4", "1099511627776", "failed"],
    ]
    assert "no [red]media[/red]" in lines[1]
    first, second = (told(asked) for asked in terminal.scripted.asked)
    assert first == {
        "index_id": INDEX,
        "state": "failed",
        "prefix": "in/",
        "batch_id": "auto:a:1:1",
        "job_id": "job_1",
        "video_id": "vid_1",
        "run_id": "run_1",
        "export_id": "exp_1",
        "limit": 200,
        "cursor": None,
    }
    assert second == {**first, "cursor": "c1"}
    terminal.scripted.lay_out("ListLedgerFiles", page("a.mp4", "c1"))
    assert (await terminal.text("files", INDEX)).splitlines()[-1] == "more: --cursor c1"


@pytest.mark.parametrize(("command", "method"), [("retry", "Retry"), ("release", "Release"), ("ignore", "Ignore")])
async def test_files_are_retried_released_and_ignored(terminal: Terminal, command: str, method: str) -> None:
    unchanged = [{"path": "b.mp4", "reason": "It was imported."}]
    answer = getattr(ledger_service_pb2, f"{method}FilesResponse")
    terminal.scripted.lay_out(f"{method}Files", request(answer, message="Done.", changed=["a"], unchanged=unchanged))
    lines = (await terminal.text(command, INDEX, "a", "b.mp4")).splitlines()
    assert [line.rstrip() for line in lines] == ["Done.", "a", "path   reason", "b.mp4  It was imported."]
    assert told(terminal.scripted.asked[0]) == {"index_id": INDEX, "paths": ["a", "b.mp4"]}


async def test_a_file_is_explained_check_by_check(terminal: Terminal) -> None:
    checks = [
        {"name": "matches_pattern", "result": "passed", "text": "It matches *.mp4."},
        {
            "name": "settled",
            "result": "pending",
            "text": "It was seen once.",
            "passes_at": "2026-01-01T00:00:30Z",
            "remedy": "Wait.",
        },
    ]
    explanation = {"path": "a.mp4", "verdict": "It is not whole yet.", "checks": checks, "failing_check": "settled"}
    answer = request(ledger_service_pb2.ExplainFileResponse, explanation=explanation)
    terminal.scripted.lay_out("ExplainFile", answer, answer)
    lines = (await terminal.text("explain", INDEX, "a.mp4")).splitlines()
    assert lines[0] == "It is not whole yet."
    assert lines[3].split()[:2] == ["pending", "settled"]
    assert "2026-01-01 00:00:30Z" in lines[3]
    assert (await terminal.json("explain", INDEX, "a.mp4"))["failing_check"] == "settled"


@pytest.mark.parametrize(("command", "method"), [("batch", "Get"), ("approve", "Approve"), ("reject", "Reject")])
async def test_a_batch_is_shown_approved_and_rejected(terminal: Terminal, command: str, method: str) -> None:
    batch = {"batch_id": "auto:a:1:1", "status": "held", "certificate": {"matched": 3, "members": 3, "unexplained": 0}}
    answer = request(getattr(import_batch_service_pb2, f"{method}ImportBatchResponse"), batch=batch)
    terminal.scripted.lay_out(f"{method}ImportBatch", answer)
    lines = [line.split() for line in (await terminal.text(command, INDEX, "auto:a:1:1")).splitlines()]
    assert ["status", "held"] in lines
    assert ["certificate.unexplained", "0"] in lines
    assert told(terminal.scripted.asked[0]) == {"index_id": INDEX, "batch_id": "auto:a:1:1"}


async def test_batches_are_listed_by_status(terminal: Terminal) -> None:
    page = {
        "data": [{"batch_id": "auto:a:1:2", "status": "held", "held_reason": "It has 900 files."}],
        "pagination": {"limit": 50, "has_more": False},
    }
    terminal.scripted.lay_out("ListImportBatches", request(import_batch_service_pb2.ListImportBatchesResponse, **page))
    assert "It has 900 files." in await terminal.text("batches", INDEX, "--status", "held")
    assert told(terminal.scripted.asked[0])["status"] == "held"


async def test_an_unsaved_configuration_is_previewed(terminal: Terminal) -> None:
    preview = {
        "complete": True,
        "listed": 4,
        "matched": 2,
        "examples": [{"path": "a.mp4", "size_bytes": 1}],
        "excluded": [{"reason": "temporary", "text": "Its name says that it is unfinished.", "count": 1, "bytes": 5}],
        "duplicates": [{"reason": "known", "count": 1}],
        "batches": [{"fires_at": "2026-01-01T00:10:00Z", "trigger": "quiet", "object_count": 2, "bytes": 9}],
    }
    terminal.scripted.lay_out("PreviewImport", request(forecast_service_pb2.PreviewImportResponse, preview=preview))
    given = json.dumps(IMPORT_BODY)
    shown = await terminal.text("preview", INDEX, "--file", "-", "--max-files", "100", given=given)
    for text in ("matches a.mp4", "temporary", "known", "2026-01-01 00:10:00Z  quiet    2"):
        assert text in shown
    asked = told(terminal.scripted.asked[0])
    assert (asked["max_files"], asked["import_automation"]["debounce_interval"]) == (100, "10m")


async def test_settings_are_compared_side_by_side_over_the_days_before_the_engines_now(terminal: Terminal) -> None:
    await terminal.put()
    outcomes = [
        {"name": name, "debounce_interval": name, "max_wait": "900s", "batch_count": 3, "wait_p50_seconds": 312.4}
        for name in ("10m", "5m", "1h")
    ]
    replay = {"recorded_scans": 7, "recorded_arrivals": 9, "outcomes": outcomes}
    terminal.scripted.lay_out("SimulateImport", request(forecast_service_pb2.SimulateImportResponse, replay=replay))
    words = ("--debounce", "5m", "--debounce", "1h", "--pattern", "*.mov", "--days", "2")
    lines = [line.split() for line in (await terminal.text("simulate", INDEX, *words)).splitlines()]
    assert ["wait", "p50", "5m", "12s", "5m", "12s", "5m", "12s"] in lines
    asked = told(terminal.scripted.asked[0])
    assert [(one["debounce_interval"], one["file_pattern"]) for one in asked["settings"]] == [
        ("5m", "*.mov"),
        ("1h", "*.mov"),
    ]
    assert asked["since"].isoformat() == "2025-12-30T00:00:00+00:00"
    assert (await terminal.fails("simulate", INDEX))[0] == 2


async def _open_window(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        row = await automations.locked(tx, "ada", INDEX, "import")
        await automations.apply_import(tx, row, events.Ticked())
    now = engine.clock.now()
    pending = events.Pending(settling=1, oldest_at=now, newest_at=now)
    done = events.ScanCompleted(epoch=1, started_at=now, finished_at=now, changed=True, pending=pending)
    async with engine.database.transaction() as tx:
        row = await automations.locked(tx, "ada", INDEX, "import")
        await automations.apply_import(tx, row, done)


async def test_the_status_counts_from_the_engines_clock(engine: Engine, terminal: Terminal) -> None:
    await terminal.put()
    await _open_window(engine)
    engine.clock.advance(100)
    shown = await terminal.text("status", INDEX)
    assert shown.startswith("waiting, ok")
    assert "in 8m 20s  (2026-01-01 00:10:00Z)" in shown
    assert (await terminal.json("status", INDEX))["taken_at"] == "2026-01-01T00:01:40Z"
    await terminal.put("export")
    assert "0 pending, 0 delivered, 0 failed" in await terminal.text("status", INDEX, "export")


async def test_a_scan_that_runs_is_no_scan_that_failed(engine: Engine, terminal: Terminal) -> None:
    await terminal.put()
    found = await terminal.json("status", INDEX)
    batch = {"batch_id": "auto:a:1:1", "trigger": "quiet", "object_count": 1, "bytes": 1500, "fired_at": None}
    found |= {"last_scan": {"epoch": 1}, "last_batch": batch, "held_batches": 1}
    screen = Console(file=io.StringIO(), width=200)
    with screen.capture() as shown:
        screen.print(status.view(told(request(_STATUS, **found)), engine.clock.now()))
    lines = {line[:14].strip(): line[14:].strip() for line in shown.get().splitlines()}
    assert lines["last scan"] == "under way"
    assert lines["last batch"].startswith("auto:a:1:1: 1 file, 1.5 kB, quiet")
    assert lines["held batches"].startswith("1 waits for approval")


async def test_the_watched_status_counts_down_between_answers_as_fast_as_the_engines_clock_runs(
    engine: Engine, terminal: Terminal
) -> None:
    await terminal.put()
    await _open_window(engine)
    asked = pb.GetImportAutomationStatusRequest(index_id=INDEX)
    elapsed = 0.0

    async def pause(seconds: float) -> None:
        nonlocal elapsed
        elapsed += seconds
        engine.clock.advance(60 * seconds)  # an engine whose clock runs 60 times faster

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=160, color_system=None)
    target = Target(engine=terminal.api.target, key=terminal.key, as_json=False)
    async with grpc.aio.insecure_channel(target.engine) as channel:
        connection = Connection(channel, target)

        async def ask() -> dict[str, Any]:
            stub = automation_service_pb2_grpc.AutomationServiceStub
            return told((await connection.call(stub, "GetImportAutomationStatus", asked)).status)

        await status.count_down(ask, console, ticks=range(6), local=lambda: elapsed, pause=pause)
    left = [line.split("in ")[1].split("  (")[0] for line in screen.getvalue().splitlines() if "next trigger" in line]
    # The first answer tells no speed: the second second is counted as ours. Then it is known.
    assert left[:6] == ["10m 0s", "9m 59s", "8m 0s", "7m 0s", "6m 0s", "5m 0s"]


async def test_an_engine_that_goes_away_is_told_of_while_its_last_word_stays(
    engine: Engine, terminal: Terminal
) -> None:
    await terminal.put()
    found = await terminal.json("status", INDEX)
    answers: list[Any] = [told(request(_STATUS, **found)), _away(), told(request(_STATUS, **found))]

    async def ask() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def pause(_: float) -> None:
        engine.clock.advance(1)

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=160, color_system=None)
    await status.count_down(ask, console, ticks=range(5), pause=pause)
    assert screen.getvalue().count("does not answer") == 2
    answers.append(_away())
    with pytest.raises(grpc.aio.AioRpcError):
        await status.count_down(ask, console, ticks=range(1), pause=pause)


_STATUS = type(pb.GetImportAutomationStatusResponse().status)


def _away() -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, "connection refused")


async def test_the_watched_status_in_json_is_a_line_for_each_answer() -> None:
    async def ask() -> dict[str, Any]:
        return {"state": "idle", "why": "x" * 500}

    async def pause(_: float) -> None:
        """Go on at once."""

    screen = io.StringIO()
    await status.follow(ask, Console(file=screen, width=80), ticks=range(2), pause=pause)
    assert [json.loads(line)["state"] for line in screen.getvalue().splitlines()] == ["idle", "idle"]


def test_an_engines_clock_that_is_set_back_is_counted_on_as_ours_runs() -> None:
    clock = EngineClock()
    clock.observe(1000.0, 1.0)
    assert clock.now(2.0) == 1001.0
    clock.observe(1600.0, 3.0)
    assert clock.now(4.0) == 1900.0
    clock.observe(500.0, 5.0)
    assert clock.now(6.0) == 501.0


@pytest.mark.parametrize(
    ("seconds", "told_as"),
    [(0, "0s"), (59.6, "1m 0s"), (252, "4m 12s"), (3600, "1h 0m"), (93_784, "1d 2h"), (-5, "0s")],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, told_as: str) -> None:
    assert span(seconds) == told_as


def test_values_are_shown_as_people_read_them() -> None:
    assert [cell(value) for value in (None, True, [], ["a", "b"], "", 7, "a\nb")] == [
        "-",
        "yes",
        "-",
        "a, b",
        "-",
        "7",
        "a\\nb",
    ]
    assert [size(count) for count in (0, 999, 12_345, 5e12)] == ["0 B", "999 B", "12.3 kB", "5.0 TB"]
