"""Prompts as the published client writes and reads them."""

from __future__ import annotations

from typing import Any

import pytest
from videovector import NotFoundError, ValidationError

from tests.client.clients import Client

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"duration": {"type": "number"}, "streams": {"type": "array", "items": {"type": "string"}}},
    "required": ["duration"],
}
TEXT = "Measure what can be measured."


async def test_a_prompt_is_created_changed_listed_and_deleted(client: Client) -> None:
    made = await client.prompts.create(
        name="Facts",
        prompt_text=TEXT,
        json_schema=SCHEMA,
        video_level={"instructions_text": "Sum it up.", "json_schema": {"type": "object", "properties": {}}},
        semantic_indexing={"disabled_segment_fields": ["streams"]},
    )
    assert (made.name, made.description, made.prompt_text, made.user_id) == ("Facts", "", TEXT, "ada")
    assert (made.json_schema, made.is_active) == (SCHEMA, True)
    assert made.video_level.instructions_text == "Sum it up."
    assert made.semantic_indexing.disabled_segment_fields == ["streams"]
    assert await client.prompts.retrieve(made.prompt_id) == made

    changed = await client.prompts.update(
        made.prompt_id, name="Figures", description="For people", clear_video_level=True
    )
    assert (changed.name, changed.description, changed.video_level) == ("Figures", "For people", None)
    assert (changed.prompt_text, changed.json_schema) == (TEXT, SCHEMA)
    listed = await client.prompts.list()
    assert changed in listed.prompts
    assert listed.total_count >= listed.active_count >= 1
    assert changed in (await client.prompts.list(active_only=False, include_defaults=False)).prompts

    usage = await client.prompts.get_usage(made.prompt_id)
    assert (usage.name, usage.is_active, usage.is_in_use, usage.schema_properties_count) == ("Figures", True, False, 2)
    assert made.prompt_id in (await client.prompts.delete(made.prompt_id)).message
    with pytest.raises(NotFoundError):
        await client.prompts.retrieve(made.prompt_id)


async def test_a_schema_is_tested_against_data(client: Client) -> None:
    good = await client.prompts.test_schema(json_schema=SCHEMA, sample_data={"duration": 1.5})
    assert (good.valid, good.validated_data, good.error) == (True, {"duration": 1.5}, None)
    bad = await client.prompts.test_schema(json_schema=SCHEMA, sample_data={"duration": "long"})
    assert (bad.valid, bad.validated_data) == (False, None)
    assert "duration" in bad.error


@pytest.mark.parametrize("schema", [{"type": "array"}, {"type": "object", "properties": {"a.b": {}}}, {"type": 7}])
async def test_a_schema_that_is_none_of_a_prompt_is_refused(client: Client, schema: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="json_schema"):
        await client.prompts.create(name="Wrong", prompt_text=TEXT, json_schema=schema)
