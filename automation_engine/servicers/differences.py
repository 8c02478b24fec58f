"""What differs between two configurations, field by field, in the words and values of REST."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from automation_engine.servicers.structs import to_dict, to_value
from automation_engine.servicers.words import word
from automation_engine.v1.revision_pb2 import FieldChange


def changes(before: Message | None, after: Message) -> list[FieldChange]:
    """Return the fields that differ, in the order of their numbers; what only the server sets is left out.

    Against nothing (None), these are the fields that are set. A snapshot counts whole: what a prompt said when it was
    taken is part of what somebody saved.
    """
    old = {} if before is None else dict(_leaves(before))
    return [
        FieldChange(field=path, before=to_value(old.get(path)), after=to_value(value))
        for path, value in _leaves(after)
        if old.get(path) != value and (before is not None or value != [])
    ]


def _leaves(message: Message) -> Iterator[tuple[str, Any]]:
    for field in message.DESCRIPTOR.fields:
        behavior = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        if field_behavior_pb2.OUTPUT_ONLY not in behavior:
            yield from _below(message, field, "")


def _below(message: Any, field: Any, parent: str) -> Iterator[tuple[str, Any]]:
    path = parent + field.name
    if field.message_type is None or field.message_type.file.package == "google.protobuf":
        unset = field.has_presence and not message.HasField(field.name)
        yield path, None if unset else _plain(field, getattr(message, field.name))
    else:
        for inner in field.message_type.fields:
            yield from _below(getattr(message, field.name), inner, f"{path}.")


def _plain(field: FieldDescriptor, value: Any) -> Any:
    """Return a value as REST shows it. Lists hold scalars here."""
    if field.is_repeated:
        return list(value)
    if field.enum_type is not None:
        return word(field.enum_type, value)
    match None if field.message_type is None else field.message_type.name:
        case "Struct":
            return to_dict(value)
        case "Timestamp":
            return value.ToDatetime(UTC).isoformat().replace("+00:00", "Z")
        case "Duration":
            return value.ToJsonString()
        case _:
            return value
