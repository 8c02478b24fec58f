"""What every operation of the OpenAPI document shares: the error body, headers, refusals, credentials."""

from __future__ import annotations

from gateway.bounds import Schema

ERROR: Schema = {
    "type": "object",
    "description": "The body of every answer that is an error.",
    "properties": {"error": {"$ref": "#/components/schemas/ErrorDetail"}},
    "required": ["error"],
    "additionalProperties": False,
}
ERROR_DETAIL: Schema = {
    "type": "object",
    "description": "What was wrong.",
    "properties": {
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "For programs; it never changes."},
        "message": {"type": "string", "description": "For people: what was wrong, where, what is right."},
        "details": {
            "type": "object",
            "description": "What belongs to the code; of a 422 the fields that are not as they must be.",
            "properties": {"violations": {"type": "array", "items": {"$ref": "#/components/schemas/ErrorViolation"}}},
            "additionalProperties": True,
        },
        "request_id": {"type": "string", "description": "The `X-Request-Id`, as the server's log has it."},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it was refused."},
    },
    "required": ["code", "message", "details", "request_id", "timestamp"],
    "additionalProperties": False,
}
ERROR_VIOLATION: Schema = {
    "type": "object",
    "description": "One field that is not as it must be.",
    "properties": {
        "field": {"type": "string", "description": "Its path, `items[2].name`; empty: the whole."},
        "message": {"type": "string", "description": "What would be right."},
    },
    "required": ["field", "message"],
    "additionalProperties": False,
}
ERRORS = {"ErrorBody": ERROR, "ErrorDetail": ERROR_DETAIL, "ErrorViolation": ERROR_VIOLATION}

SECURITY: Schema = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "It wins over a bearer token."},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a JSON Web Token."},
}
REQUIRED: list[Schema] = [{"ApiKey": []}, {"Bearer": []}]
"""What an operation needs unless it says otherwise: either of them."""

PARAMETERS: Schema = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the request safe to repeat: the same key with the same request gets the first answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` of the version to change, or `*` for any. The same as the parameter `etag`.",
        "schema": {"type": "string", "pattern": r'^(\*|"[!#-)+-~][!#-~]*")$'},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of the version that is known: 304 while it is the present one.",
        "schema": {"type": "string"},
    },
}

_COUNT: Schema = {"type": "integer", "minimum": 0}
HEADERS: Schema = {
    "RequestId": {
        "description": "The request's id: the one that it came with, or a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    },
    "ETag": {
        "description": "The version of what is shown, for `If-Match` and `If-None-Match`.",
        "schema": {"type": "string"},
    },
    "IdempotencyReplayed": {
        "description": "`true`: this is the first answer to the same `Idempotency-Key`.",
        "schema": {"type": "string"},
    },
    "RateLimitLimit": {"description": "How many calls the caller may make at once.", "schema": _COUNT},
    "RateLimitRemaining": {"description": "How many of them are left now.", "schema": _COUNT},
    "RateLimitReset": {
        "description": "When all of them are there again, in seconds since the Unix epoch.",
        "schema": _COUNT,
    },
    "RetryAfter": {"description": "Seconds to wait before the next try.", "schema": {**_COUNT, "minimum": 1}},
}
RATE_HEADERS = {
    f"X-RateLimit-{name}": {"$ref": f"#/components/headers/RateLimit{name}"} for name in ("Limit", "Remaining", "Reset")
}

_REFUSALS = {
    "Unauthenticated": "No credentials, or none that are known.",
    "Forbidden": "The credentials lack the scope.",
    "NotFound": "There is no such thing.",
    "Conflict": "The present state does not allow it.",
    "Stale": "Another version is saved than `If-Match` names.",
    "TooLarge": "The body is larger than the server takes.",
    "UnsupportedMediaType": "The body has another content type than these.",
    "Invalid": "The request is not as it must be; `details.violations` names each field.",
    "TooManyRequests": "The rate limit is reached.",
    "ServerError": "The server failed, or is not ready: the same request may succeed later.",
    "Error": "Any other error.",
}


def refusals() -> Schema:
    """The responses that are errors, by name."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    made: Schema = {}
    for name, description in _REFUSALS.items():
        headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        if name in {"TooManyRequests", "ServerError"}:
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        if name == "TooManyRequests":
            headers |= RATE_HEADERS
        made[name] = {"description": description, "headers": headers, "content": content}
    return made
