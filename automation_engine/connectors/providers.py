"""From a connector's saved settings to its storage: the one place that knows the providers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from automation_engine.connectors.local import LocalStore
from automation_engine.connectors.protocol import ObjectStore
from automation_engine.connectors.s3 import S3Store
from automation_engine.errors import InvalidArgument, Violation

# Amazon S3 user guide, "General purpose bucket naming rules".
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_VISIBLE = re.compile(r"[!-~]+")
_CREDENTIAL = re.compile(r"[!-~]{1,256}")


def open_store(
    provider: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    *,
    allowed_roots: Sequence[Path] | None,
) -> ObjectStore:
    """Open a storage; nothing is reached before it is used.

    ``local`` takes ``root``; ``s3`` takes ``bucket``, ``region`` and optionally ``endpoint_url``, and of the secrets
    ``aws_access_key_id`` and ``aws_secret_access_key``. Settings of other parts are ignored. ``allowed_roots`` are the
    folders that local connectors may touch, None for any.

    Raises ``InvalidArgument`` with a violation for each field at fault, and ``StorageDenied`` for a ``root`` outside
    the allowed ones.
    """
    opener = _PROVIDERS.get(provider)
    if opener is None:
        raise InvalidArgument.of("provider", f"{provider!r}: must be one of {', '.join(sorted(_PROVIDERS))}")
    return opener(settings, secrets, allowed_roots)


def _open_local(
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],  # noqa: ARG001 - a folder has none
    allowed_roots: Sequence[Path] | None,
) -> ObjectStore:
    root = settings.get("root")
    if not isinstance(root, str) or not root.startswith("/") or not root.isprintable():
        raise InvalidArgument.of("root", f"{root!r}: must be the absolute path of a folder, such as /mnt/media")
    return LocalStore(Path(root), allowed_roots)


def _open_s3(
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    allowed_roots: Sequence[Path] | None,  # noqa: ARG001 - concerns folders alone
) -> ObjectStore:
    bucket, region = settings.get("bucket"), settings.get("region")
    # Unset text fields arrive as "".
    endpoint_url = settings.get("endpoint_url") or None
    key_id, secret = secrets.get("aws_access_key_id"), secrets.get("aws_secret_access_key")
    faults = {
        "bucket": _bucket_fault(bucket),
        "region": None if _matches(_REGION, region) else f"{region!r}: must be a region's name, such as eu-central-1",
        "endpoint_url": _endpoint_fault(endpoint_url),
        "aws_access_key_id": _credential_fault(key_id),
        "aws_secret_access_key": _credential_fault(secret),
    }
    violations = [Violation(field=field, message=fault) for field, fault in faults.items() if fault]
    if violations:
        raise InvalidArgument(violations)
    return S3Store(str(bucket), str(region), str(key_id), str(secret), endpoint_url)


def _bucket_fault(bucket: object) -> str | None:
    if not _matches(_BUCKET, bucket) or _is_address(str(bucket)):
        return f"{bucket!r}: must have 3 to 63 lower-case letters, digits, dots and hyphens, and be no IP address"
    return None


def _endpoint_fault(endpoint_url: object) -> str | None:
    right = "must be http:// or https://, a host and perhaps a port and a path, such as https://storage.example.com"
    if endpoint_url is None:
        return None
    if not _matches(_VISIBLE, endpoint_url):
        return f"{endpoint_url!r}: {right}"
    try:
        url = urlsplit(str(endpoint_url))
        whole = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        return f"{endpoint_url!r}: {right}"
    if url.username or url.password:
        return f"holds credentials: {right}"
    if not whole or url.query or url.fragment:
        return f"{endpoint_url!r}: {right}"
    return None


def _credential_fault(value: object) -> str | None:
    # The value itself is never repeated.
    return None if _matches(_CREDENTIAL, value) else "is required: 1 to 256 visible ASCII characters"


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


_PROVIDERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str], Sequence[Path] | None], ObjectStore]] = {
    "local": _open_local,
    "s3": _open_s3,
}
