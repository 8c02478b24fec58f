"""JWTs: who a token's bearer is, and what it may do, by the claims that the operator chose.

The owner of a token and the owner of an API key are one namespace: the same text is the same tenant. Tokens are dated
by their issuer, so they are held against the machine's clock, never against an accelerated one.

Source: RFC 7519, RFC 8725, RFC 8693 (``scope``).
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from automation_engine.errors import PermissionDenied, Unauthenticated
from automation_engine.servicers.caller import Caller, Scope
from automation_engine.servicers.jwks import KeySource

LEEWAY = 30.0
"""Seconds that the issuer's clock and ours may differ."""

_OWNER = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_WORDS = {scope.name.lower(): scope for scope in Scope}
_STRANGE = "the bearer token is neither an API key nor a token of the issuer that this server trusts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token must say. ``issuer`` None: whoever holds the keys is trusted under any name.

    ``owner`` and ``scopes`` are names of claims. A scope is one of our words behind ``prefix``; all others are ignored.
    """

    issuer: str | None
    audience: str
    owner: str = "sub"
    scopes: str = "scope"
    prefix: str = ""


class Tokens:
    """Checks JWTs. ``now``: seconds since the epoch, in real time."""

    def __init__(self, keys: KeySource, claims: Claims, *, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._claims = claims
        self._now = now

    async def caller(self, token: str) -> Caller:
        """Return the bearer of a token.

        Raises ``Unauthenticated``, ``PermissionDenied`` where it holds no scope of ours, ``IssuerUnavailable``.
        """
        payload = await self._verified(token)
        owner = payload.get(self._claims.owner)
        if not isinstance(owner, str) or not _OWNER.fullmatch(owner):
            raise Unauthenticated(f"the token's claim {self._claims.owner} must be a text of 1 to 255 characters")
        subject = payload.get("sub")
        named = subject if isinstance(subject, str) and _OWNER.fullmatch(subject) else owner
        return Caller(owner=owner, key_id=f"jwt:{named}", scope=self._scope(payload))

    async def _verified(self, token: str) -> Mapping[str, Any]:
        """Check the signature first: nobody learns from us what is wrong with a token that isn't the issuer's."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise Unauthenticated(_STRANGE) from None
        signing = await self._keys.find(header.get("kid"))
        if signing is None:
            raise Unauthenticated(_STRANGE)
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                signing.key,
                algorithms=signing.algorithms,
                audience=self._claims.audience,
                issuer=self._claims.issuer,
                options={
                    "require": ["exp"],
                    "verify_iss": self._claims.issuer is not None,
                    # What says when is held against our own clock.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidAudienceError:
            raise Unauthenticated("the token is for another audience") from None
        except jwt.MissingRequiredClaimError as error:
            raise Unauthenticated(f"the token lacks the claim {error.claim}") from None
        except (jwt.PyJWTError, ValueError):
            raise Unauthenticated(_STRANGE) from None
        self._check_dates(payload)
        return payload

    def _check_dates(self, payload: Mapping[str, Any]) -> None:
        now = self._now()
        if now >= _date(payload, "exp", math.inf) + LEEWAY:
            raise Unauthenticated("the token has expired")
        if max(_date(payload, "nbf", -math.inf), _date(payload, "iat", -math.inf)) > now + LEEWAY:
            raise Unauthenticated("the token is not valid yet")

    def _scope(self, payload: Mapping[str, Any]) -> Scope:
        given, prefix = payload.get(self._claims.scopes), self._claims.prefix
        words = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
        held = [
            _WORDS[word.removeprefix(prefix)]
            for word in words
            if isinstance(word, str) and word.startswith(prefix) and word.removeprefix(prefix) in _WORDS
        ]
        if not held:
            wanted = ", ".join(prefix + word for word in _WORDS)
            raise PermissionDenied(f"the token's claim {self._claims.scopes} holds none of {wanted}")
        return max(held)


def _date(payload: Mapping[str, Any], claim: str, absent: float) -> float:
    """Return a NumericDate, in seconds since the epoch."""
    value = payload.get(claim, absent)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise Unauthenticated(f"the token's claim {claim} must be a number of seconds")
    return value
