"""Who calls, and whether they may: API keys and the scope that each method declares.

A method's scope is its ``required_scope`` option in the proto, so that it is documented and enforced in one place, over
gRPC and REST alike. Keys are read from the database at every call: a revoked one is refused at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from automation_engine.errors import PermissionDenied, Unauthenticated
from automation_engine.servicers import caller
from automation_engine.servicers.caller import Caller, Scope
from automation_engine.servicers.calls import Call, CallInterceptor
from automation_engine.store import keys
from automation_engine.store.database import Database
from automation_engine.v1 import annotations_pb2

_BEARER = "bearer "
_SCOPES: Mapping[int, Scope | None] = {
    annotations_pb2.SCOPE_PUBLIC: None,
    annotations_pb2.SCOPE_SEARCH: Scope.SEARCH,
    annotations_pb2.SCOPE_READ: Scope.READ,
    annotations_pb2.SCOPE_WRITE: Scope.WRITE,
    annotations_pb2.SCOPE_ADMIN: Scope.ADMIN,
}


def required_scopes(services: Iterable[ServiceDescriptor]) -> dict[str, Scope | None]:
    """Return the scope of every method by ``/package.Service/Method``; None for a public one.

    Raises ``ValueError`` for a method that declares none, or that streams requests.
    """
    return {
        f"/{service.full_name}/{method.name}": _required_scope(method)
        for service in services
        for method in service.methods
    }


def _required_scope(method: MethodDescriptor) -> Scope | None:
    options: Any = method.GetOptions()  # the stubs know no extension of another file
    declared = options.Extensions[annotations_pb2.required_scope]
    if declared not in _SCOPES:
        raise ValueError(f"{method.full_name}: declares no required_scope, so nobody may call it")
    if method.client_streaming:
        raise ValueError(f"{method.full_name}: streams requests, which the interceptors can't check")
    return _SCOPES[declared]


class Authentication(CallInterceptor):
    """Lets known callers with the method's scope in. Methods of other services don't exist."""

    def __init__(self, database: Database, services: Iterable[ServiceDescriptor]) -> None:
        self._database = database
        self._scopes = required_scopes(services)

    def admits(self, call: Call) -> bool:
        """Whether the scope of the method is known."""
        return call.method in self._scopes

    @asynccontextmanager
    async def around(self, call: Call, request: Any, context: Any) -> AsyncIterator[None]:  # noqa: ARG002 - the call tells
        """Enter the caller. Raises ``Unauthenticated`` and ``PermissionDenied``."""
        required = self._scopes[call.method]
        caller.enter(None if required is None else await self._authorised(call, required))
        yield

    async def _authorised(self, call: Call, required: Scope) -> Caller:
        known = await self._authenticated(presented_key(call.metadata))
        if known.scope < required:
            needed, held = required.name.lower(), known.scope.name.lower()
            raise PermissionDenied(
                f"this call needs the scope {needed}; the key {known.key_id} holds {held}",
                details={"required_scope": needed, "scope": held},
            )
        return known

    async def _authenticated(self, key: str) -> Caller:
        async with self._database.reading() as session:
            row = await keys.authenticate(session, key, self._database.clock.now())
        if row is None:
            raise Unauthenticated("the API key is unknown, expired or revoked")
        return Caller(owner=row.owner, key_id=row.key_id, scope=max(Scope[word.upper()] for word in row.scopes))


def presented_key(metadata: Mapping[str, str | bytes]) -> str:
    """Return the key that a call presents: ``x-api-key``, else ``authorization: Bearer``.

    Raises ``Unauthenticated`` when there is none.
    """
    key = metadata.get("x-api-key")
    if isinstance(key, str):
        return key.strip()
    bearer = metadata.get("authorization")
    if isinstance(bearer, str) and bearer.lower().startswith(_BEARER):
        return bearer[len(_BEARER) :].strip()
    raise Unauthenticated("this call needs an API key: send it as X-API-Key or as Authorization: Bearer")
