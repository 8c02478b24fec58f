"""``PromptService``: what to extract from media. Automations keep the snapshot that they were saved with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from automation_engine.analyzers.schema import check_prompt_schema, validate_data
from automation_engine.errors import Conflict, InvalidArgument, Violation
from automation_engine.servicers import caller
from automation_engine.servicers.structs import to_dict, to_struct
from automation_engine.servicers.times import timestamp
from automation_engine.store import prompts
from automation_engine.store.database import Database
from automation_engine.store.tables import Prompt
from automation_engine.v1 import prompt_pb2
from automation_engine.v1 import prompt_service_pb2 as pb
from automation_engine.v1.prompt_service_pb2_grpc import PromptServiceServicer


def message(row: Prompt) -> prompt_pb2.Prompt:
    """Return a prompt as its message."""
    return prompt_pb2.Prompt(
        prompt_id=row.prompt_id,
        user_id=row.owner,
        name=row.name,
        description=row.description,
        prompt_text=row.prompt_text,
        json_schema=to_struct(row.json_schema),
        video_level=None if row.video_level is None else video_level_message(row.video_level),
        semantic_indexing=prompt_pb2.PromptSemanticIndexing(**row.semantic_indexing),
        is_active=row.is_active,
        created_at=timestamp(row.created_at),
    )


def video_level_message(video_level: Mapping[str, Any]) -> prompt_pb2.PromptVideoLevel:
    """Return what a row keeps of a ``PromptVideoLevel`` as the message."""
    return prompt_pb2.PromptVideoLevel(
        instructions_text=video_level["instructions_text"], json_schema=to_struct(video_level["json_schema"])
    )


def _values(request: pb.CreatePromptRequest | pb.UpdatePromptRequest) -> dict[str, Any]:
    """Return the columns that a request sets. Raises ``InvalidArgument`` for a schema that is none of a prompt."""
    values: dict[str, Any] = {
        name: getattr(request, name) for name in ("name", "description", "prompt_text") if _is_set(request, name)
    }
    violations: list[Violation] = []
    if request.HasField("json_schema"):
        values["json_schema"] = to_dict(request.json_schema)
        violations += check_prompt_schema(values["json_schema"])
    if request.HasField("video_level"):
        schema = to_dict(request.video_level.json_schema)
        values["video_level"] = {"instructions_text": request.video_level.instructions_text, "json_schema": schema}
        violations += (
            Violation(field=f"video_level.{fault.field}", message=fault.message)
            for fault in check_prompt_schema(schema)
        )
    if request.HasField("semantic_indexing"):
        values["semantic_indexing"] = _semantic_indexing(request.semantic_indexing)
    if violations:
        raise InvalidArgument(violations)
    return values


def _is_set(request: Message, name: str) -> bool:
    """Whether a field is set; one that knows no difference between empty and unset always is."""
    return not request.DESCRIPTOR.fields_by_name[name].has_presence or request.HasField(name)


def _semantic_indexing(given: prompt_pb2.PromptSemanticIndexing) -> dict[str, Any]:
    return {
        "disabled_segment_fields": list(given.disabled_segment_fields),
        "disabled_video_level_fields": list(given.disabled_video_level_fields),
    }


class PromptServicer(PromptServiceServicer):
    """Prompts of the caller."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def CreatePrompt(
        self,
        request: pb.CreatePromptRequest,
        context: Any,
    ) -> pb.CreatePromptResponse:
        """Create a prompt. Raises ``InvalidArgument`` for a schema that is refused."""
        values = {"semantic_indexing": _semantic_indexing(prompt_pb2.PromptSemanticIndexing()), **_values(request)}
        async with self._database.transaction() as tx:
            row = Prompt(
                prompt_id=tx.new_id("prompt"),
                owner=caller.current().owner,
                created_at=tx.now,
                updated_at=tx.now,
                **values,
            )
            tx.add(row)
        return pb.CreatePromptResponse(prompt=message(row))

    async def ListPrompts(
        self,
        request: pb.ListPromptsRequest,
        context: Any,
    ) -> pb.ListPromptsResponse:
        """List the caller's prompts, the oldest first. None comes with the account."""
        active_only = request.active_only if request.HasField("active_only") else True
        async with self._database.reading() as session:
            rows = await prompts.owned(session, caller.current().owner)
        active = [row for row in rows if row.is_active]
        return pb.ListPromptsResponse(
            prompts=[message(row) for row in (active if active_only else rows)],
            total_count=len(rows),
            active_count=len(active),
        )

    async def GetPrompt(
        self,
        request: pb.GetPromptRequest,
        context: Any,
    ) -> pb.GetPromptResponse:
        """Return a prompt. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await prompts.find(session, caller.current().owner, request.prompt_id)
        return pb.GetPromptResponse(prompt=message(row))

    async def UpdatePrompt(
        self,
        request: pb.UpdatePromptRequest,
        context: Any,
    ) -> pb.UpdatePromptResponse:
        """Change what is set. Raises ``NotFound``, and ``InvalidArgument`` for a schema that is refused."""
        values = _values(request)
        if request.clear_video_level:
            values["video_level"] = None
        async with self._database.transaction() as tx:
            row = await prompts.find(tx, caller.current().owner, request.prompt_id)
            row.sqlmodel_update({**values, "updated_at": tx.now})
            tx.add(row)
        return pb.UpdatePromptResponse(prompt=message(row))

    async def DeletePrompt(
        self,
        request: pb.DeletePromptRequest,
        context: Any,
    ) -> pb.DeletePromptResponse:
        """Delete a prompt; one in use only by ``force``, since automations and runs hold a snapshot of it.

        Raises ``NotFound``, and ``Conflict`` for one in use.
        """
        async with self._database.transaction() as tx:
            row = await prompts.find(tx, caller.current().owner, request.prompt_id)
            if not request.force and (used := await prompts.usage(tx, row)):
                raise Conflict(
                    f"prompt {row.prompt_id} is in use by {used}: delete it with force=true; "
                    "they keep the snapshot they were saved with"
                )
            await tx.delete(row)
        return pb.DeletePromptResponse(
            message=f"Prompt {row.prompt_id} was deleted; automations and runs keep the snapshot they were saved with."
        )

    async def TestPromptSchema(
        self,
        request: pb.TestPromptSchemaRequest,
        context: Any,
    ) -> pb.TestPromptSchemaResponse:
        """Check a schema, and data against it. What is wrong there is an answer."""
        schema, data = to_dict(request.json_schema), to_dict(request.sample_data)
        faults = check_prompt_schema(schema)
        if faults:
            return _refused("The schema can't be a prompt's", faults[0])
        faults = validate_data(schema, data)
        if faults:
            return _refused("The data don't fit the schema", faults[0])
        return pb.TestPromptSchemaResponse(
            valid=True, validated_data=to_struct(data), message="The schema is allowed and the data fit it."
        )

    async def GetPromptUsage(
        self,
        request: pb.GetPromptUsageRequest,
        context: Any,
    ) -> pb.GetPromptUsageResponse:
        """Say what uses a prompt. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await prompts.find(session, caller.current().owner, request.prompt_id)
            used = await prompts.usage(session, row)
        usage = prompt_pb2.PromptUsage(
            prompt_id=row.prompt_id,
            name=row.name,
            is_active=row.is_active,
            is_in_use=bool(used),
            created_at=timestamp(row.created_at),
            schema_properties_count=len(row.json_schema.get("properties", {})),
            prompt_run_count=used.run_count,
            automation_index_ids=used.index_ids,
        )
        return pb.GetPromptUsageResponse(usage=usage)


def _refused(sentence: str, fault: Violation) -> pb.TestPromptSchemaResponse:
    error = f"{fault.field}: {fault.message}" if fault.field else fault.message
    return pb.TestPromptSchemaResponse(valid=False, error=error, message=f"{sentence}: {error}.")
