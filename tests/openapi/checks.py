"""What schemathesis loads: checks in place of two of its own, and a fence around what it makes up."""

from __future__ import annotations

import re
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.checks import CheckContext
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens: a storage or a receiver that was made up must not be looked for outside of this machine."""

_ADDRESSES = ("endpoint_url", "authority_host", "url")
_BEYOND_SCHEMAS = re.compile(
    r"""
    ^$                             # rules about several fields, such as an application's credentials
    | ^if-match$                   # an etag stands in quotes, which schemathesis' coverage phase leaves off
    | cursor$                      # opaque: what a page before has given out
    | (connector|index|prompt|run|video)_ids?(\[\d+\])?$  # of something that there is
    | (^|\.)root$                  # a folder below one of the operator's roots
    | credentials_file$            # a JSON key file
    | _key(_id)?$ | _secret$ | (tenant|client)_id$ | authority_host$  # credentials by the providers' rules
    | region$ | bucket$ | container$ | storage_account$  # names by the providers' rules
    | json_schema                  # a JSON Schema, of an object
    | max_wait$                    # a duration with bounds, and not below the debounce interval
    | ^target$                     # an index or videos, as its type says
    | processing_model$            # an analyzer that the server has
    | ^url$                        # of a receiver: https, and no address of this network
    | spend_fuse                   # below batch_limit
    | pattern(s\[\d+\])?$          # a glob that parses
    | (prefix|path|subpath)$       # at most so many bytes
    """,
    re.VERBOSE,
)
"""Fields with rules that no JSON Schema can state; each has them in its description."""


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Leave out ``default``, which would make every status a documented one."""
    del context
    for item in raw_schema["paths"].values():
        for operation in item.values():
            operation["responses"].pop("default")


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Turn addresses that were made up, and would be taken, to where nobody listens."""
    del context, kwargs
    if isinstance(case.body, dict):
        for name in _ADDRESSES:
            value = case.body.get(name)
            if isinstance(value, str) and re.match("https?://", value):
                case.body[name] = NOWHERE.replace("http", value.partition("://")[0])


@schemathesis.check
def valid_requests_are_accepted(ctx: CheckContext, response: Response, case: Case) -> None:
    """A request that fits the document is refused only for what the document can't state."""
    try:
        positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        if response.status_code == 412:  # its etag was made up
            return
        error = _error(response)
        fields = [violation["field"] for violation in error.get("details", {}).get("violations", [])]
        if "idempotency" in error.get("code", "") or (fields and all(map(_BEYOND_SCHEMAS.search, fields))):
            return
        raise


@schemathesis.check
def invalid_requests_are_refused(ctx: CheckContext, response: Response, case: Case) -> None:
    """A request that does not fit the document is refused, unless it is another spelling of one that does.

    The JSON mapping of protocol buffers takes an enum's value by its number, too; the document has one spelling, since
    nobody should be led to write the other.
    """
    try:
        negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        if response.status_code != 412 and not _is_other_spelling(case):
            raise


def _error(response: Response) -> dict[str, Any]:
    try:
        error: dict[str, Any] = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error


def _is_other_spelling(case: Case) -> bool:
    """Whether a query holds the number of an enum's value, or nothing, which is the same as leaving it out."""
    return any(value == "" or str(value).isdigit() for value in (case.query or {}).values())
