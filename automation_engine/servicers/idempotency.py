"""Idempotency keys: a write that comes again under the same key is answered as the first time, and not done again.

The key is metadata, over REST the header Idempotency-Key. It belongs to its caller's owner and to the method. An answer
is kept whether it was a success or a definite failure (404, 409, 422); a failure that may pass leaves no trace, neither
of the write nor of the key, so that the key is free again.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import orjson
from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.rpc import status_pb2

from automation_engine.errors import EngineError, IdempotencyKeyReused, IdempotencyOutcomeUnknown, InvalidArgument
from automation_engine.secrets import SecretBox
from automation_engine.servicers import caller
from automation_engine.servicers.calls import Call, CallInterceptor
from automation_engine.servicers.failures import Ended, status_of
from automation_engine.store import idempotency
from automation_engine.store.database import Database, Deferral
from automation_engine.store.idempotency import Kept, Place

METADATA_KEY = "idempotency-key"
REPLAYED = "idempotency-replayed"
"""Trailing metadata, ``true``, of an answer that was given before."""

_VALID = re.compile(r"[\x20-\x7e]{1,255}")
_PASSING = frozenset(
    {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"}
)
_Behaviour = Callable[[Any, Any], Awaitable[Any]]


class Answer(NamedTuple):
    """How a call ended: its serialised response or its status, and the trailing metadata that the servicer set."""

    response: bytes | None
    status: bytes | None
    metadata: tuple[tuple[str, str], ...]

    def sealed(self, box: SecretBox) -> bytes:
        """Return it as it is kept."""
        response, status = (None if part is None else b64encode(part).decode() for part in self[:2])
        return box.seal(zlib.compress(orjson.dumps([response, status, self.metadata])))

    @classmethod
    def unsealed(cls, box: SecretBox, data: bytes) -> Answer:
        """Return what ``sealed`` made. Raises ``SecretsUnreadable``."""
        response, status, metadata = orjson.loads(zlib.decompress(box.unseal(data)))
        return cls(
            None if response is None else b64decode(response),
            None if status is None else b64decode(status),
            tuple((name, value) for name, value in metadata),
        )


class Idempotency(CallInterceptor):
    """Performs a write under a key once. A duplicate waits for the first, as long as its own deadline lets it.

    The innermost of all: what it replays has been authenticated and found valid like any other call.
    """

    def __init__(self, database: Database, box: SecretBox, services: Iterable[ServiceDescriptor]) -> None:
        self._database = database
        self._box = box
        self._responses: dict[str, Any] = {
            f"/{service.full_name}/{method.name}": message_factory.GetMessageClass(method.output_type)
            for service in services
            for method in service.methods
            if _writes(method)
        }
        self._turns: WeakValueDictionary[Place, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def around(self, call: Call, request: Any, context: Any) -> AsyncIterator[None]:  # noqa: ARG002 - any stream
        """Leave a stream as it is: none of them writes."""
        yield

    def _unary(self, behaviour: _Behaviour, call: Call) -> _Behaviour:
        key = call.metadata.get(METADATA_KEY)
        if key is None or call.method not in self._responses:
            return behaviour
        return partial(self._once, behaviour, call.method, key)

    async def _once(self, behaviour: _Behaviour, method: str, key: str | bytes, request: Message, context: Any) -> Any:
        if not isinstance(key, str) or not _VALID.fullmatch(key):
            raise InvalidArgument.of(METADATA_KEY, "must be 1 to 255 printable ASCII characters")
        place = Place(owner=caller.current().owner, route=method, idempotency_key=key)
        request_hash = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        async with self._turns.setdefault(place, asyncio.Lock()):
            if (kept := await self._kept(place)) is None:
                try:
                    return await self._perform(behaviour, place, request_hash, request, context)
                except idempotency.Claimed:  # by another process, which has committed meanwhile
                    kept = await self._kept(place)
        return self._repeat(kept, request_hash, method, context)

    async def _kept(self, place: Place) -> Kept | None:
        return await idempotency.find(self._database, place, self._database.clock.now())

    async def _perform(
        self, behaviour: _Behaviour, place: Place, request_hash: bytes, request: Any, context: Any
    ) -> Message:
        """Perform the write, and keep its answer in the transaction that commits it. Raises ``Claimed``."""
        async with Deferral(partial(idempotency.claim, place=place, request_hash=request_hash)).entered() as deferral:
            try:
                response: Message = await behaviour(request, context)
            except EngineError as error:
                if error.status in _PASSING:
                    raise
                await self._keep(deferral, place, Answer(None, status_of(error).SerializeToString(), _told(context)))
                raise
            data = response.SerializeToString(deterministic=True)
            await self._keep(deferral, place, Answer(data, None, _told(context)))
            return response

    async def _keep(self, deferral: Deferral, place: Place, answer: Answer) -> None:
        async with deferral.last(self._database) as tx:
            await idempotency.answer(tx, place, answer.sealed(self._box))

    def _repeat(self, kept: Kept | None, request_hash: bytes, method: str, context: Any) -> Message:
        if kept is not None and kept.request_hash != request_hash:
            raise IdempotencyKeyReused(
                f"this {METADATA_KEY} came with another request before: send that one, or take a new key"
            )
        if kept is None or kept.answer is None:
            raise IdempotencyOutcomeUnknown(
                f"a call with this {METADATA_KEY} has had an effect, but its answer was not kept: it still runs, or "
                "its process has died. Ask again in a while; if this stays, look at what the call did, and do what is "
                "missing under a new key"
            )
        answer = Answer.unsealed(self._box, kept.answer)
        context.set_trailing_metadata((*answer.metadata, (REPLAYED, "true")))
        if answer.status is not None:
            raise Ended(status_pb2.Status.FromString(answer.status))
        response: Message = self._responses[method].FromString(answer.response)
        return response


def _writes(method: MethodDescriptor) -> bool:
    options: Any = method.GetOptions()  # the stubs know no extension of another file
    return bool(options.Extensions[annotations_pb2.http].WhichOneof("pattern") != "get")


def _told(context: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in context.trailing_metadata() or () if isinstance(value, str))
