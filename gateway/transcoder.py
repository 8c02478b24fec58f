"""The transcoder: ASGI middleware that answers HTTP requests by RPCs, and passes on what is not its own."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

from google.protobuf.descriptor import ServiceDescriptor
from google.rpc import code_pb2, status_pb2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.binding import JSON, Binding
from gateway.codec import Codec
from gateway.dispatch import Dispatch
from gateway.errors import HttpProblem, InvalidFields, RpcFailure, invalid, problem_of
from gateway.etags import tag
from gateway.forms import form_parameters
from gateway.headers import RequestHeaders, returned
from gateway.interruption import ClientGoneError, DisconnectWatch
from gateway.media_types import FORM, check_encoding, check_json, essence
from gateway.methods import rules_of
from gateway.routes import Match, Miss, Routes
from gateway.scalars import Extension
from gateway.streaming import BrokenOffError, StreamedAnswer

DEFAULT_DEADLINE = 30.0
"""Seconds, when the client names no deadline."""

MAX_BODY = 1024 * 1024
"""Bytes of a request's body."""

_RECENT, _SHORT = 1024, 2048
"""How many answers are remembered, and up to how many bytes of message: some MiB of JSON at most."""

_REVALIDATE = (b"cache-control", b"private, no-cache")  # a key in X-API-Key alone would not keep shared caches off
_BODILESS = frozenset({204, 304})
_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What is sent: status, body, headers beyond content type, length and request id."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Transcoder:
    """Serves every HTTP rule of the given services.

    Under ``prefix`` every request is its own: an unknown path there is 404 with the error body. Elsewhere only its
    routes are; all the rest goes to ``app``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Routes[Binding],
        dispatch: Dispatch,
        prefix: str = "/api/",
        max_body: int = MAX_BODY,
        default_deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        self._app = app
        self._dispatch = dispatch
        self._prefix = prefix.encode()
        self._max_body = max_body
        self._default_deadline = default_deadline
        self._routes = routes
        self._recent: dict[tuple[Binding, bytes], tuple[bytes, bytes, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        found = self._routes.match(scope["method"], raw_path)
        if isinstance(found, Miss) and not found.allowed and not raw_path.startswith(self._prefix):
            return await self._app(scope, receive, send)
        headers = RequestHeaders(scope["headers"])
        try:
            if isinstance(found, Match) and found.target.streams:
                return await self._stream(found, headers, scope, receive, send)
            answer = await self._answer(found, headers, scope, receive)
        except BrokenOffError:
            raise
        except HttpProblem as problem:
            answer = _refused(problem, headers.request_id)
        except ClientGoneError:
            answer = _refused(_problem(code_pb2.CANCELLED, "The client went away."), headers.request_id)
        except Exception:  # noqa: BLE001 - the last resort: an error body, whatever happened
            _log.exception("request %s failed", headers.request_id)
            answer = _refused(_problem(code_pb2.INTERNAL, ""), headers.request_id)
        return await _send(answer, headers.request_id, send, head=scope["method"] == "HEAD")

    async def _answer(
        self, found: Match[Binding] | Miss, headers: RequestHeaders, scope: Scope, receive: Receive
    ) -> Answer:
        if isinstance(found, Miss):
            return _missed(found, scope["method"])
        binding = found.target
        metadata, timeout = headers.metadata(scope), headers.deadline(self._default_deadline)
        wanted = headers.if_match if binding.conditional else None
        try:
            body, sent_type = await self._body(binding, headers, receive)
            request = binding.request(found.segments, scope["query_string"], body, sent_type, wanted)
            with DisconnectWatch(receive):
                response, trailer = await self._dispatch.unary(binding.method, request, metadata, timeout)
        except InvalidFields as fault:
            raise invalid(fault) from None
        except RpcFailure as failure:
            raise _told(failure, binding.rule.body) from None
        status, extra = returned(trailer) if trailer else (200, [])
        if binding.empty:
            return Answer(status=204, body=b"", headers=tuple(extra))
        content, content_type, etag = self._represented(binding, response)
        own = dict(extra)
        if b"etag" in own:
            etag = own[b"etag"]
        elif etag is not None:
            extra.append((b"etag", etag))
        if binding.reads and b"cache-control" not in own:
            extra.append(_REVALIDATE)
        if binding.reads and status == 200 and etag is not None and headers.knows(etag):
            return Answer(status=304, body=b"", headers=tuple(extra))
        return Answer(status=status, body=content, content_type=content_type, headers=tuple(extra))

    def _represented(self, binding: Binding, message: Any) -> tuple[bytes, bytes, bytes | None]:
        """Content, its type and the entity tag.

        Who polls is answered with the same message again and again: short ones are remembered as they were written.
        """
        if not binding.reads:
            return *binding.response(message), binding.etag(message)
        key = binding, message.SerializeToString()
        if (known := self._recent.get(key)) is None:
            content, content_type = binding.response(message)
            known = content, content_type, tag(content, binding.etag(message))
            if len(key[1]) <= _SHORT:
                if len(self._recent) == _RECENT:
                    del self._recent[next(iter(self._recent))]
                self._recent[key] = known
        return known

    async def _stream(
        self, found: Match[Binding], headers: RequestHeaders, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer with a stream, however long it takes: only the client's own deadline ends it."""
        binding, metadata = found.target, headers.metadata(scope)
        deadline = headers.deadline(math.inf)
        answer, head = StreamedAnswer(binding, headers), scope["method"] == "HEAD"
        try:
            body, sent_type = await self._body(binding, headers, receive)
            request = binding.request(found.segments, scope["query_string"], body, sent_type)
            timeout = None if math.isinf(deadline) else deadline
            with DisconnectWatch(receive):
                async with self._dispatch.stream(binding.method, request, metadata, timeout) as stream:
                    await answer.send(stream, send, head=head)
        except InvalidFields as fault:
            raise invalid(fault) from None
        except RpcFailure as failure:
            raise _told(failure, binding.rule.body) from None
        except ClientGoneError:
            _log.info("request %s: the client went away during the answer", headers.request_id)

    async def _body(self, binding: Binding, headers: RequestHeaders, receive: Receive) -> tuple[bytes, str]:
        """The body and its type; of a form its parameters."""
        body = await self._received(headers, receive) if headers.length else b""
        sent_type = _check_type(binding, headers) if body else ""
        if body and binding.rule.form and essence(sent_type) == FORM:
            body = await form_parameters(sent_type, body)
        return body, sent_type

    async def _received(self, headers: RequestHeaders, receive: Receive) -> bytes:
        if headers.length > self._max_body:
            raise self._too_large()
        chunks, size = [], 0
        while True:
            message: Message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk: bytes = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_body:
                raise self._too_large()
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self) -> HttpProblem:
        text = f"The body is larger than {self._max_body} bytes."
        return HttpProblem(status=413, code="payload_too_large", message=text, details={"max_bytes": self._max_body})


def compile_bindings(
    services: Iterable[ServiceDescriptor], codec: Codec, form_extension: Extension | None = None
) -> list[Binding]:
    """All HTTP rules of the services, compiled. Raises RuleError or TemplateError for one that cannot be served."""
    return [Binding(rule, codec) for service in services for rule in rules_of(service, form_extension)]


def route_table(bindings: Iterable[Binding]) -> Routes[Binding]:
    """The table of the bindings' routes. Raises RouteConflictError for two that match the same requests."""
    routes: Routes[Binding] = Routes()
    for binding in bindings:
        name = binding.method.descriptor.full_name
        routes.add(binding.rule.http_method, binding.template, binding, name=name)
    return routes


def _missed(miss: Miss, http_method: str) -> Answer:
    if not miss.allowed:
        raise HttpProblem(status=404, code="not_found", message="No such route.")
    allow = ", ".join([*miss.allowed, "OPTIONS"])
    header = ((b"allow", allow.encode()),)
    if http_method == "OPTIONS":
        return Answer(status=204, body=b"", headers=header)
    raise HttpProblem(
        status=405,
        code="method_not_allowed",
        message=f"This path takes {allow}; got {http_method}.",
        details={"allowed": list(miss.allowed)},
        headers=header,
    )


def _check_type(binding: Binding, headers: RequestHeaders) -> str:
    content_type = headers.content_type
    check_encoding(headers.content_encoding)
    if content_type and not binding.raw_body and not (binding.rule.form and essence(content_type) == FORM):
        check_json(content_type, or_form=binding.rule.form)
    return content_type


def _told(failure: RpcFailure, body: str) -> HttpProblem:
    """The problem, with the headers that the failure's metadata stand for beside its own."""
    problem = problem_of(failure, body=body)
    own = dict(problem.headers)
    problem.headers += tuple(header for header in returned(failure.metadata)[1] if header[0] not in own)
    return problem


def _problem(code: int, message: str) -> HttpProblem:
    return problem_of(RpcFailure(status_pb2.Status(code=code, message=message)))


def _refused(problem: HttpProblem, request_id: str) -> Answer:
    return Answer(status=problem.status, body=problem.body(request_id), headers=problem.headers)


async def _send(answer: Answer, request_id: str, send: Send, *, head: bool) -> None:
    headers: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode()), *answer.headers]
    if answer.status not in _BODILESS:
        headers += [(b"content-type", answer.content_type), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
