"""Videos, prompt runs and their results, as the published client asks for them."""

from __future__ import annotations

import asyncio

import pytest
import videovector
from videovector import ConflictError, NotFoundError, ValidationError

from tests.client.clients import Client, gathered, raw
from tests.client.conftest import QUICKLY, Analysed
from tests.client.silenced import relay
from tests.client.storages import Storage
from tests.servers.seaweedfs import SeaweedFS

MEDIA_TYPES = {"mp4.mp4": "video", "wav.wav": "audio", "png.png": "image"}


async def test_a_run_tells_what_it_did(client: Client, analysed: Analysed) -> None:
    run = await client.prompt_runs.retrieve(analysed.run_id)
    assert (run.status, run.prompt_id, run.prompt_name) == ("completed", analysed.prompt_id, "Facts")
    assert run.run_context["type"] == "index"
    assert run.run_context["index_id"] == analysed.index_id
    assert (run.total_videos, run.completed_videos, run.total_audios, run.total_images) == (1, 1, 1, 1)
    assert run.completed_segments == run.total_segments >= 3
    assert (run.field_extraction_failures, run.error_message) == (0, None)
    assert run.total_video_seconds > 0
    assert run in await client.prompt_runs.list()
    assert run in (await client.indexes.list_prompt_runs(analysed.index_id)).data
    assert run in await client.videos.list_prompt_runs(analysed.videos["mp4.mp4"], limit=5)


async def test_a_run_has_results_for_each_medium(client: Client, analysed: Analysed) -> None:
    for title, video_id in analysed.videos.items():
        page = await client.prompt_runs.list_results(analysed.run_id, video_id=video_id, limit=1)
        results = await gathered(page.auto_paging_iter())
        assert results, title
        for result in results:
            assert (result.result_type, result.run_id, result.video_id) == ("segment", analysed.run_id, video_id)
            assert (result.source_index_id, result.field_extraction_succeeded) == (analysed.index_id, True)
            assert result.metadata == {"media_type": MEDIA_TYPES[title]}
    failed = await client.prompt_runs.get_failed_segments(analysed.run_id)
    assert (failed.failed_segments, failed.videos) == (0, [])
    with pytest.raises(NotFoundError):
        await client.prompt_runs.get_video_result(analysed.run_id, "vid_absent")


async def test_videos_are_listed_in_pages_and_told_with_their_segments(client: Client, analysed: Analysed) -> None:
    page = await client.indexes.list_videos(analysed.index_id, limit=2)
    assert (len(page), page.has_more) == (2, True)
    videos = {video.title: video for video in await gathered(page.auto_paging_iter())}
    assert {title: video.media_type for title, video in videos.items()} == MEDIA_TYPES
    clip = await client.videos.retrieve(analysed.videos["mp4.mp4"])
    assert clip == videos["mp4.mp4"]
    assert clip.video_uri == "s3://client/analysed/mp4.mp4"
    assert clip.created_at.endswith("Z")
    assert [run.run_id for run in clip.processing_status] == [analysed.run_id]

    segments = await client.videos.list_segments(clip.video_id, run_id=analysed.run_id, limit=1)
    assert {segment.video_id for segment in await gathered(segments.auto_paging_iter())} == {clip.video_id}
    assert (await client.videos.list_segments(clip.video_id, latest_run=True)).data
    statuses = await client.videos.batch_status(list(analysed.videos.values()))
    assert {status.video_id for status in statuses} == set(analysed.videos.values())


async def test_a_run_over_chosen_videos_is_cut_as_told(client: Client, analysed: Analysed) -> None:
    run = await client.prompt_runs.execute(
        prompt_id=analysed.prompt_id,
        target={"type": "videos", "video_ids": [analysed.videos["mp4.mp4"]]},
        video_segmentation_type="fixed",
        video_segment_duration=1,
        audio_segmentation_type="fixed",
        audio_segment_duration=1,
        enable_transcription=False,
        enable_image_embedding=False,
    )
    assert (run.video_segmentation_type, run.video_segment_duration) == ("fixed", 1)
    assert (run.enable_transcription, run.enable_image_embedding) == (False, False)
    done = await client.prompt_runs.wait_for_completion(run.run_id, **QUICKLY)
    assert (done.status, done.total_videos, done.total_segments) == ("completed", 1, 1)
    with pytest.raises(ConflictError):
        await client.prompt_runs.cancel(run.run_id)


async def test_a_running_run_is_cancelled(
    client: Client, s3: Storage, s3_server: SeaweedFS, media: dict[str, bytes]
) -> None:
    await s3.put({"silenced/a.mp4": media[".mp4"]})
    async with relay(s3_server.endpoint_url) as storage:
        body = {
            "name": "Silenced",
            "bucket": s3.told["bucket"],
            "region": s3.told["region"],
            "aws_access_key_id": s3_server.access_key_id,
            "aws_secret_access_key": s3_server.secret_access_key,
            "endpoint_url": storage.url,
        }
        connector_id = (await raw(client, "POST", "/connectors/s3", json=body))["connector_id"]
        index = await client.indexes.create(name="Silenced")
        job = await client.import_jobs.create(
            connector_id=connector_id, index_id=index.index_id, source_prefix="silenced"
        )
        assert (await client.import_jobs.wait_for_completion(job.job_id, **QUICKLY)).progress.imported == 1
        luma = {"type": "object", "properties": {"mean_luma": {"type": "number"}}}
        prompt = await client.prompts.create(name="Luma", prompt_text="Look at it.", json_schema=luma)
        storage.silence()
        run = await client.prompt_runs.execute(
            prompt_id=prompt.prompt_id, target={"type": "index", "index_id": index.index_id}
        )
        await asyncio.wait_for(storage.holds.wait(), 20)
        assert (await client.prompt_runs.retrieve(run.run_id)).status == "processing"
        cancelled = await client.prompt_runs.cancel(run.run_id)
        assert (cancelled.run_id, cancelled.status) == (run.run_id, "cancelled")
        assert (await client.prompt_runs.wait_for_completion(run.run_id, **QUICKLY)).status == "cancelled"
        with pytest.raises(ConflictError, match="cancelled"):
            await client.prompt_runs.cancel(run.run_id)


async def test_what_no_run_can_be_made_of_is_refused(client: Client, analysed: Analysed) -> None:
    target = {"type": "index", "index_id": analysed.index_id}
    for prompt_id, wrong in (("prompt_absent", target), (analysed.prompt_id, {**target, "index_id": "idx_absent"})):
        with pytest.raises(NotFoundError):
            await client.prompt_runs.execute(prompt_id=prompt_id, target=wrong)
    with pytest.raises(ValidationError, match="processing_model"):
        await client.prompt_runs.execute(prompt_id=analysed.prompt_id, target=target, processing_model="x" * 300)
    with pytest.raises(NotFoundError):
        await client.prompt_runs.retrieve("run_absent")


async def test_a_prompt_of_runs_is_in_use(client: Client, analysed: Analysed) -> None:
    assert (await client.prompts.get_usage(analysed.prompt_id)).is_in_use
    with pytest.raises(ConflictError, match="run"):
        await client.prompts.delete(analysed.prompt_id)


async def test_a_video_is_deleted_and_says_so_again(client: Client, s3: Storage, media: dict[str, bytes]) -> None:
    await s3.put({"one/a.png": media[".png"]})
    connector = await s3.create(client)
    index = await client.indexes.create(name="One")
    job = await client.import_jobs.create(
        connector_id=connector.connector_id, index_id=index.index_id, source_prefix="one"
    )
    (video_id,) = (await client.import_jobs.wait_for_completion(job.job_id, **QUICKLY)).video_ids
    gone = await client.videos.delete(video_id)
    assert (gone.video_id, gone.status) == (video_id, "deleted")
    assert await client.videos.delete(video_id) == gone
    assert await client.videos.get_deletion(video_id) == gone
    with pytest.raises(NotFoundError):
        await client.videos.retrieve(video_id)
    assert (await client.import_jobs.outputs(job.job_id)).items == []


async def test_what_the_contract_leaves_out_is_404(client: Client, analysed: Analysed) -> None:
    for ask in (
        client.search.text(query="a square", index_id=analysed.index_id),
        client.usage.get_current(),
        client.prompt_runs.get_llm_calls(analysed.run_id),
    ):
        with pytest.raises(videovector.NotFoundError):
            await ask
