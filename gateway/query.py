"""Query parameters: which fields of a request they may set, and how."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway import scalars
from gateway.codec import Codec, MessageShape
from gateway.errors import InvalidFields, Violation
from gateway.templates import decode, escaped
from gateway.wellknown import DurationShape, FieldMaskShape, TimestampShape, WrapperShape

_MAX_NESTING = 16
_MAX_CACHED = 256
FieldPath = tuple[str, ...]
Given = TypeVar("Given", str, list[str])
Apply = Callable[[Any, list[str]], None]
"""Sets one field of a message from the texts of one parameter."""


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """Names and their values in order, ``+`` and escapes decoded.

    Raises:
        InvalidFields: malformed percent-encoding, or no UTF-8.
    """
    found: dict[str, list[str]] = {}
    for pair in escaped(raw).replace("+", " ").split("&"):
        if pair:
            name, _, value = pair.partition("=")
            found.setdefault(_decoded(name), []).append(_decoded(value))
    return found


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    try:
        return decode(text)
    except ValueError as fault:
        raise InvalidFields.of(f"query parameter {scalars.shown(text)}: {fault}") from None


class QueryFields:
    """The parameters of one binding: every leaf that neither the path nor the body sets.

    A parameter is a field path in either spelling (``page_size``, ``filter.maxAge``). An empty text leaves a field
    that is no string unset, as clients send ``status=`` for a filter that was not chosen.
    """

    def __init__(
        self, root: Descriptor, codec: Codec, *, bound: Collection[FieldPath], body: str, noun: str = "query parameter"
    ) -> None:
        self._root = root
        self._noun = noun
        self._codec = codec
        self._bound = frozenset(bound)
        self._body = body
        self._known: dict[str, tuple[FieldPath, Apply]] = {}

    def apply(self, message: Any, raw: bytes) -> None:
        """Set the fields of a request. Raises InvalidFields: a parameter is unknown, wrong or given twice."""
        faults: list[Violation] = []
        seen: dict[FieldPath, str] = {}
        for name, texts in parse_query(raw).items():
            try:
                path, apply = self._known.get(name) or self._resolve(name)
                if (other := seen.setdefault(path, name)) != name:
                    raise InvalidFields.of(f"given twice, as {other} and as {name}")
                apply(message, texts)
            except InvalidFields as fault:
                faults += fault.under(name)
        if faults:
            raise InvalidFields(faults)

    def leaves(self) -> Iterator[tuple[FieldPath, FieldDescriptor]]:
        """Every parameter's path and field; messages that contain themselves are followed once."""
        return self._leaves(self._root, (), ())

    def _leaves(
        self, parent: Descriptor, path: FieldPath, above: tuple[str, ...]
    ) -> Iterator[tuple[FieldPath, FieldDescriptor]]:
        for field in parent.fields:
            here = (*path, field.name)
            if here in self._bound or self._body in ("*", here[0]):
                continue
            if self._text_setter(field) is not None:
                yield here, field
            elif (child := _opened(field, self._codec)) is not None and child.full_name not in above:
                yield from self._leaves(child, here, (*above, parent.full_name))

    def _resolve(self, name: str) -> tuple[FieldPath, Apply]:
        names = name.split(".")
        parent, fields = self._root, list[FieldDescriptor]()
        for step, given in enumerate(names[:_MAX_NESTING]):
            field = parent.fields_by_name.get(given) or parent.fields_by_camelcase_name.get(given)
            if field is None:
                break
            fields.append(field)
            last = step == len(names) - 1
            if last and (setter := self._text_setter(field)) is not None:
                path = tuple(field.name for field in fields)
                self._refuse_bound(path)
                return self._remember(name, path, one_of(fields, _at(path[:-1], setter)))
            child = _opened(field, self._codec)
            if last or child is None:
                break
            parent = child
        raise InvalidFields.of(f"unknown {self._noun}")

    def _remember(self, name: str, path: FieldPath, apply: Apply) -> tuple[FieldPath, Apply]:
        if len(self._known) < _MAX_CACHED:  # a message that contains itself has endless names
            self._known[name] = (path, apply)
        return path, apply

    def _refuse_bound(self, path: FieldPath) -> None:
        if path in self._bound:
            raise InvalidFields.of("unknown query parameter: the path sets it")
        if self._body in ("*", path[0]):
            raise InvalidFields.of("unknown query parameter: it belongs in the body")

    def _text_setter(self, field: FieldDescriptor) -> Apply | None:
        name = field.name
        if field.message_type is None:
            convert = scalars.from_text(field, self._codec.words)
            is_string = field.type == FieldDescriptor.TYPE_STRING
            return _repeated(name, convert) if field.is_repeated else _single(name, convert, empty_is_a_value=is_string)
        shape = self._codec.shape(field.message_type)
        if field.is_repeated:
            return None
        if isinstance(shape, (TimestampShape, DurationShape, FieldMaskShape)):
            return _once(lambda message, text: shape.fill(getattr(message, name), text, 1))
        if isinstance(shape, WrapperShape):
            value = field.message_type.fields_by_name["value"]
            wrapped = scalars.from_text(value, self._codec.words)
            is_string = value.type == FieldDescriptor.TYPE_STRING
            return _wrapper(name, wrapped, empty_is_a_value=is_string)
        return None


def _opened(field: FieldDescriptor, codec: Codec) -> Descriptor | None:
    """The message whose fields are parameters of their own; None for a field that has none."""
    child = field.message_type
    if child is None or field.is_repeated:
        return None
    return child if isinstance(codec.shape(child), MessageShape) else None


def _at(parents: FieldPath, setter: Apply) -> Apply:
    if not parents:
        return setter

    def apply(message: Any, texts: list[str]) -> None:
        for name in parents:
            message = getattr(message, name)
        setter(message, texts)

    return apply


def one_of(fields: list[FieldDescriptor], setter: Callable[[Any, Given], None]) -> Callable[[Any, Given], None]:
    """The setter of the last field, which does not take the place of another member of a oneof on the way to it."""
    choices = [field.containing_oneof for field in fields]
    if not any(oneof is not None and len(oneof.fields) > 1 for oneof in choices):
        return setter

    def apply(root: Any, given: Given) -> None:
        message, before = root, list[tuple[Any, str, str]]()
        for field, oneof in zip(fields, choices, strict=True):
            if oneof is not None and (member := message.WhichOneof(oneof.name)) is not None:
                before.append((message, oneof.name, member))
            if field is not fields[-1]:
                message = getattr(message, field.name)
        setter(root, given)
        for message, name, member in before:
            if message.WhichOneof(name) != member:
                raise InvalidFields.of(f"only one of {name} may be given; {member} is")

    return apply


def _once(setter: Callable[[Any, str], None], *, empty_is_a_value: bool = False) -> Apply:
    def apply(message: Any, texts: list[str]) -> None:
        if len(texts) > 1:
            raise InvalidFields.of(f"given {len(texts)} times, takes one value")
        if texts[0] or empty_is_a_value:
            setter(message, texts[0])

    return apply


def _single(name: str, convert: scalars.Convert, *, empty_is_a_value: bool) -> Apply:
    return _once(lambda message, text: setattr(message, name, convert(text)), empty_is_a_value=empty_is_a_value)


def _wrapper(name: str, convert: scalars.Convert, *, empty_is_a_value: bool) -> Apply:
    def fill(message: Any, text: str) -> None:
        child = getattr(message, name)
        child.value = convert(text)
        child.SetInParent()

    return _once(fill, empty_is_a_value=empty_is_a_value)


def _repeated(name: str, convert: scalars.Convert) -> Apply:
    return lambda message, texts: getattr(message, name).extend([convert(text) for text in texts])
