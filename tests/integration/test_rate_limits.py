"""Rate limits over REST and gRPC, on a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status
from videovector import RateLimitStatus

from automation_engine.main import make_app
from automation_engine.servicers.auth_servicer import AuthServicer
from automation_engine.servicers.rate_limits import STRANGERS_PER_MINUTE, Buckets, RateLimits, address
from automation_engine.v1.auth_service_pb2 import ValidateCredentialsRequest
from automation_engine.v1.auth_service_pb2_grpc import AuthServiceStub, add_AuthServiceServicer_to_server
from tests.integration.engine import Engine, serve

START = 1_767_225_600.0
VALIDATE = "/auth/validate"
STATUS = "/rate-limit/status"


class Monotonic:
    """Seconds that pass when told to; ``wall`` are the same since the epoch."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return START + self.seconds


@pytest.fixture
def monotonic() -> Monotonic:
    """Return a clock at zero."""
    return Monotonic()


@asynccontextmanager
async def _rest(engine: Engine, limits: RateLimits | None, client: str = "192.0.2.1") -> AsyncIterator[Any]:
    """Reach the engine by REST from an address; returns a function that GETs or POSTs with a key."""
    transport = httpx.ASGITransport(make_app(engine.database, engine.stores, limits=limits), client=(client, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine/api/v2") as http:

        async def call(path: str, key: str, method: str = "GET") -> httpx.Response:
            return await http.request(method, path, headers={"X-API-Key": key})

        yield call


def _limits(monotonic: Monotonic, per_minute: int = 60, burst: int | None = None) -> RateLimits:
    return RateLimits(per_minute, burst, monotonic=monotonic, wall=monotonic.wall)


def _told(answer: httpx.Response) -> tuple[str | None, ...]:
    return tuple(answer.headers.get(f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset"))


async def test_a_key_gets_its_calls_of_a_minute_and_then_as_fast_as_they_come_back(
    engine: Engine, monotonic: Monotonic
) -> None:
    key = await engine.key("search")
    async with _rest(engine, _limits(monotonic)) as call:
        answers = [await call(VALIDATE, key) for _ in range(60)]
        assert {answer.status_code for answer in answers} == {204}
        assert _told(answers[0]) == ("60", "59", str(int(START) + 1))
        assert _told(answers[-1]) == ("60", "0", str(int(START) + 60))
        refused = await call(VALIDATE, key)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["error"]["code"] == "rate_limited"
        assert _told(refused) == ("60", "0", str(int(START) + 60))
        monotonic.seconds += 1.0
        assert [(await call(VALIDATE, key)).status_code for _ in range(2)] == [204, 429]
        monotonic.seconds += 3600.0
        assert _told(await call(VALIDATE, key))[1] == "59"


async def test_the_clock_of_the_limits_is_not_the_engines(engine: Engine, monotonic: Monotonic) -> None:
    key = await engine.key("search")
    async with _rest(engine, _limits(monotonic, 1)) as call:
        await call(VALIDATE, key)
        engine.clock.advance(3600.0)
        assert (await call(VALIDATE, key)).headers["retry-after"] == "60"


async def test_each_key_has_its_own_limit_and_a_burst_may_be_smaller_than_a_minutes(
    engine: Engine, monotonic: Monotonic
) -> None:
    keys = [await engine.key("search") for _ in range(2)]
    async with _rest(engine, _limits(monotonic, 60, burst=2)) as call:
        assert [(await call(VALIDATE, keys[0])).status_code for _ in range(3)] == [204, 204, 429]
        assert _told(await call(VALIDATE, keys[1]))[:2] == ("2", "1")


async def test_grpc_is_refused_with_the_time_to_wait(engine: Engine, monotonic: Monotonic) -> None:
    services = {"AuthService": (add_AuthServiceServicer_to_server, AuthServicer())}
    async with serve(engine, services, limits=_limits(monotonic, 30, burst=1)) as api:
        stub = await api.stub(AuthServiceStub, "search")
        call = stub.ValidateCredentials(ValidateCredentialsRequest())
        await call
        told = dict(await call.trailing_metadata())
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.ValidateCredentials(ValidateCredentialsRequest())
    assert (told["x-http-code"], told["x-ratelimit-remaining"]) == ("204", "0")
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    status, retry = rpc_status.from_call(raised.value), RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    assert retry.retry_delay.seconds == 2


async def test_a_call_that_is_forbidden_or_invalid_counts_and_tells_too(engine: Engine, monotonic: Monotonic) -> None:
    key = await engine.key("search")
    async with _rest(engine, _limits(monotonic)) as call:
        forbidden = await call("/connectors", key)
        assert (forbidden.status_code, _told(forbidden)[1]) == (403, "59")
        unknown = await call("/rate-limit/nothing", key)
        assert (unknown.status_code, _told(unknown)[1]) == (404, None)


async def test_who_guesses_keys_is_limited_by_address_and_known_keys_go_on(
    engine: Engine, monotonic: Monotonic
) -> None:
    limits, key = _limits(monotonic, 10_000), await engine.key("search")
    async with _rest(engine, limits) as call:
        guesses = [(await call(VALIDATE, f"sk_live_{n:048x}")).status_code for n in range(STRANGERS_PER_MINUTE + 1)]
        assert guesses == [401] * STRANGERS_PER_MINUTE + [429]
        assert (await call(VALIDATE, key)).status_code == 204
    async with _rest(engine, limits, client="192.0.2.2") as call:
        assert (await call(VALIDATE, "wrong")).status_code == 401


async def test_the_status_is_what_the_published_client_expects_and_asking_costs_nothing(
    engine: Engine, monotonic: Monotonic
) -> None:
    key = await engine.key("search")
    async with _rest(engine, _limits(monotonic)) as call:
        for _ in range(3):
            await call(VALIDATE, key)
        for path, method in ((STATUS, "GET"), ("/rate-limit/refresh", "POST"), (STATUS, "GET")):
            answer = await call(path, key, method)
            status = RateLimitStatus.model_validate(answer.json())
            assert _told(answer)[1] == "57"
    assert (status.user_id, status.plan_id, list(status.categories)) == ("ada", "default", ["api"])
    found = status.categories["api"]
    assert (found.minute_used, found.minute_limit, found.minute_remaining) == (3, 60, 57)
    assert (found.hour_used, found.hour_limit, found.hour_remaining) == (3, 3600, 3597)
    assert found.reset_at == int(START) + 3


async def test_an_hour_begins_anew(engine: Engine, monotonic: Monotonic) -> None:
    key = await engine.key("search")
    async with _rest(engine, _limits(monotonic)) as call:
        await call(VALIDATE, key)
        monotonic.seconds += 3599.0
        await call(VALIDATE, key)
        assert (await call(STATUS, key)).json()["categories"]["api"]["hour_used"] == 2
        monotonic.seconds += 1.0
        assert (await call(STATUS, key)).json()["categories"]["api"]["hour_used"] == 0


async def test_without_limits_nothing_is_told_and_the_status_has_no_category(engine: Engine) -> None:
    key = await engine.key("search")
    async with _rest(engine, None) as call:
        assert _told(await call(VALIDATE, key)) == (None, None, None)
        assert (await call(STATUS, key)).json() == {"user_id": "ada", "plan_id": "default", "categories": {}}


def test_the_bucket_that_was_left_alone_longest_makes_room(monotonic: Monotonic) -> None:
    buckets = Buckets(60, 60, monotonic=monotonic, most=2)
    for name in ("a", "b", "a", "c"):
        buckets.take(name)
    assert [buckets.look(name).remaining for name in ("a", "c")] == [58, 59]
    assert buckets.look("b").remaining == 60


@pytest.mark.parametrize(
    ("peer", "told", "stands_for"),
    [
        ("ipv4:192.0.2.1:1234", None, "192.0.2.1"),
        ("ipv4:192.0.2.1:1234", "198.51.100.7", "192.0.2.1"),
        ("ipv6:%5B2001:db8:0:1:2::3%5D:1234", None, "2001:db8:0:1::/64"),
        ("ipv6:[2001:db8:0:1:ffff::9]:1234", None, "2001:db8:0:1::/64"),
        ("inproc:gateway", "198.51.100.7", "198.51.100.7"),
        ("unix:", "2001:db8::7", "2001:db8::/64"),
        ("unix:", None, "unix:"),
        ("inproc:gateway", "nonsense", "inproc:gateway"),
    ],
)
def test_an_address_is_the_peers_own_unless_our_gateway_asks_for_it(
    peer: str, told: str | None, stands_for: str
) -> None:
    assert address(peer, {} if told is None else {"x-forwarded-for": told}) == stands_for
