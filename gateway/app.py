"""The FastAPI app around the transcoder: health, schema, documentation, and one error body for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from google.protobuf.descriptor import ServiceDescriptor
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.codec import Codec, write_json
from gateway.dispatch import Dispatch
from gateway.docs_page import docs_page
from gateway.errors import HttpProblem
from gateway.etags import is_known, tag
from gateway.headers import RequestHeaders
from gateway.openapi import build_openapi
from gateway.scalars import Extension
from gateway.transcoder import Transcoder, compile_bindings, route_table

# FastAPI asks three global OpenTelemetry providers before each request: a tenth of a call through the gateway.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
_WORDS = {404: "not_found", 405: "method_not_allowed"}
_PAGE_HEADERS = {
    # The page holds all that it needs but the document: a browser need not reach anything else, and must not.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


class GatewayApp(FastAPI):
    """A FastAPI app behind the transcoder, whose schema is the transcoder's.

    FastAPI's own middleware, for errors and sizes, would cost what the transcoder answers for itself.
    """

    def __init__(
        self, title: str, version: str, transcoder: Callable[[ASGIApp], ASGIApp], document: Callable[[], dict[str, Any]]
    ) -> None:
        super().__init__(title=title, version=version, openapi_url=None, telemetry=_NO_TELEMETRY)
        self._transcoder = transcoder(super().__call__)
        self._document = document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._transcoder(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The document built from the descriptors."""
        return self._document()


def create_app(
    services: Sequence[ServiceDescriptor],
    dispatch: Dispatch,
    *,
    descriptor_set: bytes,
    title: str,
    version: str,
    license_id: str = "",
    rest_name_extension: Extension | None = None,
    scope_extension: Extension | None = None,
    bearer_extension: Extension | None = None,
    form_extension: Extension | None = None,
    ready: Callable[[], Awaitable[bool]],
    prefix: str = "/api/",
) -> FastAPI:
    """The gateway as an ASGI app.

    Args:
        services: whose ``google.api.http`` rules are served.
        dispatch: how their RPCs are performed.
        descriptor_set: a serialised FileDescriptorSet with source info, for the schema's texts.
        title: of the schema and the documentation page.
        version: of the API.
        license_id: SPDX expression of the API's licence, for the schema; empty for none.
        rest_name_extension: the extension of EnumValueOptions that holds a value's REST word.
        scope_extension: the extension of MethodOptions with the scope that a caller must hold, for the schema.
        bearer_extension: the extension of MethodOptions that names the field of a request that takes the place of
            credentials, for the schema.
        form_extension: the extension of MethodOptions that says whether a method's body may be a form.
        ready: whether ``/healthz`` answers 200 (else 503).
        prefix: under which an unknown path is the transcoder's 404.

    Raises:
        RuleError, TemplateError, RouteConflictError: rules that cannot be served.
    """
    codec = Codec(rest_name_extension)
    bindings = compile_bindings(services, codec, form_extension)
    routes = route_table(bindings)
    transcoder = partial(Transcoder, routes=routes, dispatch=dispatch, prefix=prefix)

    @cache  # built when somebody asks for it: it takes longer than all the rest
    def document() -> dict[str, Any]:
        return build_openapi(
            bindings,
            codec,
            descriptor_set=descriptor_set,
            title=title,
            version=version,
            license_id=license_id,
            scope_extension=scope_extension,
            bearer_extension=bearer_extension,
        )

    @cache
    def document_text() -> bytes:
        return write_json(document())

    app = GatewayApp(title, version, transcoder, document)
    app.add_exception_handler(HTTPException, _refused)
    page = docs_page(title, "/openapi.json").encode()

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        if await ready():
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable"}, status_code=503)

    @app.get("/openapi.json", include_in_schema=False)
    async def schema(request: Request) -> Response:
        return _unless_known(request.headers, document_text(), "application/json", {})

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return _unless_known(request.headers, page, "text/html; charset=utf-8", _PAGE_HEADERS)

    return app


def _unless_known(given: Headers, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """What does not change while the process runs: 304 for a client that has it."""
    etag = tag(body)
    headers = {**headers, "etag": etag.decode(), "cache-control": "no-cache"}
    if is_known(given.get("if-none-match", "").encode("latin-1"), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


async def _refused(request: Request, fault: Exception) -> Response:
    """The error body for what FastAPI itself refuses."""
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    message = str(fault.detail) if isinstance(fault, HTTPException) else "Internal error."
    request_id = RequestHeaders(request.scope["headers"]).request_id
    problem = HttpProblem(status=status, code=_WORDS.get(status, "http_error"), message=message)
    headers = {"x-request-id": request_id, **(getattr(fault, "headers", None) or {})}
    return Response(problem.body(request_id), status_code=status, headers=headers, media_type="application/json")
