"""The interceptors in their order, the same for a gRPC server and for calls within the process."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import ServiceDescriptor

from automation_engine.servicers.authentication import Authentication
from automation_engine.servicers.calls import CallInterceptor
from automation_engine.servicers.failures import Failures
from automation_engine.servicers.request_ids import RequestIds
from automation_engine.servicers.validation import Validation
from automation_engine.store.database import Database


def interceptors(database: Database, services: Iterable[ServiceDescriptor]) -> list[CallInterceptor]:
    """Return the interceptors for these services, the outermost first.

    The id comes before what may fail, failures are mapped for everything within, and nobody unknown learns what a valid
    request looks like. Raises ``ValueError`` for a method that declares no scope, or streams requests.
    """
    return [RequestIds(), Failures(), Authentication(database, services), Validation()]
