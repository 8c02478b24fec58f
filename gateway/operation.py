"""One HTTP rule as an OpenAPI operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.binding import Binding
from gateway.bounds import Schema
from gateway.components import RATE_HEADERS, REQUIRED
from gateway.media_types import FORM
from gateway.schemas import Schemas, is_required, not_null
from gateway.templates import Template, Variable, Wildcard

BYTES, EVENTS, LINES = "application/octet-stream", "text/event-stream", "application/x-ndjson"
"""``BYTES`` stands for any content type: that of an HttpBody is its own."""
PUBLIC = "public"
"""The word of the scope that needs no credentials."""

_BINARY = {"type": "string", "format": "binary"}
_READS = frozenset({"GET", "HEAD"})


class Operation:
    """Compiles one binding.

    ``scope`` is the word of the scope that a caller needs, None when none is declared; ``bearer`` the security scheme
    of a query parameter that takes the place of other credentials, or empty.
    """

    def __init__(
        self, binding: Binding, schemas: Schemas, comments: Mapping[str, str], *, scope: str | None, bearer: str
    ) -> None:
        self._binding = binding
        self._rule = binding.rule
        self._method = binding.method.descriptor
        self._schemas = schemas
        self._comments = comments
        self._scope = scope
        self._bearer = bearer
        self._reads = binding.rule.http_method in _READS

    def document(self, operation_id: str, tag: str) -> dict[str, Any]:
        """The Operation Object."""
        text = self._comments.get(self._method.full_name, "")
        operation: dict[str, Any] = {"operationId": operation_id, "tags": [tag]}
        if text:
            operation["summary"] = text.partition("\n")[0].partition(". ")[0].rstrip(".")
        if description := "\n\n".join(filter(None, (text, self._scope_text()))):
            operation["description"] = description
        if self._scope is not None:
            operation["x-required-scope"] = self._scope
        if self._scope == PUBLIC:
            operation["security"] = []
        elif self._bearer:
            operation["security"] = [*REQUIRED, {self._bearer: []}]
        if self._method.GetOptions().deprecated:
            operation["deprecated"] = True
        if parameters := [*self._path_parameters(), *self._query_parameters(), *self._header_parameters()]:
            operation["parameters"] = parameters
        if self._rule.body:
            operation["requestBody"] = self._request_body()
        operation["responses"] = {**self._successes(), **self._refusals()}
        return operation

    def path(self) -> str:
        """The Path Item that it belongs to."""
        return _path(self._binding.template)

    def _scope_text(self) -> str:
        if self._scope is None:
            return ""
        return "Needs no credentials." if self._scope == PUBLIC else f"Needs the scope `{self._scope}`."

    def _path_parameters(self) -> list[Schema]:
        parameters: list[Schema] = []
        for variable in self._binding.template.variables:
            field: Any = None
            parent = self._method.input_type
            for step in variable.path:
                field = parent.fields_by_name[step]
                parent = field.message_type
            schema = not_null(self._schemas.field(field, sent=True))
            described = _described(schema)
            for name in _names(self._binding.template, variable):
                inner = {"type": "string", "minLength": 1} if variable.multi else _filled(schema)
                parameters.append({"name": name, "in": "path", "required": True, **described, "schema": inner})
        return parameters

    def _query_parameters(self) -> list[Schema]:
        parameters: list[Schema] = []
        for path, field in self._binding.query.leaves():
            schema = not_null(self._schemas.field(field, sent=True))
            described = _described(schema)
            if len(path) == 1 and is_required(field):
                described["required"] = True
            if field.type != FieldDescriptor.TYPE_STRING:
                described["allowEmptyValue"] = True  # the same as leaving it out
            parameters.append({"name": ".".join(path), "in": "query", **described, "schema": schema})
        return parameters

    def _header_parameters(self) -> list[Schema]:
        names = [
            *(["IfMatch"] if self._binding.conditional else []),
            *(["IfNoneMatch"] if self._binding.reads else []),
            *(["IdempotencyKey"] if not self._reads and self._scope != PUBLIC else []),
        ]
        return [_ref("parameters", name) for name in names]

    def _request_body(self) -> Schema:
        if self._binding.raw_body:
            return {"required": True, "content": {BYTES: {"schema": _BINARY}}}
        request = self._method.input_type
        if self._rule.body == "*":
            bound = {variable.path[0] for variable in self._binding.template.variables if len(variable.path) == 1}
            schema = self._schemas.body(request, without=bound)
            optional = self._schemas.is_optional(schema)
        else:
            field = request.fields_by_name[self._rule.body]
            schema = not_null(self._schemas.field(field, sent=True))
            optional = not is_required(field)
        required = {} if optional else {"required": True}
        content = {"application/json": {"schema": schema}}
        if self._rule.form:
            content[FORM] = {"schema": self._form()}
        return {**required, "content": content}

    def _form(self) -> Schema:
        """A form has no null: what is not set is left out."""
        fields = self._method.input_type.fields
        return {
            "type": "object",
            "properties": {field.name: not_null(self._schemas.field(field, sent=True)) for field in fields},
            "required": [field.name for field in fields if is_required(field)],
            "additionalProperties": False,
        }

    def _successes(self) -> Schema:
        headers = {"X-Request-Id": _ref("headers", "RequestId")}
        if self._scope != PUBLIC:
            headers |= RATE_HEADERS
        if self._binding.tagged or self._binding.reads:
            headers["ETag"] = _ref("headers", "ETag")
        if self._binding.reads:
            unchanged = {"304": {"description": "The known version is the present one.", "headers": headers}}
        else:
            unchanged = {}
        if not self._reads and self._scope != PUBLIC:
            headers["Idempotency-Replayed"] = _ref("headers", "IdempotencyReplayed")
        if self._binding.empty:
            return {"204": {"description": "Done.", "headers": headers}}
        return {"200": {"description": self._answer_text(), "headers": headers, "content": self._answer()}, **unchanged}

    def _answer_text(self) -> str:
        text = self._comments.get(self._method.output_type.full_name, "").partition("\n\n")[0]
        return text or "Done."

    def _answer(self) -> Schema:
        response = self._method.output_type
        if self._rule.response_body:
            field = response.fields_by_name[self._rule.response_body]
            schema = not_null(self._schemas.field(field, sent=False))
            schema.pop("readOnly", None)
        else:
            schema = self._schemas.message(response, sent=False)
        if schema.get("contentEncoding") == "binary":
            return {BYTES: {"schema": _BINARY}}
        if self._method.server_streaming:
            return {EVENTS: {"schema": schema}, LINES: {"schema": schema}}
        return {"application/json": {"schema": schema}}

    def _refusals(self) -> Schema:
        refused = {"404": "NotFound", "409": "Conflict", "422": "Invalid", "429": "TooManyRequests"}
        if self._scope != PUBLIC:
            refused |= {"401": "Unauthenticated", "403": "Forbidden"}
        if self._binding.conditional:
            refused["412"] = "Stale"
        if self._rule.http_method not in _READS:
            refused |= {"413": "TooLarge", "415": "UnsupportedMediaType"}
        ordered = {status: _ref("responses", refused[status]) for status in sorted(refused)}
        return {**ordered, "5XX": _ref("responses", "ServerError"), "default": _ref("responses", "Error")}


def _ref(section: str, name: str) -> Schema:
    return {"$ref": f"#/components/{section}/{name}"}


def _described(schema: Schema) -> Schema:
    """The description and the deprecation of a field, taken out of its schema: they are the parameter's."""
    return {key: schema.pop(key) for key in ("description", "deprecated") if key in schema}


def _filled(schema: Schema) -> Schema:
    """A segment of a path is never empty."""
    return {"minLength": 1, **schema} if schema.get("type") == "string" and "enum" not in schema else schema


def _path(template: Template) -> str:
    parts: list[str] = []
    wildcards = {
        index: name for variable in template.variables for index, name in _named_wildcards(template, variable).items()
    }
    for index, segment in enumerate(template.segments):
        parts.append("{" + wildcards.get(index, f"segment_{index}") + "}" if isinstance(segment, Wildcard) else segment)
    return "/" + "/".join(parts) + (f":{template.verb}" if template.verb else "")


def _names(template: Template, variable: Variable) -> list[str]:
    return list(_named_wildcards(template, variable).values())


def _named_wildcards(template: Template, variable: Variable) -> dict[int, str]:
    """``{name=messages/*}`` is one parameter ``name``; of several wildcards each is one: ``name_1``, ``name_2``."""
    stop = len(template.segments) if variable.stop is None else variable.stop
    places = [i for i in range(variable.start, stop) if isinstance(template.segments[i], Wildcard)]
    name = ".".join(variable.path)
    return {place: name if len(places) == 1 else f"{name}_{n}" for n, place in enumerate(places, 1)}
