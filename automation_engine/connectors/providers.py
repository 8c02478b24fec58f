"""From a connector's saved settings to its storage: the one place that knows the providers."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from automation_engine.connectors.azure import AzureStore
from automation_engine.connectors.azure_client import AUTHORITY_HOST, AccountKey, ClientSecret
from automation_engine.connectors.gcs import GcsStore
from automation_engine.connectors.gcs_client import ServiceAccount
from automation_engine.connectors.local import LocalStore
from automation_engine.connectors.protocol import ObjectStore
from automation_engine.connectors.s3 import S3Store
from automation_engine.errors import InvalidArgument, Violation

# Amazon S3 user guide, "General purpose bucket naming rules".
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Cloud Storage documentation, "Bucket names": with dots up to 222 characters, 63 between two of them.
_GCS_BUCKET = re.compile(r"(?=.{3,222}\Z)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*")
# Azure documentation, "Storage account name" and "Container names".
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"\$root|\$web|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
# A tenant's id or one of its domains.
_TENANT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
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

    ========== ==================================================== ==================================================
    provider   settings                                             secrets
    ========== ==================================================== ==================================================
    ``local``  ``root``
    ``s3``     ``bucket, region, endpoint_url?``                    ``aws_access_key_id, aws_secret_access_key``
    ``gcs``    ``bucket, endpoint_url?``                            ``credentials_file``: JSON of a service account
    ``azure``  ``storage_account, container, endpoint_url?``        ``tenant_id, client_id, client_secret,
                                                                    authority_host?`` or else ``account_key``
    ========== ==================================================== ==================================================

    Settings of other parts are ignored. ``allowed_roots`` are the folders that local connectors may touch, None for
    any.

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
    _refuse(
        {
            "bucket": _bucket_fault(bucket),
            "region": None
            if _matches(_REGION, region)
            else f"{region!r}: must be a region's name, such as eu-central-1",
            "endpoint_url": _endpoint_fault(endpoint_url),
            "aws_access_key_id": _credential_fault(key_id),
            "aws_secret_access_key": _credential_fault(secret),
        }
    )
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


def _open_gcs(
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    allowed_roots: Sequence[Path] | None,  # noqa: ARG001 - concerns folders alone
) -> ObjectStore:
    bucket, endpoint_url = settings.get("bucket"), settings.get("endpoint_url") or None
    account = _service_account(secrets.get("credentials_file"))
    _refuse(
        {
            "bucket": None
            if _matches(_GCS_BUCKET, bucket)
            else f"{bucket!r}: must be a bucket's name, such as media-1",
            "endpoint_url": _endpoint_fault(endpoint_url),
            "credentials_file": account if isinstance(account, str) else None,
        }
    )
    return GcsStore(str(bucket), cast("ServiceAccount", account), endpoint_url)


def _service_account(credentials: object) -> ServiceAccount | str:
    """Return the service account of a key file, or what is wrong with it, which quotes nothing of it."""
    right = "must be the JSON key file of a service account"
    try:
        info = orjson.loads(credentials) if isinstance(credentials, str) else None
    except ValueError:
        return f"{right}: it is no JSON"
    if not isinstance(info, dict) or info.get("type") != "service_account":
        return f"{right}: its type is not service_account"
    if _endpoint_fault(info.get("token_uri") or None):
        return f"{right}: its token_uri is no plain web address"
    try:
        return ServiceAccount.of(info)
    except ValueError as error:
        return f"{right}: it {error}"


def _open_azure(
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    allowed_roots: Sequence[Path] | None,  # noqa: ARG001 - concerns folders alone
) -> ObjectStore:
    account, container = settings.get("storage_account"), settings.get("container")
    endpoint_url = settings.get("endpoint_url") or None
    credential, faults = _azure_credential(secrets)
    _refuse(
        {
            "storage_account": None
            if _matches(_ACCOUNT, account)
            else f"{account!r}: must have 3 to 24 lower-case letters and digits",
            "container": None
            if _matches(_CONTAINER, container)
            else f"{container!r}: must have 3 to 63 lower-case letters, digits and single hyphens",
            "endpoint_url": _endpoint_fault(endpoint_url),
            **faults,
        }
    )
    return AzureStore(str(account), str(container), credential, endpoint_url)


def _azure_credential(
    secrets: Mapping[str, str],
) -> tuple[ClientSecret | AccountKey, dict[str, str | None]]:
    """Return the credential, which is right only where its faults are none."""
    if key := secrets.get("account_key"):
        return AccountKey(key=key), {"account_key": None if _is_base64(key) else "must be base64"}
    tenant, client, secret = (secrets.get(name, "") for name in ("tenant_id", "client_id", "client_secret"))
    authority = secrets.get("authority_host") or AUTHORITY_HOST
    return ClientSecret(tenant_id=tenant, client_id=client, client_secret=secret, authority_host=authority), {
        "tenant_id": None if _matches(_TENANT, tenant) else "is required: a tenant's id or domain",
        "client_id": _credential_fault(client),
        "client_secret": _credential_fault(secret),
        "authority_host": _endpoint_fault(authority),
    }


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def _refuse(faults: Mapping[str, str | None]) -> None:
    """Raise ``InvalidArgument`` with all faults, if there are any."""
    violations = [Violation(field=field, message=fault) for field, fault in faults.items() if fault]
    if violations:
        raise InvalidArgument(violations)


_PROVIDERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str], Sequence[Path] | None], ObjectStore]] = {
    "azure": _open_azure,
    "gcs": _open_gcs,
    "local": _open_local,
    "s3": _open_s3,
}
