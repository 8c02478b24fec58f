"""The interceptors in their order, the same for a gRPC server and for calls within the process."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import ServiceDescriptor

from automation_engine.secrets import SecretBox
from automation_engine.servicers.authentication import Authentication
from automation_engine.servicers.calls import CallInterceptor
from automation_engine.servicers.failures import Failures
from automation_engine.servicers.idempotency import Idempotency
from automation_engine.servicers.rate_limits import RateLimits
from automation_engine.servicers.request_ids import RequestIds
from automation_engine.servicers.tokens import Tokens
from automation_engine.servicers.validation import Validation
from automation_engine.store.database import Database


def interceptors(
    database: Database,
    services: Iterable[ServiceDescriptor],
    box: SecretBox,
    *,
    limits: RateLimits | None = None,
    tokens: Tokens | None = None,
) -> list[CallInterceptor]:
    """Return the interceptors for these services, the outermost first.

    The id comes before what may fail, failures are mapped for everything within, nobody unknown learns what a valid
    request looks like, and an invalid one uses up no idempotency key. ``box`` seals the answers that are kept. Without
    ``limits`` nobody is limited, without ``tokens`` there are no JWTs. Raises ``ValueError`` for a method that declares
    no scope, or streams requests.
    """
    services = list(services)
    return [
        RequestIds(),
        Failures(),
        Authentication(database, services, limits=limits, tokens=tokens),
        Validation(),
        Idempotency(database, box, services),
    ]
