"""Who calls, and whether they may: API keys, JWTs, the scope that each method declares, and how often.

A method's scope is its ``required_scope`` option in the proto, so that it is documented and enforced in one place, over
gRPC and REST alike. Keys are read from the database at every call: a revoked one is refused at once. Credentials that
are known are let in however many unknown ones came from the same address: a proxy's users share its address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from automation_engine.errors import PermissionDenied, Unauthenticated
from automation_engine.servicers import caller
from automation_engine.servicers.caller import Caller, Scope
from automation_engine.servicers.calls import Call, CallInterceptor
from automation_engine.servicers.rate_limits import Level, RateLimits, address, refuse
from automation_engine.servicers.tokens import Tokens
from automation_engine.store import keys
from automation_engine.store.database import Database
from automation_engine.v1 import annotations_pb2

_BEARER = "bearer "
_RATE_LIMITS = "/automation_engine.v1.RateLimitService/"
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


def bearer_fields(services: Iterable[ServiceDescriptor]) -> dict[str, str]:
    """Return the fields that stand for credentials, by ``/package.Service/Method``: who sets one, the method checks."""
    options: dict[str, Any] = {
        f"/{service.full_name}/{method.name}": method.GetOptions() for service in services for method in service.methods
    }
    fields = {method: option.Extensions[annotations_pb2.bearer_field] for method, option in options.items()}
    return {method: field for method, field in fields.items() if field}


def _required_scope(method: MethodDescriptor) -> Scope | None:
    options: Any = method.GetOptions()  # the stubs know no extension of another file
    declared = options.Extensions[annotations_pb2.required_scope]
    if declared not in _SCOPES:
        raise ValueError(f"{method.full_name}: declares no required_scope, so nobody may call it")
    if method.client_streaming:
        raise ValueError(f"{method.full_name}: streams requests, which the interceptors can't check")
    return _SCOPES[declared]


class Presented(NamedTuple):
    """What a call presents. Only a ``bearer`` may be a JWT."""

    text: str
    bearer: bool


class Authentication(CallInterceptor):
    """Lets known callers with the method's scope in, as often as ``limits`` lets them; None: as often as they like.

    ``tokens`` checks JWTs; None: there are none. Methods of other services don't exist.
    """

    def __init__(
        self,
        database: Database,
        services: Iterable[ServiceDescriptor],
        *,
        limits: RateLimits | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self._database = database
        services = list(services)
        self._scopes = required_scopes(services)
        self._bearer_fields = bearer_fields(services)
        self._limits = limits
        self._tokens = tokens

    def admits(self, call: Call) -> bool:
        """Whether the scope of the method is known."""
        return call.method in self._scopes

    @asynccontextmanager
    async def around(self, call: Call, request: Any, context: Any) -> AsyncIterator[None]:
        """Enter the caller. Raises ``Unauthenticated``, ``RateLimited`` and ``PermissionDenied``."""
        required = self._scopes[call.method]
        if call.method in self._bearer_fields and request.HasField(self._bearer_fields[call.method]):
            required = None
        known = None if required is None else await self._known(call, context)
        if self._limits is None:
            _enter(known, required)
            yield
            return
        level = self._counted(self._limits, call, known, context)
        try:
            refuse(level, "from this address" if known is None else "with these credentials")
            _enter(known, required)
            yield
        finally:
            context.set_trailing_metadata((*(context.trailing_metadata() or ()), *self._limits.told(level)))

    async def _known(self, call: Call, context: Any) -> Caller:
        try:
            return await self._authenticated(presented(call.metadata))
        except (Unauthenticated, PermissionDenied):
            if self._limits is not None:
                level = self._counted(self._limits, call, None, context)
                context.set_trailing_metadata(self._limits.told(level))
                refuse(level, "from this address without credentials that are known")
            raise

    def _counted(self, limits: RateLimits, call: Call, known: Caller | None, context: Any) -> Level:
        if known is None:
            return limits.strangers.take(address(context.peer(), call.metadata))
        if call.method.startswith(_RATE_LIMITS):  # asking what is left takes nothing away
            return limits.callers.look(known.key_id)
        return limits.callers.take(known.key_id)

    async def _authenticated(self, given: Presented) -> Caller:
        if self._tokens is not None and given.bearer and not given.text.startswith(keys.PREFIX):
            return await self._tokens.caller(given.text)
        row = await keys.authenticate(self._database, given.text, self._database.clock.now())
        if row is None:
            raise Unauthenticated("the API key is unknown, expired or revoked")
        return Caller(owner=row.owner, key_id=row.key_id, scope=max(Scope[word.upper()] for word in row.scopes))


def presented(metadata: Mapping[str, str | bytes]) -> Presented:
    """Return what a call presents: ``x-api-key``, else ``authorization: Bearer``. The first wins even if it is wrong.

    Raises ``Unauthenticated`` when there is none.
    """
    key = metadata.get("x-api-key")
    if isinstance(key, str):
        return Presented(key.strip(), bearer=False)
    bearer = metadata.get("authorization")
    if isinstance(bearer, str) and bearer.lower().startswith(_BEARER):
        return Presented(bearer[len(_BEARER) :].strip(), bearer=True)
    raise Unauthenticated("this call needs an API key: send it as X-API-Key or as Authorization: Bearer")


def _enter(known: Caller | None, required: Scope | None) -> None:
    if known is not None and required is not None and known.scope < required:
        needed, held = required.name.lower(), known.scope.name.lower()
        raise PermissionDenied(
            f"this call needs the scope {needed}; {known.key_id} holds {held}",
            details={"required_scope": needed, "scope": held},
        )
    caller.enter(known)
