"""One HTTP rule, compiled: request parts → message, response message → body.

Every leaf of the request message is set by the path, by the body or by the query. Where a body repeats what the path
says, the path wins; a query parameter for what the path or the body sets is refused.

Etags (RFC 9110, AIP-154): where a request has a string field ``etag`` and it came in none of the three ways, the header
``If-Match`` fills it; where the message that the body shows has one, the answer carries it in its ``ETag``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway import scalars
from gateway.codec import Codec, write_json
from gateway.errors import InvalidFields, Violation
from gateway.json_text import parse_json
from gateway.media_types import FORM, essence
from gateway.methods import Rule, RuleError
from gateway.query import QueryFields, one_of
from gateway.templates import Template, TemplateError, Variable, parse

JSON = b"application/json"
_HTTP_BODY = "google.api.HttpBody"
_ETAG = "etag"
_ETAG_TEXT = re.compile(r"[\x21\x23-\x7e]+")
_BODYLESS = frozenset({"GET", "HEAD"})


class Binding:
    """A route's target: builds requests for ``method`` and writes its responses.

    ``conditional``: its requests may name an etag. ``tagged``: its answers show one. ``reads``: each answer has one,
    and a client that knows it need not get the answer again. ``raw_answer``: they are bytes of a type that they tell,
    not JSON. ``streams``: they are any number.
    """

    def __init__(self, rule: Rule, codec: Codec) -> None:
        """Compile a rule.

        Raises:
            RuleError: a variable, body or response_body that the messages lack or http.proto does not allow.
            TemplateError: the path's template does not parse.
        """
        self.rule = rule
        self.method = rule.method
        self.template: Template = _template(rule)
        self.empty = not rule.method.response_class.DESCRIPTOR.fields
        self._codec = codec
        descriptor = rule.method.descriptor
        self._path = [_path_setter(variable, rule, codec) for variable in self.template.variables]
        _check_choices(self.template.variables, rule)
        bound = [variable.path for variable in self.template.variables]
        self.query = QueryFields(descriptor.input_type, codec, bound=bound, body=rule.body)
        self.raw_body = self.raw_answer = False
        self._fill_body = self._body_setter(descriptor.input_type, bound)
        self.conditional = _has_etag(descriptor.input_type) and (_ETAG,) not in bound
        self._tagged = self._tagged_part(descriptor.output_type)
        self.tagged = self._tagged is not None
        self._write = self._writer(descriptor.output_type)
        self.streams = descriptor.server_streaming
        self.reads = rule.http_method == "GET" and not self.streams

    def request(
        self, segments: list[str], query: bytes, body: bytes, content_type: str, if_match: str | None = None
    ) -> Any:
        """The request message of raw path segments, a raw query, a body and, where it is ``conditional``, an etag.

        A form comes as ``form_parameters``.

        Raises:
            InvalidFields: with every violation of all three.
            HttpProblem: the body is no JSON (422 ``invalid_json``).
        """
        message = self.method.request_class()
        faults: list[Violation] = []
        try:
            self._fill_body(message, body, content_type)
        except InvalidFields as fault:
            faults += fault.violations
        if query:
            try:
                self.query.apply(message, query)
            except InvalidFields as fault:
                faults += fault.violations
        for variable, setter in self._path:
            try:
                setter(message, _captured(variable, segments))
            except InvalidFields as fault:
                faults += fault.under(".".join(variable.path))
        if faults:
            raise InvalidFields(faults)
        if if_match is not None and not message.etag:
            message.etag = if_match
        return message

    def etag(self, message: Any) -> bytes | None:
        """The ``ETag`` of an answer; None where what it shows has none."""
        if self._tagged is None:
            return None
        text = self._tagged(message).etag
        return f'"{text}"'.encode() if _ETAG_TEXT.fullmatch(text) else None

    def response(self, message: Any) -> tuple[bytes, bytes]:
        """Body and content type."""
        return self._write(message)

    def _body_setter(
        self, request: Descriptor, bound: Collection[tuple[str, ...]]
    ) -> Callable[[Any, bytes, str], None]:
        rule, codec = self.rule, self._codec
        if rule.body and rule.http_method in _BODYLESS:
            raise RuleError(f"{rule.method.descriptor.full_name}: {rule.http_method} has no body")
        if not rule.body:
            return _no_body
        if rule.body == "*":
            shape = codec.shape(request)
            if request.full_name == _HTTP_BODY:
                self.raw_body = True
                return _fill_http_body
            if rule.form:
                form = QueryFields(request, codec, bound=bound, body="", noun="form field")
                return lambda message, body, kind: (
                    form.apply(message, body)
                    if essence(kind) == FORM
                    else shape.fill(message, parse_json(body) if body else {}, 1)
                )
            return lambda message, body, _: shape.fill(message, parse_json(body) if body else {}, 1)
        field = _top_field(request, rule, "body", rule.body)
        if (field.name,) in bound:
            raise RuleError(f"{rule.method.descriptor.full_name}: body {field.name!r} is a field that the path sets")
        if field.message_type is not None and field.message_type.full_name == _HTTP_BODY:
            self.raw_body = True
            return lambda message, body, kind: _fill_http_body(getattr(message, field.name), body, kind)
        return _field_body(field, codec)

    def _tagged_part(self, response: Descriptor) -> Callable[[Any], Any] | None:
        if not self.rule.response_body:
            return (lambda message: message) if _has_etag(response) else None
        field = _top_field(response, self.rule, "response_body", self.rule.response_body)
        shown = None if field.is_repeated else field.message_type
        return attrgetter(field.name) if shown is not None and _has_etag(shown) else None

    def _writer(self, response: Descriptor) -> Callable[[Any], tuple[bytes, bytes]]:
        if self.rule.response_body:
            field = _top_field(response, self.rule, "response_body", self.rule.response_body)
            if field.message_type is not None and field.message_type.full_name == _HTTP_BODY:
                self.raw_answer = True
                return lambda message: _http_body(getattr(message, field.name))
            return _field_writer(field, self._codec)
        if response.full_name == _HTTP_BODY:
            self.raw_answer = True
            return _http_body
        dump = self._codec.shape(response).dump
        return lambda message: (write_json(dump(message)), JSON)


def _template(rule: Rule) -> Template:
    try:
        return parse(rule.template)
    except TemplateError as fault:
        raise TemplateError(f"{rule.method.descriptor.full_name}: {fault}") from None


def _check_choices(variables: Iterable[Variable], rule: Rule) -> None:
    """Raises RuleError for a path that binds two members of a oneof."""
    chosen: dict[tuple[tuple[str, ...], str], str] = {}
    for variable in variables:
        parent: Any = rule.method.descriptor.input_type
        for depth, step in enumerate(variable.path):
            field = parent.fields_by_name[step]
            oneof = field.containing_oneof
            if oneof is not None and (other := chosen.setdefault((variable.path[:depth], oneof.name), step)) != step:
                name = rule.method.descriptor.full_name
                raise RuleError(f"{name}: {rule.template} binds {other} and {step}, but only one of them may be given")
            parent = field.message_type


def _path_setter(variable: Variable, rule: Rule, codec: Codec) -> tuple[Variable, Callable[[Any, str], None]]:
    name = rule.method.descriptor.full_name
    parent: Descriptor | None = rule.method.descriptor.input_type
    fields: list[FieldDescriptor] = []
    for step in variable.path:
        field = parent.fields_by_name.get(step) if parent else None
        if field is None:
            raise RuleError(f"{name}: {rule.template} binds {'.'.join(variable.path)}, which the request does not have")
        if field.is_repeated:
            raise RuleError(f"{name}: {rule.template} binds {'.'.join(variable.path)}, which is repeated or a map")
        fields.append(field)
        parent = field.message_type
    if parent is not None:
        raise RuleError(f"{name}: {rule.template} binds {'.'.join(variable.path)}, which is a message")
    convert = scalars.from_text(fields[-1], codec.words)
    parents, leaf = variable.path[:-1], variable.path[-1]

    def apply(message: Any, text: str) -> None:
        for step in parents:
            message = getattr(message, step)
        setattr(message, leaf, convert(text))

    return variable, one_of(fields, apply)


def _captured(variable: Variable, segments: list[str]) -> str:
    try:
        return variable.captured(segments)
    except ValueError as fault:
        raise InvalidFields.of(str(fault)) from None


def _has_etag(message: Descriptor) -> bool:
    field = message.fields_by_name.get(_ETAG)
    return field is not None and field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated


def _top_field(parent: Descriptor, rule: Rule, role: str, name: str) -> FieldDescriptor:
    field = parent.fields_by_name.get(name)
    if field is None:
        raise RuleError(f"{rule.method.descriptor.full_name}: {role} {name!r} is no field of {parent.full_name}")
    return field


def _no_body(_: Any, body: bytes, __: str) -> None:
    # An empty object is what clients send when they have nothing to say.
    if body and parse_json(body) not in ({}, None):
        raise InvalidFields.of("takes no body")


def _field_body(field: FieldDescriptor, codec: Codec) -> Callable[[Any, bytes, str], None]:
    setter = codec.setter(field)

    def fill(message: Any, body: bytes, _: str) -> None:
        if not body:
            return
        try:
            setter(message, parse_json(body), 1)
        except InvalidFields as fault:
            # A client of REST sees no wrapper: fields of the body are named as they stand in it.
            prefix = field.name if field.message_type is None or field.is_repeated else ""
            raise InvalidFields(fault.under(prefix) if prefix else fault.violations) from None

    return fill


def _field_writer(field: FieldDescriptor, codec: Codec) -> Callable[[Any], tuple[bytes, bytes]]:
    name, write, presence = field.name, codec.writer(field), field.has_presence

    def respond(message: Any) -> tuple[bytes, bytes]:
        if presence and not message.HasField(name):
            return b"null", JSON
        value = getattr(message, name)
        return write_json(write(value) if write is not None else value), JSON

    return respond


def _fill_http_body(message: Any, body: bytes, content_type: str) -> None:
    message.content_type, message.data = content_type, body


def _http_body(message: Any) -> tuple[bytes, bytes]:
    return message.data, message.content_type.encode() or b"application/octet-stream"
