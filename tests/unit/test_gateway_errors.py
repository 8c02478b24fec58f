"""From google.rpc.Status to the error body."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from gateway.errors import HttpProblem, InvalidFields, RpcFailure, Violation, invalid, problem_of
from tests.contract.gateway_stubs import rich_status, stale_status


def problem(code: int, message: str = "it is so") -> HttpProblem:
    return problem_of(RpcFailure(status_pb2.Status(code=code, message=message)))


def body_of(fault: HttpProblem) -> dict[str, Any]:
    error: dict[str, Any] = orjson.loads(fault.body("r-1"))["error"]
    return error


@pytest.mark.parametrize(
    ("name", "http", "word"),
    [
        ("CANCELLED", 499, "cancelled"),
        ("INVALID_ARGUMENT", 422, "validation_error"),
        ("DEADLINE_EXCEEDED", 504, "deadline_exceeded"),
        ("NOT_FOUND", 404, "not_found"),
        ("ALREADY_EXISTS", 409, "already_exists"),
        ("PERMISSION_DENIED", 403, "permission_denied"),
        ("UNAUTHENTICATED", 401, "unauthenticated"),
        ("RESOURCE_EXHAUSTED", 429, "resource_exhausted"),
        ("FAILED_PRECONDITION", 409, "failed_precondition"),
        ("ABORTED", 409, "aborted"),
        ("OUT_OF_RANGE", 422, "out_of_range"),
        ("UNIMPLEMENTED", 501, "unimplemented"),
        ("UNAVAILABLE", 503, "unavailable"),
        ("INTERNAL", 500, "internal_error"),
        ("UNKNOWN", 500, "internal_error"),
        ("DATA_LOSS", 500, "internal_error"),
    ],
)
def test_each_code_has_its_http_status_and_word(name: str, http: int, word: str) -> None:
    fault = problem(code_pb2.Code.Value(name))
    assert (fault.status, fault.code) == (http, word)


def test_a_stale_etag_is_412_and_no_other_precondition_is() -> None:
    stale = stale_status()
    assert (problem_of(RpcFailure(stale)).status, problem_of(RpcFailure(stale)).code) == (412, "stale_write")
    stale.code = code_pb2.FAILED_PRECONDITION
    assert problem_of(RpcFailure(stale)).status == 409


def test_a_code_of_the_future_is_500() -> None:
    assert (problem(99).status, problem(99).code) == (500, "internal_error")


def test_the_body_has_the_five_fields_of_the_contract() -> None:
    body = body_of(problem(code_pb2.NOT_FOUND, "no such index"))
    assert list(body) == ["code", "message", "details", "request_id", "timestamp"]
    assert (body["message"], body["details"], body["request_id"]) == ("no such index", {}, "r-1")
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert body["timestamp"].endswith("Z")


def test_the_details_of_a_rich_status_become_code_details_and_headers() -> None:
    fault = problem_of(RpcFailure(rich_status()))
    assert (fault.status, fault.code, fault.message) == (429, "quota_used", "the quota is used up")
    assert fault.details == {"limit": "3", "violations": [{"field": "how", "message": "too much"}]}
    assert (b"retry-after", b"7") in fault.headers


@pytest.mark.parametrize("name", ["INTERNAL", "UNKNOWN", "DATA_LOSS"])
def test_an_internal_message_stays_inside(name: str) -> None:
    body = body_of(problem(code_pb2.Code.Value(name), "Traceback: the secret of the house"))
    assert "secret" not in str(body)
    assert "request id" in body["message"]


def test_the_text_of_an_unexpected_exception_stays_inside_whatever_its_code() -> None:
    body = body_of(problem(code_pb2.UNIMPLEMENTED, "Unexpected <class 'NotImplementedError'>: secret"))
    assert body["message"] == "unimplemented"


@pytest.mark.parametrize(("message", "shown"), [("", "7m is none"), ("Look at it.", "Look at it.")])
def test_violations_are_named_as_the_client_sees_them_without_the_body_field(message: str, shown: str) -> None:
    bad = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field="automation.wait", description="7m is none")
        ]
    )
    status = status_pb2.Status(code=3, message=message or "automation.wait: 7m is none")
    status.details.add().Pack(bad)
    fault = problem_of(RpcFailure(status), body="automation")
    assert fault.details["violations"] == [{"field": "wait", "message": "7m is none"}]
    assert fault.message == (message or f"wait: {shown}")


def test_429_always_says_when_and_401_how() -> None:
    assert (b"retry-after", b"1") in problem(code_pb2.RESOURCE_EXHAUSTED).headers
    assert (b"www-authenticate", b"Bearer") in problem(code_pb2.UNAUTHENTICATED).headers


def test_violations_are_all_in_the_message_and_the_details() -> None:
    fault = invalid(InvalidFields([Violation(field="a.b", message="too long"), Violation(field="", message="empty")]))
    assert (fault.status, fault.code, fault.message) == (422, "validation_error", "a.b: too long; empty")
    assert fault.details["violations"] == [
        {"field": "a.b", "message": "too long"},
        {"field": "", "message": "empty"},
    ]


def test_paths_grow_outwards_with_indexes_and_names() -> None:
    inner = InvalidFields.of("wrong", "name")
    assert [v.field for v in InvalidFields(inner.under("[2]")).under("items")] == ["items[2].name"]


def test_a_flood_of_violations_is_cut() -> None:
    fault = InvalidFields(Violation(field=str(n), message="wrong") for n in range(10_000))
    assert len(fault.violations) == 50
