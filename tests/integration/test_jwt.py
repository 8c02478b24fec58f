"""JWTs with real keys, from a file or from a real issuer on this machine, over REST and gRPC."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from automation_engine.config import read_settings
from automation_engine.errors import InvalidArgument, IssuerUnavailable, Unauthenticated
from automation_engine.main import make_app
from automation_engine.servicers.caller import Caller, Scope
from automation_engine.servicers.index_servicer import IndexServicer
from automation_engine.servicers.jwks import MAX_BYTES, DiscoveredKeys, StaticKeys, parse
from automation_engine.servicers.rate_limits import RateLimits
from automation_engine.servicers.tokens import Claims, Tokens
from automation_engine.v1.index_service_pb2 import CreateIndexRequest, ListIndexesRequest
from automation_engine.v1.index_service_pb2_grpc import IndexServiceStub, add_IndexServiceServicer_to_server
from tests.integration.engine import Engine, serve
from tests.integration.failures import refusal

NOW = 1_767_225_600
ISSUER = "https://id.example.org"
AUDIENCE = "automation-engine"
CLAIMS = Claims(issuer=ISSUER, audience=AUDIENCE)


@cache
def _private(name: str) -> Any:
    """Make a private key; ``name`` is its id and tells its kind."""
    kind = name.partition("-")[0]
    if kind == "rsa":
        return rsa.generate_private_key(65537, 1024 if name == "rsa-short" else 2048)
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else ed25519.Ed25519PrivateKey.generate()


def _public(name: str, **more: Any) -> dict[str, Any]:
    kind = {"rsa": RSAAlgorithm, "ec": ECAlgorithm, "okp": OKPAlgorithm}[name.partition("-")[0]]
    return {**kind.to_jwk(_private(name).public_key(), as_dict=True), "kid": name, **more}


def _jwks(*names: str) -> dict[str, Any]:
    return {"keys": [_public(name) for name in names]}


def _token(name: str = "ec-1", algorithm: str = "ES256", *, kid: str | None = "", **claims: Any) -> str:
    """Sign claims, valid ones unless given; one that is None is left out."""
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 60, "iat": NOW, "scope": "openid read"}
    payload = {claim: value for claim, value in {**usual, **claims}.items() if value is not None}
    headers = {} if kid is None else {"kid": kid or name}
    return jwt.encode(payload, _private(name), algorithm, headers=headers)


def _file(folder: Path, document: Any) -> Path:
    path = folder / "jwks.json"
    path.write_text(json.dumps(document))
    return path


def _tokens(folder: Path, claims: Claims = CLAIMS, *, document: Any = None) -> Tokens:
    keys = StaticKeys(_file(folder, document or _jwks("rsa-1", "ec-1", "okp-1")))
    return Tokens(keys, claims, now=lambda: NOW)


@pytest.mark.parametrize(
    ("name", "algorithm"), [("rsa-1", "RS256"), ("rsa-1", "PS256"), ("ec-1", "ES256"), ("okp-1", "EdDSA")]
)
async def test_a_token_tells_owner_and_scope(tmp_path: Path, name: str, algorithm: str) -> None:
    caller = await _tokens(tmp_path).caller(_token(name, algorithm))
    assert caller == Caller(owner="ada", key_id="jwt:ada", scope=Scope.READ)


async def test_the_operator_chooses_the_claims_and_a_prefix(tmp_path: Path) -> None:
    claims = Claims(issuer=None, audience=AUDIENCE, owner="tenant", scopes="roles", prefix="engine:")
    token = _token(iss=None, aud=["other", AUDIENCE], tenant="grace", roles=["admin", "engine:write", 7, "engine:root"])
    caller = await _tokens(tmp_path, claims).caller(token)
    assert caller == Caller(owner="grace", key_id="jwt:ada", scope=Scope.WRITE)


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": NOW - 30}, "the token has expired"),
        ({"exp": None}, "the token lacks the claim exp"),
        ({"exp": "never"}, "exp must be a number"),
        ({"exp": float("nan")}, "exp must be a number"),
        ({"exp": True}, "exp must be a number"),
        ({"nbf": NOW + 31}, "the token is not valid yet"),
        ({"iat": NOW + 31}, "the token is not valid yet"),
        ({"aud": "other"}, "the token is for another audience"),
        ({"aud": None}, "the token lacks the claim aud"),
        ({"iss": "https://evil.example.org"}, "neither an API key nor a token of the issuer"),
        ({"iss": None}, "the token lacks the claim iss"),
        ({"sub": None}, "the token's claim sub must be a text"),
        ({"sub": "a\nb"}, "the token's claim sub must be a text"),
    ],
)
async def test_a_token_that_is_not_good_now_or_here_is_refused(
    tmp_path: Path, claims: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(Unauthenticated, match=says):
        await _tokens(tmp_path).caller(_token(**claims))


async def test_clocks_may_differ_by_30_seconds(tmp_path: Path) -> None:
    token = _token(exp=NOW - 29, nbf=NOW + 30, iat=NOW + 30)
    assert (await _tokens(tmp_path).caller(token)).owner == "ada"


def _unsigned() -> str:
    return jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 60}, None, "none")


def _confused() -> str:
    """Sign with the public key as if it were a shared secret."""
    public = _private("rsa-1").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = _token("rsa-1", "RS256", scope="admin").split(".")[1]
    head = base64url_encode(b'{"alg":"HS256","typ":"JWT","kid":"rsa-1"}').decode()
    signature = hmac.digest(public, f"{head}.{signed}".encode(), "sha256")
    return f"{head}.{signed}.{base64url_encode(signature).decode()}"


def _foreign() -> str:
    return _token("ec-2", kid="ec-1")


def _altered() -> str:
    head, payload, signature = _token().split(".")
    return f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.mark.parametrize(
    "token",
    [
        _unsigned,
        _confused,
        _foreign,
        _altered,
        lambda: _token("rsa-1", "RS512"),
        lambda: _token("rsa-1", "RS256", kid="ec-1"),
        lambda: _token("ec-2"),
        lambda: _token(kid=None),
        lambda: "a.b.c",
        lambda: "nonsense",
        lambda: "",
    ],
)
async def test_a_token_that_is_not_the_issuers_is_refused_without_telling_why(tmp_path: Path, token: Any) -> None:
    with pytest.raises(Unauthenticated) as raised:
        await _tokens(tmp_path).caller(token())
    assert raised.value.message == (
        "the bearer token is neither an API key nor a token of the issuer that this server trusts"
    )


async def test_a_token_without_a_key_id_fits_the_only_key(tmp_path: Path) -> None:
    tokens = _tokens(tmp_path, document=_jwks("ec-1"))
    assert (await tokens.caller(_token(kid=None))).owner == "ada"


def test_keys_of_other_kinds_uses_or_sizes_are_passed_over() -> None:
    secret = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}
    odd = [
        secret,
        7,
        {"kty": "EC", "crv": ["P-256"]},
        {"kty": "RSA", "n": "AQAB"},
        _public("rsa-short"),
        _public("rsa-1", use="enc"),
        _public("ec-2", alg="ES512"),
        _public("ec-3", d="private"),
    ]
    kept = parse(json.dumps({"keys": [*odd, _public("rsa-2", alg="PS256")]}).encode())
    assert {name: key.algorithms for name, key in kept.items()} == {"rsa-2": ("PS256",)}
    for document in ({"keys": odd}, {"keys": {}}, []):
        with pytest.raises(ValueError, match=r"JWKS document|no public key"):
            parse(json.dumps(document).encode())


class Issuer:
    """A real issuer: its documents can be changed, and it counts who asks for its keys."""

    def __init__(self) -> None:
        self.url = ""
        self.jwks: Any = _jwks("ec-1")
        self.discovery: dict[str, Any] = {}
        self.status = 200
        self.asked = 0

    async def configuration(self, _: web.Request) -> web.Response:
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.discovery}
        return web.json_response(document, status=self.status)

    async def keys(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response(self.jwks, status=self.status)

    async def elsewhere(self, _: web.Request) -> web.Response:
        raise web.HTTPFound(f"{self.url}/keys")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Run an issuer on a free port."""
    issuer, app = Issuer(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.configuration)
    app.router.add_get("/keys", issuer.keys)
    app.router.add_get("/elsewhere", issuer.elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield issuer
    await runner.cleanup()


class Monotonic:
    """Seconds that pass when told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def _discovered(issuer: Issuer, monotonic: Monotonic) -> Tokens:
    keys = DiscoveredKeys(issuer.url, monotonic=monotonic)
    return Tokens(keys, Claims(issuer=issuer.url, audience=AUDIENCE), now=lambda: NOW)


async def test_an_issuers_keys_are_fetched_once_an_hour(issuer: Issuer) -> None:
    monotonic = Monotonic()
    tokens = _discovered(issuer, monotonic)
    for seconds, asked in ((0.0, 1), (3599.0, 1), (1.0, 2)):
        monotonic.seconds += seconds
        assert (await tokens.caller(_token(iss=issuer.url))).owner == "ada"
        assert issuer.asked == asked


async def test_a_new_key_is_found_and_unknown_ones_ask_at_most_once_a_minute(issuer: Issuer) -> None:
    monotonic = Monotonic()
    tokens = _discovered(issuer, monotonic)
    await tokens.caller(_token(iss=issuer.url))
    issuer.jwks = _jwks("ec-2")
    for seconds, asked in ((59.0, 1), (0.0, 1)):
        monotonic.seconds += seconds
        with pytest.raises(Unauthenticated):
            await tokens.caller(_token("ec-2", iss=issuer.url))
        assert issuer.asked == asked
    monotonic.seconds += 1.0
    assert (await tokens.caller(_token("ec-2", iss=issuer.url))).owner == "ada"
    with pytest.raises(Unauthenticated):
        await tokens.caller(_token(iss=issuer.url))
    assert issuer.asked == 2, "the old key was withdrawn, and asking for it asks nobody"


async def test_keys_outlive_an_issuer_that_does_not_answer_for_a_day(issuer: Issuer) -> None:
    monotonic = Monotonic()
    tokens = _discovered(issuer, monotonic)
    await tokens.caller(_token(iss=issuer.url))
    issuer.status = 500
    monotonic.seconds += 23 * 3600.0
    assert (await tokens.caller(_token(iss=issuer.url))).owner == "ada"
    with pytest.raises(IssuerUnavailable):
        await tokens.caller(_token("ec-2", iss=issuer.url))
    monotonic.seconds += 3600.0
    with pytest.raises(IssuerUnavailable):
        await tokens.caller(_token(iss=issuer.url))
    issuer.status = 200
    monotonic.seconds += 60.0
    assert (await tokens.caller(_token(iss=issuer.url))).owner == "ada"


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example.org"},
        {"jwks_uri": "http://keys.example.org/"},
        {"jwks_uri": "http://[::1"},
        {"jwks_uri": None},
        {"jwks_uri": "http://127.0.0.1:1/"},
        {"jwks_uri": "elsewhere"},
    ],
)
async def test_an_issuer_that_tells_no_keys_is_unavailable(issuer: Issuer, discovery: dict[str, Any]) -> None:
    if discovery.get("jwks_uri") == "elsewhere":
        discovery = {"jwks_uri": f"{issuer.url}/elsewhere"}
    issuer.discovery = discovery
    with pytest.raises(IssuerUnavailable):
        await _discovered(issuer, Monotonic()).caller(_token(iss=issuer.url))
    assert issuer.asked == 0, "a redirection is not followed"


@pytest.mark.parametrize("jwks", [[], {"keys": []}, {"keys": [], "padding": "x" * MAX_BYTES}])
async def test_an_issuer_whose_keys_are_none_or_too_large_is_unavailable(issuer: Issuer, jwks: Any) -> None:
    issuer.jwks = jwks
    with pytest.raises(IssuerUnavailable):
        await _discovered(issuer, Monotonic()).caller(_token(iss=issuer.url))


@asynccontextmanager
async def _rest(engine: Engine, tokens: Tokens, limits: RateLimits | None = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(engine.database, engine.stores, limits=limits, tokens=tokens))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine/api/v2") as http:
        yield http


def _bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


async def test_a_token_reaches_what_a_key_of_the_same_owner_made(engine: Engine, tmp_path: Path) -> None:
    tokens = _tokens(tmp_path)
    async with _rest(engine, tokens) as http:
        made = await http.post("/indexes", json={"name": "News"}, headers={"X-API-Key": await engine.key(owner="ada")})
        path = f"/indexes/{made.json()['index_id']}"
        assert (await http.get(path, headers=_bearer(_token()))).json() == made.json()
        assert (await http.get(path, headers=_bearer(_token(sub="grace")))).status_code == 404
    services = {"IndexService": (add_IndexServiceServicer_to_server, IndexServicer(database=engine.database))}
    async with serve(engine, services, tokens=tokens) as api:
        stub = await api.stub_with(IndexServiceStub, {"authorization": f"Bearer {_token()}"})
        assert [index.name for index in (await stub.ListIndexes(ListIndexesRequest())).indexes] == ["News"]
        refused = await refusal(stub.CreateIndex(CreateIndexRequest(name="Sport")))
    assert (refused.status, refused.reason) == ("PERMISSION_DENIED", "INSUFFICIENT_SCOPE")


async def test_a_key_still_works_as_a_bearer_and_x_api_key_wins_even_when_it_is_wrong(
    engine: Engine, tmp_path: Path
) -> None:
    key = await engine.key("search")
    async with _rest(engine, _tokens(tmp_path)) as http:
        for headers, status in (
            (_bearer(key), 204),
            (_bearer(_token()), 204),
            (_bearer("nonsense", **{"X-API-Key": key}), 204),
            (_bearer(_token(), **{"X-API-Key": "sk_live_" + "0" * 48}), 401),
            (_bearer(key, **{"X-API-Key": ""}), 401),
            ({"X-API-Key": _token()}, 401),
            (_bearer("nonsense"), 401),
            (_bearer(_token(scope="openid")), 403),
        ):
            assert (await http.get("/auth/validate", headers=headers)).status_code == status, headers


async def test_an_issuer_that_is_down_fails_tokens_and_no_keys(engine: Engine, issuer: Issuer) -> None:
    issuer.status = 503
    async with _rest(engine, _discovered(issuer, Monotonic())) as http:
        refused = await http.get("/auth/validate", headers=_bearer(_token(iss=issuer.url)))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "issuer_unavailable")
        assert (await http.get("/auth/validate", headers={"X-API-Key": await engine.key()})).status_code == 204


async def test_the_limit_is_the_subjects_however_many_tokens_it_has(engine: Engine, tmp_path: Path) -> None:
    limits = RateLimits(2, monotonic=Monotonic())
    async with _rest(engine, _tokens(tmp_path), limits) as http:
        statuses = [
            (await http.get("/auth/validate", headers=_bearer(_token(sub=sub, jti=str(n))))).status_code
            for n, sub in enumerate(["ada", "ada", "ada", "grace"])
        ]
    assert statuses == [204, 204, 429, 204]


def _faults(**given: Any) -> dict[str, str]:
    with pytest.raises(InvalidArgument) as raised:
        read_settings(**given)
    return {violation.field: violation.message for violation in raised.value.violations}


def test_the_settings_of_tokens_are_checked_together(tmp_path: Path) -> None:
    faults = _faults(jwt_issuer="http://id.example.org", jwt_jwks=tmp_path / "none", rate_limit=-1, rate_limit_burst=0)
    assert set(faults) == {"--jwt-issuer", "--jwt-jwks", "--rate-limit", "--rate-limit-burst"}
    assert "https://" in faults["--jwt-issuer"]
    assert "No such file" in faults["--jwt-jwks"]
    assert "is needed" in _faults(jwt_issuer=ISSUER)["--jwt-audience"]
    assert "is needed" in _faults(jwt_jwks=_file(tmp_path, _jwks("ec-1")))["--jwt-audience"]
    assert "says nothing" in _faults(jwt_audience=AUDIENCE)["--jwt-audience"]
    assert "JWKS document" in _faults(jwt_jwks=_file(tmp_path, []), jwt_audience=AUDIENCE)["--jwt-jwks"]
    for issuer, more in ((ISSUER, {}), ("http://127.0.0.1:8000", {}), ("http://idp", {"insecure_dev": True})):
        assert read_settings(jwt_issuer=issuer, jwt_audience=AUDIENCE, **more).jwt_issuer == issuer
