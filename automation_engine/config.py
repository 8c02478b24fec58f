"""Settings: the command line, else ``AUTOMATION_ENGINE_*``, else the default. Read once, faults told together."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from automation_engine.errors import InvalidArgument, Violation
from automation_engine.store.database import sqlite_url

ENV_PREFIX = "AUTOMATION_ENGINE_"


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
    """Where the embedded database, the key file and downloads are kept."""
    grpc: str = "127.0.0.1:50051"
    """Address to serve gRPC on: HOST:PORT; port 0 takes a free one."""
    http: str = "127.0.0.1:8080"
    """Address to serve REST on: HOST:PORT; port 0 takes a free one."""
    database_url: str | None = None
    """``postgresql://…``; without it an SQLite file in the data folder."""
    role: Role = Role.ALL
    local_root: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders that local connectors may touch; from the environment, separated by ``:``."""
    insecure_dev: bool = False
    """Allow what is only for development: an accelerated clock, local connectors on any folder."""
    time_scale: Annotated[float, Field(ge=1, le=100_000)] = 1.0
    """How many times faster than real the engine's clock runs: for demos and tests."""
    recording_days: Annotated[float, Field(ge=0, le=366)] = 30.0
    """How long the changes that scans find are kept for simulations, in days; 0 records nothing."""
    secret_key: SecretStr | None = None
    """Fernet keys, comma-separated, that seal credentials; without it a key file in the data folder."""

    @field_validator("local_root", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part for part in value.split(":") if part) if isinstance(value, str) else value

    @field_validator("grpc", "http")
    @classmethod
    def _address(cls, value: str) -> str:
        parse_address(value)
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

    @property
    def url(self) -> str:
        """The database's URL, with its driver."""
        if self.database_url is None:
            return sqlite_url(self.data_dir / "engine.db")
        return self.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)

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
