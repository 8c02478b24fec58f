"""OpenAPI 3.1 of the routes: what the descriptors, their comments and their options say, and nothing written twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.binding import Binding
from gateway.codec import Codec
from gateway.comments import read_comments
from gateway.schemas import Schema, Schemas, not_null
from gateway.templates import Template, Variable, Wildcard

ERROR: Schema = {
    "type": "object",
    "description": "The body of every answer that is an error.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "For programs; it never changes."},
                "message": {"type": "string", "description": "For people: what was wrong, where, what is right."},
                "details": {
                    "type": "object",
                    "properties": {
                        "violations": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                                "required": ["field", "message"],
                            },
                        }
                    },
                    "additionalProperties": True,
                },
                "request_id": {"type": "string", "description": "The request's x-request-id."},
                "timestamp": {"type": "string", "format": "date-time"},
            },
            "required": ["code", "message", "details", "request_id", "timestamp"],
        }
    },
    "required": ["error"],
}
_SECURITY: Schema = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` of the version to change, or `*`: if there is one. The same as the parameter `etag`.",
    "schema": {"type": "string", "pattern": r'^(\*|"[!#-~]*")$'},
}
_ETAG: Schema = {"description": "The version of what is shown, for `If-Match`.", "schema": {"type": "string"}}
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def build_openapi(
    bindings: Iterable[Binding], codec: Codec, *, descriptor_set: bytes, title: str, version: str
) -> dict[str, Any]:
    """The document. A rule of a method that OpenAPI does not know (``*`` or one of its own) is left out."""
    comments = read_comments(descriptor_set)
    schemas = Schemas(codec, comments)
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}
    for binding in bindings:
        http_method = binding.rule.http_method.lower()
        if http_method in _METHODS:
            service = binding.method.descriptor.containing_service
            tags[service.name] = comments.get(service.full_name, "")
            operation = _Operation(binding, schemas, comments).document()
            paths.setdefault(_path(binding.template), {})[http_method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "tags": [{"name": name, "description": text} for name, text in tags.items()],
        "paths": paths,
        "components": {
            "schemas": {**dict(sorted(schemas.components.items())), "Error": ERROR},
            "responses": {
                "Error": {"description": "An error.", "content": _json(_ref("Error"))},
                "Stale": {
                    "description": "Another version is saved than `If-Match` names.",
                    "content": _json(_ref("Error")),
                },
            },
            "securitySchemes": _SECURITY,
        },
        "security": [{"ApiKey": []}, {"Bearer": []}],
    }


class _Operation:
    def __init__(self, binding: Binding, schemas: Schemas, comments: dict[str, str]) -> None:
        self._binding = binding
        self._rule = binding.rule
        self._method = binding.method.descriptor
        self._schemas = schemas
        self._comments = comments

    def document(self) -> dict[str, Any]:
        service = self._method.containing_service.name
        suffix = f"_{self._rule.index}" if self._rule.index else ""
        operation: dict[str, Any] = {"operationId": f"{service}_{self._method.name}{suffix}", "tags": [service]}
        if text := self._comments.get(self._method.full_name):
            operation |= {"summary": text.partition("\n")[0].partition(". ")[0].rstrip("."), "description": text}
        if self._method.GetOptions().deprecated:
            operation["deprecated"] = True
        if parameters := [*self._path_parameters(), *self._query_parameters(), *self._header_parameters()]:
            operation["parameters"] = parameters
        if self._rule.body:
            operation["requestBody"] = {"required": True, "content": self._body()}
        operation["responses"] = {**self._success(), **self._stale(), "default": _ref("Error", "responses")}
        return operation

    def _path_parameters(self) -> list[Schema]:
        parameters: list[Schema] = []
        for variable in self._binding.template.variables:
            field: Any = None
            parent = self._method.input_type
            for step in variable.path:
                field = parent.fields_by_name[step]
                parent = field.message_type
            schema = not_null(self._schemas.field(field))
            description = schema.pop("description", "")
            for name in _names(self._binding.template, variable):
                parameter = {"name": name, "in": "path", "required": True, "description": description}
                parameters.append({**parameter, "schema": {"type": "string"} if variable.multi else schema})
        return parameters

    def _query_parameters(self) -> list[Schema]:
        return [
            {"name": ".".join(path), "in": "query", "description": schema.pop("description", ""), "schema": schema}
            for path, field in self._binding.query.leaves()
            for schema in [not_null(self._schemas.field(field))]
        ]

    def _header_parameters(self) -> list[Schema]:
        return [_IF_MATCH] if self._binding.conditional else []

    def _stale(self) -> Schema:
        return {"412": _ref("Stale", "responses")} if self._binding.conditional else {}

    def _body(self) -> Schema:
        request = self._method.input_type
        if self._binding.raw_body:
            return {"application/octet-stream": {"schema": {}}}
        if self._rule.body != "*":
            schema = self._schemas.field(request.fields_by_name[self._rule.body])
            return _json(not_null(schema))
        bound = {variable.path[0] for variable in self._binding.template.variables if len(variable.path) == 1}
        if not bound:
            return _json(self._schemas.message(request))
        return _json(self._schemas.properties(request, without=bound))

    def _success(self) -> Schema:
        response = self._method.output_type
        if self._binding.empty:
            return {"204": {"description": "Done."}}
        if self._rule.response_body:
            schema = self._schemas.field(response.fields_by_name[self._rule.response_body])
            schema = not_null(schema)
        else:
            schema = self._schemas.message(response)
        raw = schema.get("contentEncoding") == "binary"
        content = {"application/octet-stream": {"schema": {}}} if raw else _json(schema)
        headers = {"headers": {"ETag": _ETAG}} if self._binding.tagged else {}
        return {"200": {"description": "OK.", **headers, "content": content}}


def _ref(name: str, section: str = "schemas") -> Schema:
    return {"$ref": f"#/components/{section}/{name}"}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


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
