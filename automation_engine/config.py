"""Settings: the command line, else ``AUTOMATION_ENGINE_*``, else the default. Read once, faults told together."""

from __future__ import annotations

import ssl
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from automation_engine.errors import InvalidArgument, Violation
from automation_engine.store.database import sqlite_url

ENV_PREFIX = "AUTOMATION_ENGINE_"
Endpoint = Annotated[str | None, Field(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$")]
"""A web address without user information, query or fragment."""


class Role(StrEnum):
    """What a process does. ``all`` is the whole engine, embedded."""

    ALL = "all"
    API = "api"
    SCHEDULER = "scheduler"
    WORKER = "worker"


class Settings(BaseSettings):
    """The engine's settings. Build them with ``read_settings``."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Path("automation-engine-data")
    """Where the embedded database and the key file are kept."""
    grpc: str = "127.0.0.1:50051"
    """Address to serve gRPC on: HOST:PORT; port 0 takes a free one."""
    http: str = "127.0.0.1:8080"
    """Address to serve REST on: HOST:PORT; port 0 takes a free one."""
    database_url: str | None = None
    """``postgresql://…``; without it an SQLite file in the data folder."""
    tls_cert: Path | None = None
    """Certificate of the name that clients call, with its chain, PEM: REST and gRPC are then served over TLS alone."""
    tls_key: Annotated[Path | None, Field(validate_default=True)] = None
    """The certificate's private key, PEM, without a passphrase."""
    public_url: Annotated[str | None, Field(pattern=r"^https?://[^\s/@?#]+$")] = None
    """The origin that clients reach REST at, where a proxy stands before it; without it the one that they call."""
    s3_endpoint_url: Endpoint = None
    """The server of S3 connectors that name none; without it Amazon's."""
    gcs_endpoint_url: Endpoint = None
    """The server of GCS connectors that name none; without it Google's."""
    azure_endpoint_url: Endpoint = None
    """The Blob endpoint of Azure connectors that name none; without it the public cloud's of their account."""
    azure_authority_host: Endpoint = None
    """Where tokens come from for Azure connectors that name no authority; without it the public cloud's."""
    model_alias: Annotated[tuple[str, ...], NoDecode] = ()
    """Other names for analyzers, ``name=analyzer``; from the environment, separated by commas."""
    role: Role = Role.ALL
    local_root: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders that local connectors may touch; from the environment, separated by ``:``."""
    insecure_dev: bool = False
    """Allow what is only for development: an accelerated clock, local connectors on any folder, webhooks to ``http``
    and to addresses that are not public."""
    time_scale: Annotated[float, Field(ge=1, le=100_000)] = 1.0
    """How many times faster than real the engine's clock runs: for demos and tests."""
    webhook_ca: Path | None = None
    """Certificate authorities, PEM, that webhooks' endpoints may have their certificates from, besides the system's."""
    recording_days: Annotated[float, Field(ge=0, le=366)] = 30.0
    """How long the changes that scans find are kept for simulations, in days; 0 records nothing."""
    rate_limit: Annotated[int, Field(ge=0, le=10_000_000)] = 1200
    """Calls a minute that a process lets through for each API key or subject of JWTs; 0: as many as they like."""
    rate_limit_burst: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """How many of them may come at once; without it those of a minute."""
    jwt_issuer: str | None = None
    """Who signs JWTs, exactly as ``iss`` says it; its keys are found by OIDC discovery."""
    jwt_jwks: Path | None = None
    """A JWKS file with the keys that sign JWTs, instead of discovery."""
    jwt_audience: Annotated[str | None, Field(validate_default=True)] = None
    """What ``aud`` must hold: the name of this service at the issuer."""
    jwt_owner_claim: Annotated[str, Field(min_length=1)] = "sub"
    """The claim that tells whose indexes, connectors and prompts a token reaches."""
    jwt_scopes_claim: Annotated[str, Field(min_length=1)] = "scope"
    """The claim that holds scopes: words between spaces, or a list."""
    jwt_scope_prefix: str = ""
    """What stands before ``admin``, ``write``, ``read`` and ``search`` in that claim."""
    secret_key: SecretStr | None = None
    """Fernet keys, comma-separated, that seal credentials; without it a key file in the data folder."""

    @field_validator("local_root", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part for part in value.split(":") if part) if isinstance(value, str) else value

    @field_validator("model_alias", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("model_alias")
    @classmethod
    def _two_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for alias in value:
            if not all(alias.partition("=")):
                raise ValueError(f"must be name=analyzer; got {alias!r}")
        return value

    @field_validator("grpc", "http")
    @classmethod
    def _address(cls, value: str) -> str:
        parse_address(value)
        return value

    @field_validator("tls_key")
    @classmethod
    def _certified(cls, value: Path | None, others: ValidationInfo) -> Path | None:
        certificate = others.data.get("tls_cert")
        if (value is None) != (certificate is None):
            raise ValueError("--tls-cert and --tls-key belong together")
        if value is not None and certificate is not None:
            try:
                # Without a password of its own it would ask for one on the terminal.
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, value, lambda: "")
            except OSError as error:
                raise ValueError(f"{certificate} and {value}: {error.strerror or error}") from None
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("postgresql://", "postgresql+asyncpg://")):
            raise ValueError("must begin with postgresql://; leave it out for an SQLite file in the data folder")
        return value

    # What contradicts another setting is found field by field too: a check of the whole would stay silent while any
    # field is at fault. A field knows those above it, without those that are at fault themselves.
    @field_validator("role")
    @classmethod
    def _one_process_on_sqlite(cls, value: Role, others: ValidationInfo) -> Role:
        if value is not Role.ALL and others.data.get("database_url", "") is None:
            raise ValueError(f"{value}: an SQLite file serves one process; give --database-url postgresql://…")
        return value

    @field_validator("time_scale")
    @classmethod
    def _real_time(cls, value: float, others: ValidationInfo) -> float:
        if value != 1.0 and not others.data.get("insecure_dev", True):
            raise ValueError("makes the engine's time unreal: it needs --insecure-dev")
        return value

    @field_validator("jwt_issuer")
    @classmethod
    def _safe_issuer(cls, value: str | None, others: ValidationInfo) -> str | None:
        from automation_engine.servicers.jwks import is_safe  # noqa: PLC0415 - it takes long to load, and few need it

        if value is not None and not is_safe(value, insecure=others.data.get("insecure_dev", True)):
            raise ValueError("must be https://…; http:// only on this machine, or with --insecure-dev")
        return value

    @field_validator("webhook_ca")
    @classmethod
    def _authorities(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except OSError as error:
                raise ValueError(f"{value}: {error.strerror or error}; must hold certificates, PEM") from None
        return value

    @field_validator("jwt_jwks")
    @classmethod
    def _known_keys(cls, value: Path | None) -> Path | None:
        from automation_engine.servicers.jwks import StaticKeys  # noqa: PLC0415 - as above

        if value is not None:
            try:
                StaticKeys(value)
            except OSError as error:
                raise ValueError(f"{value}: {error.strerror}") from None
        return value

    @field_validator("jwt_audience")
    @classmethod
    def _meant_for_us(cls, value: str | None, others: ValidationInfo) -> str | None:
        sources = [others.data[name] for name in ("jwt_issuer", "jwt_jwks") if name in others.data]
        if value is None and any(sources):
            raise ValueError("is needed with --jwt-issuer or --jwt-jwks: tokens for other services must not work here")
        if value is not None and sources == [None, None]:
            raise ValueError("says nothing without --jwt-issuer or --jwt-jwks")
        return value

    @property
    def url(self) -> str:
        """The database's URL, with its driver."""
        if self.database_url is None:
            return sqlite_url(self.data_dir / "engine.db")
        return self.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)

    @property
    def model_aliases(self) -> dict[str, str]:
        """Analyzers by the other names that they are asked for."""
        return dict(alias.split("=", 1) for alias in self.model_alias)

    @property
    def endpoints(self) -> dict[str, str]:
        """Where connectors go that name no endpoint: by provider, and ``azure_authority``."""
        named = {
            "s3": self.s3_endpoint_url,
            "gcs": self.gcs_endpoint_url,
            "azure": self.azure_endpoint_url,
            "azure_authority": self.azure_authority_host,
        }
        return {name: url for name, url in named.items() if url}

    @property
    def allowed_roots(self) -> tuple[Path, ...] | None:
        """Where local connectors may go; None is anywhere."""
        return None if self.insecure_dev and not self.local_root else self.local_root


def read_settings(**given: Any) -> Settings:
    """Read the settings; ``given`` holds what the command line says, None where it says nothing.

    Raises ``InvalidArgument`` with a violation for every setting at fault.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value not in (None, ())})
    except ValidationError as error:
        raise InvalidArgument([_violation(fault) for fault in error.errors(include_url=False)]) from None


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` (``[::1]:80`` for IPv6). Raises ``ValueError``."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdigit() and int(port) <= 65_535):
        raise ValueError(f"must be HOST:PORT with a port up to 65535; got {address!r}")
    return host.strip("[]"), int(port)


def _violation(fault: Any) -> Violation:
    option = "--" + "-".join(str(part) for part in fault["loc"]).replace("_", "-") if fault["loc"] else ""
    return Violation(field=option, message=str(fault["msg"]).removeprefix("Value error, "))
