"""Import jobs from beginning to end, as the published client starts and reads them."""

from __future__ import annotations

from typing import Any

import pytest
from videovector import ConflictError, NotFoundError, ProcessingError, ValidationError

from tests.client.clients import Client, gathered, raw
from tests.client.storages import Storage


async def imported(client: Client, storage: Storage, prefix: str, **fields: Any) -> Any:
    """Import a folder into a new index and return the job when it has ended."""
    connector = await storage.create(client)
    index = await client.indexes.create(name=prefix)
    job = await client.import_jobs.create(
        connector_id=connector.connector_id, index_id=index.index_id, source_prefix=prefix, **fields
    )
    return await client.import_jobs.wait_for_completion(job.job_id, poll_interval=0.05, timeout=30)


async def test_a_job_tells_what_it_imported_what_failed_and_what_it_left_out(
    client: Client, storage: Storage, media: dict[str, bytes]
) -> None:
    files = {
        "mixed/a.mp4": media[".mp4"],
        "mixed/b/c.wav": media[".wav"],
        "mixed/b/d.png": media[".png"],
        "mixed/broken.mp4": b"this is no film",
        "mixed/empty.mp4": b"",
        "mixed/upload.mp4.part": media[".mp4"],
        "mixed/notes.txt": b"left out by the pattern",
    }
    await storage.put(files)
    job = await imported(client, storage, "mixed", file_pattern="*.{mp4,wav,png,part}")
    assert (job.status, job.phase, job.source_kind, job.source_prefix) == ("completed", None, "connector", "mixed/")
    assert (job.file_pattern, job.recursive, job.error_message) == ("*.{mp4,wav,png,part}", True, None)
    assert None not in (job.created_at, job.started_at, job.completed_at)
    progress = job.progress
    assert (progress.total_files, progress.imported, progress.failed, progress.skipped) == (6, 3, 1, 2)
    assert (progress.parts_total, progress.parts_completed, progress.parts_failed) == (6, 3, 1)
    whole = ["mixed/a.mp4", "mixed/b/c.wav", "mixed/b/d.png"]
    assert progress.bytes_transferred == sum(len(files[name]) for name in whole)
    assert (job.execution.status, job.execution.run_id) == ("not_requested", None)
    assert [file["path"] for file in job.failed_files] == ["mixed/broken.mp4"]
    assert job.failed_files_next_cursor is None

    outputs = await gathered(client.import_jobs.iter_outputs(job.job_id))
    assert [output.file_name for output in outputs] == whole
    assert [output.video_id for output in outputs] == job.video_ids
    assert {(output.status, output.part_index, output.part_count) for output in outputs} == {("ready", 0, 1)}
    assert [round(output.source_end_seconds, 1) for output in outputs] == [0.4, 0.4, 0.0]

    sources = {file.file_name: file for file in await gathered(client.import_jobs.iter_files(job.job_id))}
    assert {name: file.status for name, file in sources.items()} == {
        "mixed/a.mp4": "imported",
        "mixed/b/c.wav": "imported",
        "mixed/b/d.png": "imported",
        "mixed/broken.mp4": "failed",
        "mixed/empty.mp4": "skipped",
        "mixed/upload.mp4.part": "skipped",
    }
    assert sources["mixed/broken.mp4"].failure["message"]
    assert "empty" in sources["mixed/empty.mp4"].skip_reason
    assert "unfinished" in sources["mixed/upload.mp4.part"].skip_reason
    document = await raw(client, "GET", f"/import-jobs/{job.job_id}")
    assert [file["path"] for file in document["skipped_files"]] == ["mixed/empty.mp4", "mixed/upload.mp4.part"]


async def test_outputs_and_files_come_in_pages(client: Client, s3: Storage, media: dict[str, bytes]) -> None:
    names = [f"paged/{number}.png" for number in range(5)]
    await s3.put({name: media[".png"] if name != "paged/3.png" else b"no picture" for name in names})
    job = await imported(client, s3, "paged/")
    first = await client.import_jobs.outputs(job.job_id, limit=3)
    rest = await client.import_jobs.outputs(job.job_id, limit=3, cursor=first.next_cursor)
    assert (first.total, rest.total, rest.next_cursor) == (4, 4, None)
    assert [item.file_name for item in first.items + rest.items] == [name for name in names if name != "paged/3.png"]

    files = await client.import_jobs.files(job.job_id, limit=2)
    assert (len(files.items), files.total) == (2, 5)
    failed = await client.import_jobs.files(job.job_id, failed_only=True)
    assert ([file.file_name for file in failed.items], failed.total) == (["paged/3.png"], 1)
    with pytest.raises(ValidationError, match="cursor"):
        await client.import_jobs.files(job.job_id, cursor="nonsense")
    for limit in (0, 201):
        with pytest.raises(ValidationError, match="limit"):
            await client.import_jobs.files(job.job_id, limit=limit)


async def test_a_folder_without_files_is_completed_at_once(client: Client, storage: Storage) -> None:
    job = await imported(client, storage, "nothing-here/")
    assert (job.status, job.progress.total_files, job.video_ids) == ("completed", 0, [])


async def test_a_job_of_which_nothing_is_left_fails_and_may_be_retried(client: Client, s3: Storage) -> None:
    await s3.put({"broken/x.mp4": b"this is no film"})
    with pytest.raises(ProcessingError, match="none of 1 files"):
        await imported(client, s3, "broken/")
    (job,) = [job for job in await client.import_jobs.list(status="failed") if job.source_prefix == "broken/"][:1]
    (file,) = await gathered(client.import_jobs.iter_files(job.job_id, failed_only=True))
    with pytest.raises(ValidationError, match=r"files\[0\]"):
        await client.import_jobs.retry(job.job_id, files=[{"path": "broken/other.mp4"}])
    again = await client.import_jobs.retry(job.job_id, files=[{"file_id": file.file_id}])
    assert again.status == "importing"
    assert (again.error_message, again.completed_at) == (None, None)
    # It was tried again, in the version that the job listed: what was put there since is another file.
    with pytest.raises(ProcessingError):
        await client.import_jobs.wait_for_completion(job.job_id, poll_interval=0.05, timeout=30)
    assert (await client.import_jobs.retry(job.job_id)).status == "importing"


async def test_under_new_only_what_is_known_is_left_out_and_says_so(
    client: Client, s3: Storage, media: dict[str, bytes]
) -> None:
    await s3.put({"twice/a.png": media[".png"]})
    connector = await s3.create(client, import_mode="new_only")
    index = await client.indexes.create(name="Twice")
    ask = {"connector_id": connector.connector_id, "index_id": index.index_id, "source_prefix": "twice/"}
    reasons = []
    for _ in range(2):
        job = await client.import_jobs.create(**ask)
        job = await client.import_jobs.wait_for_completion(job.job_id, poll_interval=0.05, timeout=30)
        (file,) = await gathered(client.import_jobs.iter_files(job.job_id))
        reasons.append((job.progress.imported, file.skip_reason))
    assert reasons[0] == (1, None)
    assert reasons[1][0] == 0
    assert "new_only" in reasons[1][1]
    override = {**ask, "import_mode_override": "all"}
    job_id = (await raw(client, "POST", "/import-jobs", json=override))["job_id"]
    job = await client.import_jobs.wait_for_completion(job_id, poll_interval=0.05, timeout=30)
    assert job.progress.imported == 1


async def test_a_running_job_is_cancelled_and_one_that_ended_is_not(
    client: Client, waiting_job: tuple[str, str]
) -> None:
    _, job_id = waiting_job
    with pytest.raises(ConflictError):
        await client.import_jobs.retry(job_id)
    cancelled = await client.import_jobs.cancel(job_id)
    assert (cancelled.status, cancelled.phase) == ("cancelled", None)
    assert (await client.import_jobs.wait_for_completion(job_id, poll_interval=0.05)).status == "cancelled"
    with pytest.raises(ConflictError, match="cancelled"):
        await client.import_jobs.cancel(job_id)


async def test_jobs_are_listed_the_newest_first_and_filtered(client: Client, s3: Storage) -> None:
    jobs = [await imported(client, s3, "nowhere/") for _ in range(2)]
    ids = [job.job_id for job in reversed(jobs)]
    assert [job.job_id for job in await client.import_jobs.list()][:2] == ids
    assert [job.job_id for job in await client.import_jobs.list(status="completed")][:2] == ids
    assert not {job.job_id for job in await client.import_jobs.list(status="cancelled")} & set(ids)
    index_id = jobs[0].target_index_id
    (only,) = await raw(client, "GET", "/import-jobs", params={"index_id": index_id})
    assert only["job_id"] == jobs[0].job_id
    assert await raw(client, "GET", "/import-jobs", params={"index_id": index_id, "automation_only": True}) == []
    assert len(await raw(client, "GET", "/import-jobs", params={"limit": 1})) == 1
    with pytest.raises(ValidationError, match="status"):
        await client.import_jobs.list(status="done")


async def test_status_words_are_taken_as_the_clients_documentation_writes_them(client: Client, s3: Storage) -> None:
    job = await imported(client, s3, "nowhere/")
    assert job.job_id in {listed.job_id for listed in await client.import_jobs.list(status="COMPLETED")}


async def test_what_no_job_can_be_made_of_is_refused(client: Client, s3: Storage) -> None:
    connector = await s3.create(client)
    index = await client.indexes.create(name="Refusals")
    ids = {"connector_id": connector.connector_id, "index_id": index.index_id}
    for absent in ("connector_id", "index_id"):
        with pytest.raises(NotFoundError):
            await client.import_jobs.create(**{**ids, absent: "idx_absent"})
    for field, value in (("file_pattern", "{a"), ("file_pattern", ""), ("source_prefix", "../up")):
        with pytest.raises(ValidationError, match=field):
            await client.import_jobs.create(**ids, **{field: value})
    writing = await s3.create(client, scopes=["export"])
    with pytest.raises(ValidationError, match="scope import"):
        await client.import_jobs.create(**{**ids, "connector_id": writing.connector_id})
    for ask in (client.import_jobs.retrieve, client.import_jobs.cancel, client.import_jobs.outputs):
        with pytest.raises(NotFoundError):
            await ask("job_absent")
