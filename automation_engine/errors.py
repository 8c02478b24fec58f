"""The error tree: what can go wrong, under a stable code.

::

    EngineError                      code                      gRPC status            HTTP
    ├── InvalidArgument              validation_error          INVALID_ARGUMENT       422
    ├── Unauthenticated              unauthenticated           UNAUTHENTICATED        401
    ├── PermissionDenied             insufficient_scope        PERMISSION_DENIED      403
    ├── NotFound                     not_found                 NOT_FOUND              404
    ├── Conflict                     conflict                  FAILED_PRECONDITION    409
    │   ├── IllegalTransition        illegal_transition        FAILED_PRECONDITION    409
    │   ├── AlreadyExists            already_exists            ALREADY_EXISTS         409
    │   └── IdempotencyOutcomeUnknown idempotency_outcome_unknown FAILED_PRECONDITION 409
    ├── StaleWrite                   stale_write               ABORTED                412
    ├── LeaseLost                    lease_lost                ABORTED                409
    ├── IdempotencyKeyReused         idempotency_key_reused    INVALID_ARGUMENT       422
    ├── IssuerUnavailable            issuer_unavailable        UNAVAILABLE            503
    ├── ResourceExhausted            resource_exhausted        RESOURCE_EXHAUSTED     429
    │   └── RateLimited              rate_limited              RESOURCE_EXHAUSTED     429
    ├── StorageError                 storage_error             UNAVAILABLE            503
    │   ├── ObjectNotFound           object_not_found          NOT_FOUND              404
    │   ├── VersionMismatch          version_mismatch          ABORTED                409
    │   ├── StorageDenied            storage_denied            FAILED_PRECONDITION    409
    │   ├── StorageThrottled         storage_throttled         UNAVAILABLE            503
    │   └── StorageUnavailable       storage_unavailable       UNAVAILABLE            503
    ├── StorageAway                  storage_away              UNAVAILABLE            503
    ├── SecretsUnreadable            secrets_unreadable        FAILED_PRECONDITION    409
    ├── MediaError                   media_error               FAILED_PRECONDITION    409
    └── Unforeseen                   internal_error            INTERNAL               500

The code is for programs and never changes; the message is for people: what was wrong, where, and what would be right.
The status is attached here and nowhere else; the gateway maps it on to HTTP by the ``google.rpc.Code`` alone, but for
one thing: ABORTED with a ``google.rpc.PreconditionFailure``, which ``StaleWrite`` carries, is 412.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


class EngineError(Exception):
    """The root. ``code`` is stable snake_case, ``status`` the name of the gRPC status code."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, str] = dict(details or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field that is not as it must be: its path (``debounce_interval``) and what would be right."""

    field: str
    message: str


class InvalidArgument(EngineError):
    """The request can never succeed as it stands. Each violation names the field, the value and what would be right."""

    code = "validation_error"
    status = "INVALID_ARGUMENT"

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.field}: {v.message}" if v.field else v.message for v in self.violations))

    @classmethod
    def of(cls, field: str, message: str) -> InvalidArgument:
        """One violation, the usual case."""
        return cls([Violation(field=field, message=message)])


class Unauthenticated(EngineError):
    """No credentials, or none that we know."""

    code = "unauthenticated"
    status = "UNAUTHENTICATED"


class PermissionDenied(EngineError):
    """The credentials are known and lack the scope."""

    code = "insufficient_scope"
    status = "PERMISSION_DENIED"


class NotFound(EngineError):
    """Nothing of that id, or somebody else's: the two are not told apart."""

    code = "not_found"
    status = "NOT_FOUND"


class Conflict(EngineError):
    """The request contradicts the state of something else, which the message names."""

    code = "conflict"
    status = "FAILED_PRECONDITION"


class IllegalTransition(Conflict):
    """The lifecycle table has no such transition."""

    code = "illegal_transition"


class AlreadyExists(Conflict):
    """It is there already, with other content."""

    code = "already_exists"
    status = "ALREADY_EXISTS"


class IdempotencyOutcomeUnknown(Conflict):
    """A call with this key had an effect, and its answer was not kept: it still runs, or its process died."""

    code = "idempotency_outcome_unknown"


class StaleWrite(EngineError):
    """Somebody else wrote in between: read again, decide again."""

    code = "stale_write"
    status = "ABORTED"


class LeaseLost(EngineError):
    """A fencing token no longer holds: the work was given to somebody else, and this commit is refused."""

    code = "lease_lost"
    status = "ABORTED"


class IdempotencyKeyReused(EngineError):
    """An Idempotency-Key came again with another request."""

    code = "idempotency_key_reused"
    status = "INVALID_ARGUMENT"


class IssuerUnavailable(EngineError):
    """The issuer of JWTs does not tell its keys, so that no token can be checked."""

    code = "issuer_unavailable"
    status = "UNAVAILABLE"


class ResourceExhausted(EngineError):
    """A limit was reached; the message says which, and what to do."""

    code = "resource_exhausted"
    status = "RESOURCE_EXHAUSTED"


class RateLimited(ResourceExhausted):
    """Too many calls. ``retry_after``: seconds until one more is let through."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float = 1.0, details: Mapping[str, str] | None = None) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class StorageError(EngineError):
    """A connector's storage did not do what it was asked. ``transient``: the same call may succeed later."""

    code = "storage_error"
    status = "UNAVAILABLE"
    transient: ClassVar[bool] = True


class ObjectNotFound(StorageError):
    """No object of that key."""

    code = "object_not_found"
    status = "NOT_FOUND"
    transient = False


class VersionMismatch(StorageError):
    """The object is there, but no longer in the version that was asked for."""

    code = "version_mismatch"
    status = "ABORTED"
    transient = False


class StorageDenied(StorageError):
    """Credentials refused, or the path lies outside what the connector may touch."""

    code = "storage_denied"
    status = "FAILED_PRECONDITION"


class StorageThrottled(StorageError):
    """The storage asks for fewer requests."""

    code = "storage_throttled"


class StorageUnavailable(StorageError):
    """No answer, a broken answer, or no such bucket, container or folder."""

    code = "storage_unavailable"


class StorageAway(EngineError):
    """The storage that a unit of work needs does not answer, and nobody watches: it is waited for, however long."""

    code = "storage_away"
    status = "UNAVAILABLE"


class SecretsUnreadable(EngineError):
    """Stored credentials don't fit any key that was given, or were damaged."""

    code = "secrets_unreadable"
    status = "FAILED_PRECONDITION"


class MediaError(EngineError):
    """The bytes are not media that can be decoded; the message says what the decoder said."""

    code = "media_error"
    status = "FAILED_PRECONDITION"


class Unforeseen(EngineError):
    """Reading a file raised what nobody foresaw: a fault of a decoder, or of our own. It may pass."""
