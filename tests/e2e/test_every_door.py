"""Every endpoint of automations on a live service, through REST, gRPC and the command line: one answer, three doors.

The service is a process whose clock runs 300 times faster, on real files: one batch that was imported but for three
files that are no media, six that the spend fuse holds, and one file that waits for a better name.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import grpc
import pytest

from tests.e2e.doors import DOORS, Call, Doors
from tests.e2e.processes import FAST, Scene, Service, until
from tests.e2e.world import Folder

DAY = "incoming/daily/"
BROKEN = [f"{DAY}broken-{number}.mp4" for number in range(3)]
HELD = [f"{DAY}held-{number:02}.mp4" for number in range(12)]
WAITS = f"{DAY}.waits.mp4"
COUNTED = (
    *("members", "ready", "settling", "held", "claimed_before", "imported_before", "failed_before", "skipped_before"),
    *("gone_since", "unexplained"),
)
VOLATILE = frozenset(
    {"taken_at", "next_scan_at", "passes_at", "last_scan", "last_scan_at", "recorded_until", "fires_at"}
)
"""What another scan, or another minute of the fast clock, changes between two doors."""
SPAN = re.compile(r"\b(in )?\d+ (s|min|h)\b|due now|under way")
NEXT_DOOR = {"rest": "grpc", "grpc": "cli", "cli": "rest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The service with its doors, and what is in it."""

    doors: Doors
    scene: Scene
    imported: Mapping[str, Any]
    """The file of the ledger that became a video."""
    held: list[str]
    """Batches."""

    @property
    def index(self) -> str:
        return self.scene.ids["index"]

    def path(self, rest: str = "", *, kind: str = "import") -> str:
        """Return a route of the index's automation."""
        return f"/indexes/{self.index}/automations/{kind}{rest}"

    def message(self, **changes: Any) -> dict[str, Any]:
        """Return the import automation as gRPC takes it."""
        body = self.body(**changes)
        return {**body, "debounce_interval": f"DEBOUNCE_INTERVAL_{body['debounce_interval'].upper()}"}

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return the import automation as it is saved."""
        saved = {"debounce_interval": "5m", "batch_limit": 2, "spend_fuse": {"max_files": 1}}
        return self.scene.import_body(**{**saved, **changes})

    async def ask(self, door: str, call: Call) -> Any:
        return await self.doors.ask(door, call)


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, clip: Callable[[int], bytes]) -> AsyncIterator[House]:
    """Serve, and let everything come about by itself."""
    folder = tmp_path_factory.mktemp("doors")
    source = Folder(folder / "watched")
    async with Service(folder, *FAST) as service, grpc.aio.insecure_channel(service.grpc) as channel:
        scene = await Scene.set_up(service, source, Folder(folder / "delivered"))
        house = House(doors=Doors(service, channel), scene=scene, imported={}, held=[])
        broken = {name: b"no media: " + name.encode() for name in BROKEN}
        await _arrive_together(scene, {**broken, f"{DAY}a.mp4": clip(1)})
        await scene.delivered(1)
        await scene.automation("PUT", body=house.body())
        await _arrive_together(scene, {WAITS: clip(3), **dict.fromkeys(HELD, clip(2))})

        async def all_held() -> bool:
            status = await scene.status()
            counts = (status["held_batches"], status["held_count"], status["backlog"]["failed"])
            return counts == (6, 1, 3) and status["state"] == "idle"

        await until("six held batches, three failed files, one that waits", all_held)
        held = await scene.automation("GET", "/batches?status=held")
        [imported] = (await scene.automation("GET", "/files?state=imported"))["data"]
        yield replace(house, imported=imported, held=[batch["batch_id"] for batch in held["data"]])


async def _arrive_together(scene: Scene, contents: Mapping[str, bytes]) -> None:
    """Put files where they are watched, so that one scan meets them all, however slow the machine."""
    await scene.automation("POST", "/pause")
    for name, data in contents.items():
        await scene.source.put(name, data)
    await scene.automation("POST", "/resume")


def listed(**asked: str) -> Call:
    """List the automations of all indexes."""
    words = {"kind": "AUTOMATION_KIND", "state": "AUTOMATION_STATE", "health": "AUTOMATION_HEALTH"}
    fields = {name: f"{words[name]}_{value.upper()}" if name in words else value for name, value in asked.items()}
    options = [word for name, value in asked.items() for word in (f"--{name}", value)]
    return Call(
        rest=("GET", "/automations?" + "&".join(f"{name}={value}" for name, value in asked.items())),
        grpc=("ListAutomations", fields),
        cli=("list", *options),
    )


def saved(house: House, kind: str) -> Call:
    """Get what is saved."""
    return Call(
        rest=("GET", house.path(kind=kind)),
        grpc=(f"Get{kind.title()}Automation", {"index_id": house.index}),
        answer=f"{kind}_automation",
        cli=("get", house.index, kind),
    )


def status(house: House, kind: str) -> Call:
    """Ask what an automation waits for."""
    return Call(
        rest=("GET", house.path("/status", kind=kind)),
        grpc=(f"Get{kind.title()}AutomationStatus", {"index_id": house.index}),
        answer="status",
        cli=("status", house.index, kind),
    )


def files(house: House, **asked: str) -> Call:
    """List files of the ledger."""
    fields = {**asked, "index_id": house.index}
    if "state" in asked:
        fields["state"] = f"LEDGER_FILE_STATE_{asked['state'].upper()}"
    options = [word for name, value in asked.items() for word in (f"--{name.removesuffix('_id')}", value)]
    return Call(
        rest=("GET", house.path("/files?" + "&".join(f"{name}={value}" for name, value in asked.items()))),
        grpc=("ListLedgerFiles", fields),
        cli=("files", house.index, *options),
    )


def explain(house: House, path: str) -> Call:
    """Ask why a file was imported, or was not."""
    return Call(
        rest=("GET", house.path(f"/explain?path={path}")),
        grpc=("ExplainFile", {"index_id": house.index, "path": path}),
        answer="explanation",
        cli=("explain", house.index, path),
    )


def batches(house: House, **asked: str) -> Call:
    """List batches."""
    fields = {**asked, "index_id": house.index}
    if "status" in asked:
        fields["status"] = f"BATCH_STATUS_{asked['status'].upper()}"
    options = [word for name, value in asked.items() for word in (f"--{name}", value)]
    return Call(
        rest=("GET", house.path("/batches?" + "&".join(f"{name}={value}" for name, value in asked.items()))),
        grpc=("ListImportBatches", fields),
        cli=("batches", house.index, *options),
    )


def batch(house: House, batch_id: str, action: str = "") -> Call:
    """Get a batch with its certificate, approve it, or reject it."""
    return Call(
        rest=("POST" if action else "GET", house.path(f"/batches/{batch_id}" + (f"/{action}" if action else ""))),
        grpc=(f"{(action or 'get').title()}ImportBatch", {"index_id": house.index, "batch_id": batch_id}),
        answer="batch",
        cli=(action or "batch", house.index, batch_id),
    )


def revisions(house: House, kind: str, **asked: str) -> Call:
    """List what was saved."""
    options = [word for name, value in asked.items() for word in (f"--{name}", value)]
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return Call(
        rest=("GET", house.path(f"/revisions?{query}", kind=kind)),
        grpc=(f"List{kind.title()}Revisions", {**asked, "index_id": house.index}),
        cli=("revisions", house.index, kind, *options),
    )


def preview(house: House, most: str, **changes: Any) -> Call:
    """Hold a configuration against what is there."""
    asked = {"index_id": house.index, "import_automation": house.message(**changes), "max_files": most}
    return Call(
        rest=("POST", house.path(f"/preview?max_files={most}")),
        body=house.body(**changes),
        grpc=("PreviewImport", asked),
        answer="preview",
        cli=("preview", house.index, "--file", "-", "--max-files", most),
        given=house.body(**changes),
    )


def simulate(house: House) -> Call:
    """Replay what was recorded."""
    given = [{"name": f"{interval} *.mp4", "file_pattern": "*.mp4"} for interval in ("10m", "1h")]
    asked = [{**one, "debounce_interval": one["name"].split()[0]} for one in given]
    named = [{**one, "debounce_interval": f"DEBOUNCE_INTERVAL_{one['name'].split()[0].upper()}"} for one in given]
    return Call(
        rest=("POST", house.path("/simulate")),
        body={"settings": asked},
        grpc=("SimulateImport", {"index_id": house.index, "settings": named}),
        answer="replay",
        cli=("simulate", house.index, "--debounce", "10m", "--debounce", "1h", "--pattern", "*.mp4"),
    )


def act(house: House, action: str, kind: str = "import", *, whole: bool = False) -> Call:
    """Pause or resume, which answers with the automation; with ``whole``, run or rescan, which says what it did."""
    return Call(
        rest=("POST", house.path(f"/{action}", kind=kind)),
        grpc=(f"{action.title()}{kind.title()}Automation", {"index_id": house.index}),
        answer=None if whole else f"{kind}_automation",
        cli=(action, house.index, kind),
    )


def put(house: House, etag: str, **changes: Any) -> Call:
    """Save the import automation, if nobody else did meanwhile."""
    return Call(
        rest=("PUT", house.path()),
        headers={"If-Match": f'"{etag}"'},
        body=house.body(**changes),
        grpc=(
            "PutImportAutomation",
            {"index_id": house.index, "import_automation": house.message(**changes), "etag": etag},
        ),
        answer="import_automation",
        cli=("put", house.index, "import", "--file", "-", "--etag", etag),
        given=house.body(**changes),
    )


def put_export(house: House, **changes: Any) -> Call:
    """Save the export automation."""
    body = {**house.scene.export_body(), **changes}
    return Call(
        rest=("PUT", house.path(kind="export")),
        body=body,
        grpc=("PutExportAutomation", {"index_id": house.index, "export_automation": body}),
        answer="export_automation",
        cli=("put", house.index, "export", "--file", "-"),
        given=body,
    )


def restore(house: House, kind: str, revision: int) -> Call:
    """Save an earlier revision again."""
    return Call(
        rest=("POST", house.path(f"/revisions/{revision}/restore", kind=kind)),
        grpc=(f"Restore{kind.title()}Revision", {"index_id": house.index, "revision": revision}),
        answer=f"{kind}_automation",
        cli=("restore", house.index, kind, str(revision)),
    )


def delete(house: House, kind: str, *, forget: bool = False) -> Call:
    """Delete an automation."""
    return Call(
        rest=("DELETE", house.path(f"?forget={str(forget).lower()}", kind=kind)),
        grpc=(f"Delete{kind.title()}Automation", {"index_id": house.index, "forget": forget}),
        cli=("delete", house.index, kind, *(["--forget"] if forget else [])),
    )


def change(house: House, action: str, *paths: str) -> Call:
    """Retry, release or ignore files."""
    return Call(
        rest=("POST", house.path(f"/files/{action}")),
        body={"paths": paths},
        grpc=(f"{action.title()}Files", {"index_id": house.index, "paths": paths}),
        cli=(action, house.index, *paths),
    )


def still(document: Any) -> Any:
    """Return a document without what changes by itself while the clock runs."""
    if isinstance(document, dict):
        return {name: still(value) for name, value in document.items() if name not in VOLATILE}
    if isinstance(document, list):
        return [still(one) for one in document]
    return SPAN.sub("a while", document) if isinstance(document, str) else document


READS: dict[str, Callable[[House], Call]] = {
    "all automations": lambda _: listed(),
    "idle ones": lambda _: listed(state="idle"),
    "import ones in good health": lambda _: listed(kind="import", health="ok"),
    "none": lambda _: listed(state="degraded", health="blind"),
    "the first one": lambda _: listed(limit="1"),
    "what imports": lambda house: saved(house, "import"),
    "what exports": lambda house: saved(house, "export"),
    "what the import waits for": lambda house: status(house, "import"),
    "what the export waits for": lambda house: status(house, "export"),
    "all files": files,
    "a page of files": lambda house: files(house, limit="5"),
    "failed files": lambda house: files(house, state="failed"),
    "skipped files": lambda house: files(house, state="skipped"),
    "files by name": lambda house: files(house, prefix=f"{DAY}held-0"),
    "files of a batch": lambda house: files(house, batch_id=house.imported["batch_id"]),
    "files of a job": lambda house: files(house, job_id=house.imported["job_id"]),
    "the file of a video": lambda house: files(house, video_id=house.imported["video_id"]),
    "files of a run": lambda house: files(house, run_id=house.imported["run_ids"][0]),
    "files of an export": lambda house: files(house, export_id=house.imported["export_ids"][0]),
    "why it was imported": lambda house: explain(house, house.imported["path"]),
    "why it failed": lambda house: explain(house, BROKEN[0]),
    "why it is held": lambda house: explain(house, HELD[0]),
    "why it waits": lambda house: explain(house, WAITS),
    "why it was never met": lambda house: explain(house, f"{DAY}ünï 🎬.mp4"),
    "why it is not watched": lambda house: explain(house, "elsewhere/a.mov"),
    "all batches": batches,
    "held batches": lambda house: batches(house, status="held"),
    "rejected batches": lambda house: batches(house, status="rejected"),
    "a page of batches": lambda house: batches(house, limit="2"),
    "a batch that was imported": lambda house: batch(house, house.imported["batch_id"]),
    "a batch that is held": lambda house: batch(house, house.held[0]),
    "revisions of the import": lambda house: revisions(house, "import"),
    "the last revision": lambda house: revisions(house, "import", limit="1"),
    "revisions of the export": lambda house: revisions(house, "export"),
    "a preview": lambda house: preview(house, "100", file_pattern="*", exclude_patterns=["held-*"]),
    "a preview that is cut off": lambda house: preview(house, "3", file_pattern="*"),
    "a simulation": simulate,
}


@pytest.mark.parametrize("name", READS)
async def test_a_question_gets_the_same_answer_at_every_door(house: House, name: str) -> None:
    rest, *others = [still(answer) for answer in await house.doors.each(READS[name](house))]
    for answer in others:
        assert answer == rest


async def test_the_answers_are_those_of_what_happened(house: House) -> None:
    counts = (await house.ask("rest", status(house, "import")))["backlog"]
    assert {state: count for state, count in counts.items() if count and state != "pending_bytes"} == {
        "settling": 1,
        "claimed": 12,
        "imported": 1,
        "failed": 3,
    }
    for path, check in ((BROKEN[0], "not_poisoned"), (HELD[0], "batch"), (WAITS, "not_temporary")):
        assert (await house.ask("grpc", explain(house, path)))["failing_check"] == check
    assert (await house.ask("cli", explain(house, house.imported["path"])))["failing_check"] is None
    cut_off = await house.ask("cli", preview(house, "3", file_pattern="*"))
    assert (cut_off["complete"], cut_off["listed"]) == (False, 3)


async def test_every_certificate_adds_up(house: House) -> None:
    found = (await house.ask("cli", batches(house)))["data"]
    assert len(found) == 7
    for one in found:
        certificate = one["certificate"]
        assert certificate["matched"] == sum(certificate[name] for name in COUNTED), one
        assert (certificate["unexplained"], certificate["members"]) == (0, one["object_count"])


@pytest.mark.parametrize("door", DOORS)
async def test_a_list_is_read_to_its_end_line_by_line(house: House, door: str) -> None:
    whole = [file["path"] for file in (await house.ask(door, files(house)))["data"]]
    read, cursor = list[str](), dict[str, str]()
    while True:
        page = await house.ask(door, files(house, limit="1", **cursor))
        read += [file["path"] for file in page["data"]]
        if not page["pagination"]["has_more"]:
            break
        cursor = {"cursor": page["pagination"]["next_cursor"]}
    assert read == whole
    assert len(whole) == 17


REFUSALS: dict[str, tuple[Callable[[House], Call], str, str]] = {
    "an index that is not there": (
        lambda house: status(replace(house, scene=replace(house.scene, ids={"index": "idx_none"})), "import"),
        "not_found",
        "there is no index idx_none",
    ),
    "a batch that is not there": (lambda house: batch(house, "auto:none:1:1"), "not_found", "no batch auto:none:1:1"),
    "a revision that is not there": (lambda house: restore(house, "import", 99), "not_found", "has no revision 99"),
    "a revision that can not be": (lambda house: restore(house, "import", 0), "validation_error", "revision"),
    "a stale etag": (lambda house: put(house, "stale"), "stale_write", "etag stale"),
    "a cursor of another list": (
        lambda house: files(house, cursor="WyJpZHgiLCJpbXBvcnQiXQ"),
        "validation_error",
        "must be a next_cursor of this list",
    ),
    "a page that is too large": (lambda house: files(house, limit="201"), "validation_error", "200"),
    "no path": (lambda house: explain(house, ""), "validation_error", "at least 1 character; got"),
    "a connector that is not there": (
        lambda house: preview(house, "10", connector_id="conn_none"),
        "validation_error",
        "there is no such connector",
    ),
    "a pattern that is not closed": (
        lambda house: preview(house, "10", file_pattern="*.{mp4"),
        "validation_error",
        "never closed",
    ),
    "rejecting what was started": (
        lambda house: batch(house, house.imported["batch_id"], "reject"),
        "illegal_transition",
        "was started: cancel its import job instead",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_is_asked_wrongly_is_refused_alike_at_every_door(house: House, name: str) -> None:
    call, code, said = REFUSALS[name]
    for refused in await house.doors.refusals(call(house)):
        assert refused.code == code
        assert said in refused.said


async def test_approved_and_rejected_at_one_door_is_so_at_the_next(house: House) -> None:
    for number, door in enumerate(DOORS):
        for batch_id, action, became in (
            (house.held[number], "approve", "started"),
            (house.held[-1 - number], "reject", "rejected"),
        ):
            told = await house.ask(door, batch(house, batch_id, action))
            seen = await house.ask(NEXT_DOOR[door], batch(house, batch_id))
            assert (told["status"], seen["status"]) == (became, became)
            assert seen["decided_by"].startswith("key_")
            assert (seen["job_id"] is None) == (action == "reject")
    assert (await house.ask("cli", batches(house, status="held")))["data"] == []


async def test_a_file_that_failed_is_ignored_released_and_tried_again_at_every_door(house: House) -> None:
    async def in_state(door: str, path: str, state: str) -> None:
        async def stands() -> bool:
            found = await house.ask(door, files(house, prefix=path))
            return [file["state"] for file in found["data"]] == [state]

        await until(f"{path} is {state}, at {door}", stands)

    async def job_has_ended() -> bool:
        job = await house.scene.service.rest("GET", f"/import-jobs/{house.imported['job_id']}")
        return bool(job["status"] == "completed")

    for door, path in zip(DOORS, BROKEN, strict=True):
        await until("the job of the files that failed has ended", job_has_ended)
        told = await house.ask(door, change(house, "retry", path, path, "none"))
        assert (told["changed"], told["unchanged"]) == (
            [path],
            [{"path": "none", "reason": "The ledger does not know it."}],
        )
        await in_state(NEXT_DOOR[door], path, "failed")
    for door, path in zip(DOORS, BROKEN, strict=True):
        told = await house.ask(door, change(house, "ignore", path, house.imported["path"]))
        assert (told["message"], told["changed"]) == ("1 file is ignored; 1 left as it was.", [path])
        await in_state(NEXT_DOOR[door], path, "skipped")
    # Paused, it can't settle before it was seen.
    await house.ask("rest", act(house, "pause"))
    for door, path in zip(DOORS, BROKEN, strict=True):
        assert (await house.ask(door, change(house, "release", path)))["changed"] == [path]
        await in_state(NEXT_DOOR[door], path, "settling")
        await house.ask(door, change(house, "ignore", path))
    await house.ask("rest", act(house, "resume"))


async def test_saved_paused_and_resumed_at_one_door_is_so_at_the_next(house: House) -> None:
    for number, door in enumerate(DOORS):
        etag = (await house.ask(door, saved(house, "import")))["etag"]
        await house.ask(door, put(house, etag, debounce_interval="1d", max_wait=f"{90_000 + number}s"))
        seen = await house.ask(NEXT_DOOR[door], saved(house, "import"))
        assert (seen["debounce_interval"], seen["max_wait"]) == ("1d", f"{90_000 + number}s")
        assert seen["etag"] != etag
        subpath = f"exports/{door}"
        await house.ask(door, put_export(house, destination_subpath=subpath))
        assert (await house.ask(NEXT_DOOR[door], saved(house, "export")))["destination_subpath"] == subpath
        for kind in ("import", "export"):
            for action, paused in (("pause", True), ("pause", True), ("resume", False)):
                await house.ask(door, act(house, action, kind))
                seen = await house.ask(NEXT_DOOR[door], saved(house, kind))
                assert (seen["paused"], seen["state"] == "paused") == (paused, paused)


async def test_run_and_rescan_at_one_door_are_seen_at_the_next(house: House, clip: Callable[[int], bytes]) -> None:
    await house.scene.automation("PUT", body=house.body(debounce_interval="1d"))  # nothing fires by itself
    for number, door in enumerate(DOORS):
        name = f"{DAY}now-{number}.mp4"
        await house.scene.source.put(name, clip(4 + number))
        next_door = NEXT_DOOR[door]

        async def is_ready(name: str = name, door: str = door, next_door: str = next_door) -> bool:
            await house.ask(door, act(house, "rescan", whole=True))
            found = (await house.ask(next_door, files(house, prefix=name)))["data"]
            return [file["state"] for file in found] == ["ready"]

        await until(f"{name} is ready", is_ready)
        told = await house.ask(door, act(house, "run", whole=True))
        assert told["message"].startswith("A fresh scan comes first")

        async def has_fired(name: str = name, next_door: str = next_door) -> bool:
            [found] = (await house.ask(next_door, files(house, prefix=name)))["data"]
            if found["batch_id"] is None:
                return False
            fired = await house.ask(next_door, batch(house, found["batch_id"]))
            assert (fired["trigger"], fired["object_count"], fired["status"]) == ("manual", 1, "started")
            return True

        await until(f"{name} is in a batch", has_fired)


async def test_what_one_door_exports_is_seen_at_the_next(house: House) -> None:
    async def all_is_done() -> bool:
        statuses = {job["status"] for job in await house.scene.jobs()} | {
            run["status"] for run in await house.scene.runs()
        }
        return statuses == {"completed"} and (await house.ask("rest", status(house, "export")))["pending_runs"] == 0

    for door in DOORS:
        await until("nothing is under way", all_is_done)
        await house.ask(door, put_export(house, destination_subpath=f"again/{door}"))
        [export_id] = (await house.ask(door, act(house, "run", "export", whole=True)))["export_ids"]
        seen = await house.ask(NEXT_DOOR[door], status(house, "export"))
        assert seen["last_delivery"]["export_id"] == export_id


@pytest.mark.parametrize("kind", ["import", "export"])
async def test_deleted_and_restored_at_one_door_is_so_at_the_next(house: House, kind: str) -> None:
    before = await house.ask("rest", saved(house, kind))
    for door, other in permutations(DOORS, 2):
        assert "deleted" in (await house.ask(door, delete(house, kind)))["message"]
        gone = await house.doors.refusals(saved(house, kind))
        assert {refused.code for refused in gone} == {"not_found"}
        [last] = (await house.ask(other, revisions(house, kind, limit="1")))["data"]
        assert (last["action"], last["changes"]) == ("delete", [])
        restored = await house.ask(other, restore(house, kind, last["revision"]))
        assert restored["automation_id"] == before["automation_id"]
        [last] = (await house.ask(door, revisions(house, kind, limit="1")))["data"]
        assert (last["action"], last["restored_from"]) == ("restore", last["revision"] - 1)
    if kind == "import":
        assert house.imported in (await house.ask("rest", files(house, state="imported")))["data"]


async def test_forgotten_at_one_door_is_forgotten_at_the_next(house: House) -> None:
    for door in DOORS:
        for kind in ("import", "export"):
            assert "forgotten" in (await house.ask(door, delete(house, kind, forget=True)))["message"]
            assert (await house.ask(NEXT_DOOR[door], revisions(house, kind)))["data"] == []
        body = house.body(enabled=False)
        await house.scene.automation("PUT", body=body)
        assert (await house.ask(NEXT_DOOR[door], files(house)))["data"] == []
        await house.ask(door, put_export(house, enabled=False))
