"""The FastAPI app around the transcoder: health, schema, documentation, and one error body for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.telemetry import TelemetryConfig
from google.protobuf.descriptor import ServiceDescriptor
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from gateway.codec import Codec
from gateway.dispatch import Dispatch
from gateway.docs_page import docs_page
from gateway.errors import HttpProblem
from gateway.headers import RequestHeaders
from gateway.openapi import build_openapi
from gateway.scalars import Extension
from gateway.transcoder import Transcoder, compile_bindings, route_table

# FastAPI asks three global OpenTelemetry providers before each request: a tenth of a call through the gateway.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
_WORDS = {404: "not_found", 405: "method_not_allowed"}


class GatewayApp(FastAPI):
    """A FastAPI app whose schema is the transcoder's, and whose outermost middleware the transcoder is.

    FastAPI would put its own ones around it, for errors and sizes that the transcoder answers for itself.
    """

    def __init__(
        self, title: str, version: str, transcoder: Callable[[ASGIApp], ASGIApp], document: Callable[[], dict[str, Any]]
    ) -> None:
        super().__init__(title=title, version=version, docs_url=None, redoc_url=None, telemetry=_NO_TELEMETRY)
        self._transcoder = transcoder
        self._document = document

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's stack behind the transcoder."""
        return self._transcoder(super().build_middleware_stack())

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
    rest_name_extension: Extension | None = None,
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
        rest_name_extension: the extension of EnumValueOptions that holds a value's REST word.
        ready: whether ``/healthz`` answers 200 (else 503).
        prefix: under which an unknown path is the transcoder's 404.

    Raises:
        RuleError, TemplateError, RouteConflictError: rules that cannot be served.
    """
    codec = Codec(rest_name_extension)
    bindings = compile_bindings(services, codec)
    routes = route_table(bindings)
    transcoder = partial(Transcoder, routes=routes, dispatch=dispatch, prefix=prefix)

    @cache  # built when somebody asks for it: it takes longer than all the rest
    def document() -> dict[str, Any]:
        return build_openapi(bindings, codec, descriptor_set=descriptor_set, title=title, version=version)

    app = GatewayApp(title, version, transcoder, document)
    app.add_exception_handler(HTTPException, _refused)
    page = docs_page(title, "/openapi.json")

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        if await ready():
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable"}, status_code=503)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page)

    return app


async def _refused(request: Request, fault: Exception) -> Response:
    """The error body for what FastAPI itself refuses."""
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    message = str(fault.detail) if isinstance(fault, HTTPException) else "Internal error."
    request_id = RequestHeaders(request.scope["headers"]).request_id
    problem = HttpProblem(status=status, code=_WORDS.get(status, "http_error"), message=message)
    headers = {"x-request-id": request_id, **(getattr(fault, "headers", None) or {})}
    return Response(problem.body(request_id), status_code=status, headers=headers, media_type="application/json")
