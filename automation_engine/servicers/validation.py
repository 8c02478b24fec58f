"""Requests against the rules in the proto (protovalidate), once, for gRPC and REST alike."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import protovalidate
from google.protobuf.message import Message

from automation_engine.errors import InvalidArgument, Violation
from automation_engine.servicers.calls import Call, CallInterceptor

_MAX_SHOWN = 100
_ONE = re.compile(r"\b1 (character|byte|item)s\b")


class Validation(CallInterceptor):
    """Lets valid requests pass."""

    @asynccontextmanager
    async def around(self, call: Call, request: Any, context: Any) -> AsyncIterator[None]:  # noqa: ARG002 - the request tells
        """Raise ``InvalidArgument`` with every violation."""
        check(request)
        yield


def check(request: Message) -> None:
    """Raise ``InvalidArgument`` with every rule that the message violates."""
    found = protovalidate.collect_violations(request)
    if found:
        raise InvalidArgument([_violation(request.DESCRIPTOR, violation) for violation in found])


def _violation(message: Any, violation: protovalidate.Violation) -> Violation:
    proto = violation.proto
    elements = [] if proto.field is None else list(proto.field.elements)
    told = _singular(proto.message.removeprefix("value "))
    if _shows(message, [element.field_name for element in elements], violation.field_value):
        told += f"; got {_shown(violation.field_value)}"
    return Violation(field=".".join(_step(element) for element in elements), message=told)


def _singular(message: str) -> str:
    """Return a message of the library as people write it: it counts ``1 characters`` and ``8 item(s)``."""
    return _ONE.sub(r"1 \1", message.replace("item(s)", "items"))


def _step(element: Any) -> str:
    """Return one step of a path: ``field``, ``field[2]`` or ``field["key"]``."""
    if element.subscript is None:
        return str(element.field_name)
    value = element.subscript.value
    return f'{element.field_name}["{value}"]' if isinstance(value, str) else f"{element.field_name}[{value}]"


def _shows(message: Any, path: Iterable[str], value: object) -> bool:
    """Whether a value may be repeated: a scalar, in no field that its proto calls secret, that somebody gave."""
    if not isinstance(value, str | int | float):
        return False
    field: Any = None
    for name in path:
        field = message.fields_by_name.get(name)
        if field is None or field.GetOptions().debug_redact:
            return False
        message = field.message_type or message
    return field is not None and (field.enum_type is None or value != 0)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(str(value)):,} characters)"
