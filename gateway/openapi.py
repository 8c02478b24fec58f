"""OpenAPI 3.1 of the routes: what the descriptors, their comments and their options say, and nothing written twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from gateway.binding import Binding
from gateway.codec import Codec
from gateway.comments import read_comments
from gateway.components import ERRORS, HEADERS, PARAMETERS, REQUIRED, SECURITY, refusals
from gateway.operation import Operation
from gateway.scalars import Extension
from gateway.schemas import Schemas

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_DESCRIPTION = """\
Every answer carries `X-Request-Id`: the one that the request came with, or a new one. `X-Request-Timeout`, in seconds,
sets a request's deadline. In a request, names may be in snake_case or lowerCamelCase, and null is the same as leaving a
field out; what only answers have is ignored. Fields that are unknown are refused."""


def build_openapi(
    bindings: Sequence[Binding],
    codec: Codec,
    *,
    descriptor_set: bytes,
    title: str,
    version: str,
    license_id: str = "",
    scope_extension: Extension | None = None,
    bearer_extension: Extension | None = None,
) -> dict[str, Any]:
    """The document. A rule of a method that OpenAPI does not know (``*`` or one of its own) is left out.

    Args:
        bindings: the routes.
        codec: what names the words of enums.
        descriptor_set: a serialised FileDescriptorSet with source info, for the texts.
        title: of the API.
        version: of the API.
        license_id: SPDX expression of the API's licence; empty for none.
        scope_extension: the extension of MethodOptions whose enum says what a caller may have to hold; its word
            ``public`` needs no credentials.
        bearer_extension: the extension of MethodOptions that names the query parameter that takes their place.
    """
    comments = read_comments(descriptor_set)
    known = [binding for binding in bindings if binding.rule.http_method.lower() in _METHODS]
    schemas = Schemas(codec, comments, chain.from_iterable(map(_answered, known)))
    names = Counter(method.name for method in {binding.method.descriptor for binding in known})
    paths: dict[str, dict[str, Any]] = {}
    schemes = dict(SECURITY)
    for binding in known:
        method, index = binding.method.descriptor, binding.rule.index
        tag = _tag(method)
        operation_id = method.name if names[method.name] == 1 else f"{tag}_{method.name}"
        bearer = _option(method, bearer_extension) or ""
        if bearer:
            schemes[bearer] = {"type": "apiKey", "in": "query", "name": bearer, "description": "For this call alone."}
        scope = _scope(method, codec, scope_extension)
        operation = Operation(binding, schemas, comments, scope=scope, bearer=bearer)
        item = paths.setdefault(operation.path(), {})
        item[binding.rule.http_method.lower()] = operation.document(
            f"{operation_id}_{index}" if index else operation_id, tag
        )
    tags = {_tag(binding.method.descriptor): binding.method.descriptor.containing_service for binding in known}
    info: dict[str, Any] = {"title": title, "version": version, "description": _DESCRIPTION}
    if license_id:
        info["license"] = {"name": license_id, "identifier": license_id}
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name, "description": comments.get(of.full_name, "")} for name, of in tags.items()],
        "paths": paths,
        "components": {
            "schemas": {**dict(sorted(schemas.components.items())), **ERRORS},
            "responses": refusals(),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": schemes,
        },
        "security": REQUIRED,
    }


def _answered(binding: Binding) -> Iterator[Descriptor]:
    """The message that the answers of a binding show, if it is one."""
    response = binding.method.descriptor.output_type
    shown_by = binding.rule.response_body
    shown = response.fields_by_name[shown_by].message_type if shown_by else response
    if shown is not None:
        yield shown


def _tag(method: MethodDescriptor) -> str:
    name: str = method.containing_service.name
    return name.removesuffix("Service") or name


def _scope(method: MethodDescriptor, codec: Codec, extension: Extension | None) -> str | None:
    number = _option(method, extension)
    if extension is None or extension.enum_type is None or number is None:
        return None
    word = codec.words(extension.enum_type).word(number)
    return None if word is None else str(word)


def _option(method: MethodDescriptor, extension: Extension | None) -> Any:
    """What a method's option holds; None without one."""
    options: Any = method.GetOptions()
    return options.Extensions[extension] if extension is not None and options.HasExtension(extension) else None
