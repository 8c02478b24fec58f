"""The whole job with the published client alone: fifty clips from S3, a prompt run over them, the results on GCS."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from automation_engine.demo_media import write_clip, write_still, write_tone
from tests.client.clients import Client
from tests.client.storages import Storage

KINDS = {"mp4": "video", "mov": "video", "wav": "audio", "png": "image", "jpg": "image"}
CLIPS = 50
QUICKLY = {"poll_interval": 0.1, "timeout": 120}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return fifty real media, each of them another: pictures that move, sound, stills."""
    folder = tmp_path_factory.mktemp("clips")
    made = {}
    for number in range(CLIPS):
        kind = list(KINDS)[number % len(KINDS)]
        path = folder / f"{number:02}.{kind}"
        if KINDS[kind] == "video":
            write_clip(path, seconds=0.4, size=(64, 48), scenes=1, seed=number)
        elif KINDS[kind] == "audio":
            write_tone(path, 0.4, level=-20.0 - number)
        else:
            write_still(path, size=(64, 48), seed=number)
        made[f"dailies/day {number % 3}/{path.name}"] = path.read_bytes()
    return made


async def test_fifty_clips_go_from_s3_through_a_prompt_run_to_gcs(
    client: Client, clips: dict[str, bytes], s3: Storage, gcs: Storage, tmp_path: Path
) -> None:
    await s3.put(clips)
    source = await s3.create(client, name="Camera")
    target = await gcs.create(client, name="Archive", scopes=["export"], export_base_path="reports")
    assert (await client.connectors.test(source.connector_id)).success
    pattern = f"*.{{{','.join(KINDS)}}}"
    files = await client.connectors.browse(source.connector_id, prefix="dailies/", pattern=pattern)
    assert {file.path: file.size_bytes for file in files} == {key: len(data) for key, data in clips.items()}

    index = await client.indexes.create(name="Dailies")
    job = await client.import_jobs.create(
        connector_id=source.connector_id, index_id=index.index_id, source_prefix="dailies/", file_pattern=pattern
    )
    job = await client.import_jobs.wait_for_completion(job.job_id, **QUICKLY)
    assert (job.status, job.progress.imported, job.progress.failed) == ("completed", CLIPS, 0)
    assert job.progress.bytes_transferred == sum(map(len, clips.values()))

    prompt = await client.prompts.create(
        name="Facts",
        prompt_text="Measure what can be measured.",
        json_schema={
            "type": "object",
            "properties": {"media_type": {"type": "string"}},
            "required": ["media_type"],
        },
    )
    target_of_run = {"type": "index", "index_id": index.index_id}
    run = await client.prompt_runs.execute(prompt_id=prompt.prompt_id, target=target_of_run)
    run = await client.prompt_runs.wait_for_completion(run.run_id, **QUICKLY)
    assert (run.status, run.completed_segments) == ("completed", run.total_segments)
    assert (run.completed_videos, run.completed_audios, run.completed_images) == (20, 10, 20)

    delivery = await client.exports.create_prompt_run_export(
        run.run_id, destination_connector_id=target.connector_id, destination_subpath="dailies"
    )
    delivered = await client.exports.wait_for_completion(delivery.export_id, **QUICKLY)
    assert delivered.destination_uri.startswith("gs://client/reports/dailies/")
    download = await client.exports.create_prompt_run_export(run.run_id)
    await client.exports.wait_for_completion(download.export_id, **QUICKLY)
    await client.exports.download(download.export_id, tmp_path / "facts.json")

    artifact = await gcs.read(delivered.destination_uri.removeprefix("gs://client/"))
    assert len(artifact) == delivered.file_size_bytes
    for document in (json.loads(artifact), json.loads((tmp_path / "facts.json").read_bytes())):
        (told,) = document["runs"]
        assert told["run_id"] == run.run_id
        types = Counter(segment["metadata"]["media_type"] for segment in told["segments"])
        assert types == {"video": 20, "audio": 10, "image": 20}
