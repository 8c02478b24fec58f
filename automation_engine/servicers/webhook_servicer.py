"""``WebhookService``: endpoints of the caller's that are told of events."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
from google.protobuf.struct_pb2 import ListValue, Struct
from sqlmodel.ext.asyncio.session import AsyncSession
from yarl import URL

from automation_engine.errors import Conflict, InvalidArgument, Violation
from automation_engine.secrets import SecretBox
from automation_engine.servicers import caller
from automation_engine.servicers.pages import limit_of
from automation_engine.servicers.structs import to_dict, to_struct, to_value
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store import indexes, outbox, webhooks
from automation_engine.store.database import Database
from automation_engine.store.outbox import Event
from automation_engine.store.tables import Webhook, WebhookDelivery
from automation_engine.v1 import webhook_pb2
from automation_engine.v1 import webhook_service_pb2 as pb
from automation_engine.v1.webhook_service_pb2_grpc import WebhookServiceServicer
from automation_engine.webhook_sender import Post, WebhookSender

_EVENT = webhook_pb2.WebhookEvent.DESCRIPTOR
_STATUS = webhook_pb2.WebhookStatus.DESCRIPTOR
_DELIVERY_STATUS = webhook_pb2.WebhookDeliveryStatus.DESCRIPTOR
_TEST = "webhook.test"
_MOST_INDEXES = 1_000
_MOST_METADATA = 4_096
_LISTED_CHARACTERS = 4_096


def message(row: Webhook) -> webhook_pb2.Webhook:
    """Return a webhook as its message."""
    return webhook_pb2.Webhook(**_fields(row))


def _fields(row: Webhook) -> dict[str, Any]:
    ids = row.index_ids
    return {
        "webhook_id": row.webhook_id,
        "name": row.name,
        "url": row.url,
        "events": [number(_EVENT, event) for event in row.events],
        "index_ids": None if ids is None else ListValue(values=[to_value(index_id) for index_id in ids]),
        "status": number(_STATUS, row.status),
        "failure_count": row.failure_count,
        "last_failure_at": timestamp(row.last_failure_at),
        "last_success_at": timestamp(row.last_success_at),
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
        "metadata": None if row.extra is None else to_struct(row.extra),
    }


def delivery_message(row: WebhookDelivery, *, shortened: bool = False) -> webhook_pb2.WebhookDelivery:
    """Return a delivery as its message; of a list, with the beginning of the answer alone."""
    text = row.response_body
    return webhook_pb2.WebhookDelivery(
        delivery_id=row.delivery_id,
        webhook_id=row.webhook_id,
        event_type=number(_EVENT, row.event_type),
        status=number(_DELIVERY_STATUS, row.status),
        attempts=row.attempts,
        last_attempt_at=timestamp(row.last_attempt_at),
        next_retry_at=timestamp(row.next_retry_at),
        response_status_code=row.response_status_code,
        response_body=text[:_LISTED_CHARACTERS] if shortened and text is not None else text,
        error_message=row.error_message,
        created_at=timestamp(row.created_at),
        completed_at=timestamp(row.completed_at),
        payload=to_struct(orjson.loads(row.body)),
    )


class WebhookServicer(WebhookServiceServicer):
    """Webhooks of the caller. ``box`` seals their secrets."""

    def __init__(self, *, database: Database, box: SecretBox, sender: WebhookSender) -> None:
        self._database = database
        self._box = box
        self._sender = sender

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, _context: Any) -> pb.CreateWebhookResponse:
        """Create a webhook. Raises ``InvalidArgument``, and ``Conflict`` for one too many."""
        owner, secret = caller.current().owner, _new_secret()
        self._check_url(request.url)
        extra = _extra(request.metadata)
        async with self._database.transaction() as tx:
            if await webhooks.count(tx, owner) >= webhooks.MOST:
                raise Conflict(f"there are {webhooks.MOST} webhooks already, which is the most: delete one first")
            row = Webhook(
                webhook_id=tx.new_id("wh"),
                owner=owner,
                name=request.name,
                url=request.url,
                events=[word(_EVENT, event) for event in request.events],
                index_ids=await _chosen(tx, owner, request.index_ids),
                extra=extra,
                secret=self._sealed(secret),
                status="active",
                created_at=tx.now,
                updated_at=tx.now,
            )
            tx.add(row)
        return pb.CreateWebhookResponse(**_fields(row), secret=secret)

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, _context: Any) -> pb.ListWebhooksResponse:
        """List webhooks, the oldest first."""
        async with self._database.reading() as session:
            rows = await webhooks.owned(session, caller.current().owner)
        return pb.ListWebhooksResponse(webhooks=[message(row) for row in rows])

    async def ListWebhookEvents(
        self,
        request: pb.ListWebhookEventsRequest,
        _context: Any,
    ) -> pb.ListWebhookEventsResponse:
        """List all events."""
        events: list[Any] = [value.number for value in _EVENT.values if value.number]
        return pb.ListWebhookEventsResponse(events=events)

    async def GetWebhook(self, request: pb.GetWebhookRequest, _context: Any) -> pb.GetWebhookResponse:
        """Return a webhook. Raises ``NotFound``."""
        return pb.GetWebhookResponse(webhook=message(await self._find(request.webhook_id)))

    async def _find(self, webhook_id: str) -> Webhook:
        async with self._database.reading() as session:
            return await webhooks.find(session, caller.current().owner, webhook_id)

    async def UpdateWebhook(self, request: pb.UpdateWebhookRequest, _context: Any) -> pb.UpdateWebhookResponse:
        """Change a webhook. Raises ``NotFound`` and ``InvalidArgument``."""
        owner = caller.current().owner
        if request.HasField("url"):
            self._check_url(request.url)
        async with self._database.transaction() as tx:
            row = await webhooks.locked(tx, owner, request.webhook_id)
            row.name = request.name if request.HasField("name") else row.name
            row.url = request.url if request.HasField("url") else row.url
            row.events = [word(_EVENT, event) for event in request.events] or row.events
            if request.HasField("index_ids"):
                row.index_ids = await _chosen(tx, owner, request.index_ids)
            if request.HasField("metadata"):
                row.extra = _extra(request.metadata)
            status = word(_STATUS, request.status) if request.HasField("status") else row.status
            if status == "active" != row.status:
                await webhooks.activate(tx, row)
            row.status, row.updated_at = status, tx.now
            tx.add(row)
        return pb.UpdateWebhookResponse(webhook=message(row))

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, _context: Any) -> pb.DeleteWebhookResponse:
        """Delete a webhook with its deliveries. Raises ``NotFound``."""
        async with self._database.transaction() as tx:
            row = await webhooks.find(tx, caller.current().owner, request.webhook_id)
            await webhooks.remove(tx, row)
        return pb.DeleteWebhookResponse(message=f"Webhook {row.webhook_id} was deleted with its deliveries.")

    async def RotateWebhookSecret(
        self, request: pb.RotateWebhookSecretRequest, _context: Any
    ) -> pb.RotateWebhookSecretResponse:
        """Replace the secret. Raises ``NotFound``."""
        secret = _new_secret()
        async with self._database.transaction() as tx:
            row = await webhooks.locked(tx, caller.current().owner, request.webhook_id)
            row.secret, row.updated_at = self._sealed(secret), tx.now
            tx.add(row)
        return pb.RotateWebhookSecretResponse(webhook_id=row.webhook_id, new_secret=secret)

    async def TestWebhook(self, request: pb.TestWebhookRequest, _context: Any) -> pb.TestWebhookResponse:
        """Send a test now. Raises ``NotFound``."""
        row = await self._find(request.webhook_id)
        now, new_id = self._database.clock.now(), self._database.ids.new
        delivery_id = new_id("whd", now)
        data = {"webhook_id": row.webhook_id, "name": row.name}
        answer = await self._sender.send(
            Post(
                url=row.url,
                secret=self._box.decrypt(row.secret)["secret"],
                webhook_id=row.webhook_id,
                delivery_id=delivery_id,
                attempt_id=f"{delivery_id}_1",
                event=_TEST,
                body=outbox.body(new_id("evt", now), Event(word=_TEST, data=data), now, row.extra),
            )
        )
        return pb.TestWebhookResponse(success=answer.error is None, status_code=answer.status, error=answer.error)

    async def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, _context: Any
    ) -> pb.ListWebhookDeliveriesResponse:
        """List deliveries, the newest first. Raises ``NotFound``."""
        status = word(_DELIVERY_STATUS, request.status) if request.HasField("status") else None
        async with self._database.reading() as session:
            row = await webhooks.find(session, caller.current().owner, request.webhook_id)
            found = await webhooks.deliveries(session, row.webhook_id, status=status, limit=limit_of(request))
        return pb.ListWebhookDeliveriesResponse(deliveries=[delivery_message(one, shortened=True) for one in found])

    async def GetWebhookDelivery(
        self, request: pb.GetWebhookDeliveryRequest, _context: Any
    ) -> pb.GetWebhookDeliveryResponse:
        """Return a delivery. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await webhooks.find_delivery(session, caller.current().owner, request.delivery_id)
        return pb.GetWebhookDeliveryResponse(delivery=delivery_message(row))

    async def RetryWebhookDelivery(
        self, request: pb.RetryWebhookDeliveryRequest, _context: Any
    ) -> pb.RetryWebhookDeliveryResponse:
        """Attempt a delivery again. Raises ``NotFound``, and ``Conflict`` where there is nothing to attempt."""
        owner = caller.current().owner
        async with self._database.transaction() as tx:
            row = await webhooks.find_delivery(tx, owner, request.delivery_id)
            webhook = await webhooks.find(tx, owner, row.webhook_id)
            if row.status == "delivered":
                raise Conflict(f"delivery {row.delivery_id} was delivered: there is nothing to retry")
            if webhook.status != "active":
                raise Conflict(f"webhook {webhook.webhook_id} is {webhook.status}: PATCH its status to active first")
            if row.status in {"failed", "retrying"}:  # else it is attempted already, or at once
                await webhooks.retry(tx, row)
        return pb.RetryWebhookDeliveryResponse(delivery=delivery_message(row))

    def _sealed(self, secret: str) -> bytes:
        return self._box.encrypt({"secret": secret})

    def _check_url(self, url: str) -> None:
        try:
            parsed = URL(url)
            valid = bool(parsed.host) and parsed.port is not None
        except ValueError:
            valid = False
        if not valid:
            raise InvalidArgument.of("url", f"{url!r}: must name a host, and a port up to 65535 if any")
        if parsed.scheme != "https" and not self._sender.insecure:
            raise InvalidArgument.of("url", f"{url!r}: must begin with https://; http needs --insecure-dev")


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def _extra(metadata: Struct) -> dict[str, Any] | None:
    document = orjson.dumps(to_dict(metadata))
    if len(document) > _MOST_METADATA:
        raise InvalidArgument.of("metadata", f"{len(document):,} bytes of JSON: must be at most {_MOST_METADATA:,}")
    return orjson.loads(document) or None  # what gRPC knows and JSON does not, such as NaN, is null


async def _chosen(session: AsyncSession, owner: str, given: ListValue) -> list[str] | None:
    """Return the ids of an owner's indexes, each once; None for all. Raises ``InvalidArgument`` for what is none."""
    if len(given.values) > _MOST_INDEXES:
        raise InvalidArgument.of("index_ids", f"{len(given.values):,} items: must be at most {_MOST_INDEXES:,}")
    known = {index.index_id for index in await indexes.owned(session, owner, include_defaults=True)}
    ids = [value.string_value for value in given.values]  # what is no string is nobody's index
    violations = [
        Violation(field=f"index_ids[{at}]", message=f"{index_id!r}: there is no such index")
        for at, index_id in enumerate(ids)
        if index_id not in known
    ]
    if violations:
        raise InvalidArgument(violations)
    return list(dict.fromkeys(ids)) or None
