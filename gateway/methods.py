"""RPC methods and their HTTP rules, read from descriptors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.scalars import Extension

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2; "*" alone is any method
_KINDS = ("get", "put", "post", "delete", "patch")


class RuleError(ValueError):
    """An HTTP rule that contradicts its message or http.proto; the message names the method and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One RPC. ``path`` is ``/package.Service/Method``; the classes are those of the generated stubs."""

    path: str
    descriptor: MethodDescriptor
    request_class: type[Any]
    response_class: type[Any]

    @classmethod
    def of(cls, descriptor: MethodDescriptor) -> Method:
        """The method of a descriptor."""
        return cls(
            path=f"/{descriptor.containing_service.full_name}/{descriptor.name}",
            descriptor=descriptor,
            request_class=GetMessageClass(descriptor.input_type),
            response_class=GetMessageClass(descriptor.output_type),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One HTTP binding of a method. ``body`` is ``*``, a field or empty; ``index`` counts the additional ones.

    ``form``: the body may be a form, too.
    """

    method: Method
    http_method: str
    template: str
    body: str
    response_body: str
    index: int
    form: bool = False


def rules_of(service: ServiceDescriptor, form_extension: Extension | None = None) -> Iterator[Rule]:
    """All HTTP bindings of a service, in the order of its file. Methods without ``google.api.http`` have none.

    ``form_extension`` is the extension of MethodOptions that says whether a method takes forms.

    Raises:
        RuleError: a rule without a pattern, additional bindings within additional bindings, or a client stream.
    """
    for descriptor in service.methods:
        options = descriptor.GetOptions()
        if not options.HasExtension(annotations_pb2.http):
            continue
        if descriptor.client_streaming:
            raise RuleError(f"{descriptor.full_name}: a client stream has no HTTP mapping")
        method = Method.of(descriptor)
        first = options.Extensions[annotations_pb2.http]
        form = form_extension is not None and bool(options.Extensions[cast("Any", form_extension)])
        for index, rule in enumerate([first, *first.additional_bindings]):
            yield _rule(method, rule, index, form=form)


def _rule(method: Method, rule: Any, index: int, *, form: bool) -> Rule:
    pattern = rule.WhichOneof("pattern")
    if index and rule.additional_bindings:
        raise RuleError(f"{method.descriptor.full_name}: additional_bindings must not be nested")
    if pattern is None:
        raise RuleError(f"{method.descriptor.full_name}: the HTTP rule has no pattern")
    if form and rule.body != "*":
        raise RuleError(f"{method.descriptor.full_name}: a form is a body of all fields: it needs body: '*'")
    custom = pattern not in _KINDS
    if custom and not _TOKEN.fullmatch(rule.custom.kind):
        raise RuleError(f"{method.descriptor.full_name}: the custom kind {rule.custom.kind!r} is no HTTP method")
    return Rule(
        method=method,
        http_method=rule.custom.kind.upper() if custom else pattern.upper(),
        template=rule.custom.path if custom else getattr(rule, pattern),
        body=rule.body,
        response_body=rule.response_body,
        index=index,
        form=form,
    )
