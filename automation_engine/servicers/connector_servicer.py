"""``ConnectorService``: the storage that automations read from and deliver to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.errors import (
    Conflict,
    EngineError,
    InvalidArgument,
    SecretsUnreadable,
    StorageError,
    Violation,
)
from automation_engine.rules.matching import Pattern, compile_pattern, folder
from automation_engine.servicers import caller
from automation_engine.servicers.automation_checks import refuse_loop
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store import automations, connectors
from automation_engine.store.database import Database, Transaction
from automation_engine.store.tables import Connector
from automation_engine.v1 import connector_pb2
from automation_engine.v1 import connector_service_pb2 as pb
from automation_engine.v1.connector_pb2 import (
    ConnectorProvider,
    ConnectorScope,
    ConnectorStatus,
    ConnectorTestResult,
    ImportMode,
)
from automation_engine.v1.connector_service_pb2_grpc import ConnectorServiceServicer

BROWSE_FILES = 1000
"""Most files in the answer to one browsing."""
BROWSE_PAGES = 100
"""Most pages of the storage's listing that one browsing reads."""
TEST_SECONDS = 30.0
"""How long a storage may take to answer a test, in real seconds."""

_NAMED = 5
_ROTATED: Mapping[str, Sequence[str]] = {
    "s3": ("aws_access_key_id", "aws_secret_access_key"),
    "gcs": ("credentials_file",),
    "azure": ("tenant_id", "client_id", "client_secret", "authority_host", "account_key"),
    "local": (),
}
"""The credentials of each provider."""
_CREDENTIALS = tuple(name for names in _ROTATED.values() for name in names)

_Creation: TypeAlias = (
    pb.CreateS3ConnectorRequest
    | pb.CreateGcsConnectorRequest
    | pb.CreateAzureConnectorRequest
    | pb.CreateLocalConnectorRequest
)


def message(row: Connector) -> connector_pb2.Connector:
    """Return a connector as its message, without its credentials."""
    tested = row.last_test_result
    return connector_pb2.Connector(
        connector_id=row.connector_id,
        name=row.name,
        provider=number(ConnectorProvider.DESCRIPTOR, row.provider),
        status=number(ConnectorStatus.DESCRIPTOR, row.status),
        scopes=[number(ConnectorScope.DESCRIPTOR, scope) for scope in row.scopes],
        import_mode=number(ImportMode.DESCRIPTOR, row.import_mode),
        export_base_path=row.export_base_path,
        created_at=timestamp(row.created_at),
        updated_at=timestamp(row.updated_at),
        last_tested_at=timestamp(row.last_tested_at),
        last_test_result=None if tested is None else number(ConnectorTestResult.DESCRIPTOR, tested),
        last_test_error=row.last_test_error,
        **row.settings,
    )


def file_message(key: str, info: ObjectInfo) -> connector_pb2.CloudFile:
    """Return a listed object as its message."""
    name = key[key.rfind("/") + 1 :]
    return connector_pb2.CloudFile(
        path=key,
        name=name,
        size_bytes=info.size,
        last_modified=timestamp(info.last_modified),
        content_type=info.content_type,
        extension=PurePosixPath(name).suffix.lower(),
    )


def _normalised(path: str) -> str | None:
    """Return a relative path with single slashes and none at its ends; None for the root."""
    return "/".join(part for part in path.split("/") if part) or None


class ConnectorServicer(ConnectorServiceServicer):
    """Connectors of the caller. Storage is never reached within a transaction."""

    def __init__(self, *, database: Database, stores: Stores) -> None:
        self._database = database
        self._stores = stores

    async def CreateS3Connector(
        self,
        request: pb.CreateS3ConnectorRequest,
        context: Any,
    ) -> pb.CreateS3ConnectorResponse:
        """Create a connector to a bucket, which is not reached yet. Raises ``InvalidArgument``."""
        settings = self._placed("s3", _given(request, "bucket", "region", "endpoint_url"))
        secrets = _given(request, "aws_access_key_id", "aws_secret_access_key")
        await self._stores.unsaved("s3", settings, secrets).close()
        return pb.CreateS3ConnectorResponse(connector=message(await self._create(request, "s3", settings, secrets)))

    async def CreateGcsConnector(
        self,
        request: pb.CreateGcsConnectorRequest,
        context: Any,
    ) -> pb.CreateGcsConnectorResponse:
        """Create a connector to a bucket, which is not reached yet. Raises ``InvalidArgument``."""
        settings = self._placed("gcs", _given(request, "bucket", "gcp_project_id", "endpoint_url"))
        secrets = _given(request, "credentials_file")
        await self._stores.unsaved("gcs", settings, secrets).close()
        return pb.CreateGcsConnectorResponse(connector=message(await self._create(request, "gcs", settings, secrets)))

    async def CreateAzureConnector(
        self,
        request: pb.CreateAzureConnectorRequest,
        context: Any,
    ) -> pb.CreateAzureConnectorResponse:
        """Create a connector to a container, which is not reached yet. Raises ``InvalidArgument``."""
        settings = self._placed("azure", _given(request, "storage_account", "container", "endpoint_url"))
        secrets = _given(request, "tenant_id", "client_id", "client_secret", "authority_host", "account_key")
        if "account_key" not in secrets:
            secrets = self._placed("azure_authority", secrets, "authority_host")
        await self._stores.unsaved("azure", settings, secrets).close()
        return pb.CreateAzureConnectorResponse(
            connector=message(await self._create(request, "azure", settings, secrets))
        )

    async def CreateLocalConnector(
        self,
        request: pb.CreateLocalConnectorRequest,
        context: Any,
    ) -> pb.CreateLocalConnectorResponse:
        """Create a connector to a folder, which must be there. Raises ``InvalidArgument``."""
        settings = {"root": request.root}
        try:
            store = self._stores.unsaved("local", settings, {})
            await store.test()
            await store.close()
        except StorageError as error:
            raise InvalidArgument.of("root", error.message) from error
        return pb.CreateLocalConnectorResponse(connector=message(await self._create(request, "local", settings, None)))

    def _placed(self, default: str, given: dict[str, str], field: str = "endpoint_url") -> dict[str, str]:
        """Return the settings with the operator's endpoint, where there is one and none is named."""
        url = self._stores.endpoints.get(default)
        return given if url is None else {field: url, **given}

    async def _create(
        self,
        request: _Creation,
        provider: str,
        settings: Mapping[str, str],
        secrets: Mapping[str, str] | None,
    ) -> Connector:
        async with self._database.transaction() as tx:
            row = Connector(
                connector_id=tx.new_id("conn"),
                owner=caller.current().owner,
                name=request.name,
                provider=provider,
                status="active",
                scopes=_scopes(request.scopes) or ["import"],
                import_mode=_import_mode(request.import_mode) if request.HasField("import_mode") else "all",
                export_base_path=_normalised(request.export_base_path),
                settings=dict(settings),
                secrets=None if secrets is None else self._stores.encrypt(secrets),
                created_at=tx.now,
                updated_at=tx.now,
            )
            tx.add(row)
        return row

    async def ListConnectors(
        self,
        request: pb.ListConnectorsRequest,
        context: Any,
    ) -> pb.ListConnectorsResponse:
        """List the caller's connectors, the oldest first."""
        async with self._database.reading() as session:
            rows = await connectors.owned(session, caller.current().owner)
        return pb.ListConnectorsResponse(connectors=[message(row) for row in rows])

    async def GetConnector(
        self,
        request: pb.GetConnectorRequest,
        context: Any,
    ) -> pb.GetConnectorResponse:
        """Return a connector. Raises ``NotFound``."""
        return pb.GetConnectorResponse(connector=message(await self._find(request.connector_id)))

    async def UpdateConnector(
        self,
        request: pb.UpdateConnectorRequest,
        context: Any,
    ) -> pb.UpdateConnectorResponse:
        """Change what is set; ``updated_at`` moves only if that is a change.

        Raises ``NotFound``, ``InvalidArgument``, and ``Conflict`` that names what uses a scope that would go.
        """
        async with self._database.transaction() as tx:
            row = await connectors.find(tx, caller.current().owner, request.connector_id)
            values = {**_changes(request), **await self._rotated(row, request)}
            lost = set(row.scopes).difference(values.get("scopes", row.scopes))
            if users := await connectors.users(tx, row, lost):
                raise Conflict(
                    f"connector {row.connector_id} can't lose the scope {' and '.join(sorted(lost))}: "
                    f"it is used by {_list(users)}"
                )
            changed = {name: value for name, value in values.items() if getattr(row, name) != value}
            if changed:
                row.sqlmodel_update({**changed, "updated_at": connectors.changed_at(row, tx.now)})
                tx.add(row)
            if "export_base_path" in changed:
                await self._refuse_loops(tx, row)
        return pb.UpdateConnectorResponse(connector=message(row))

    async def _rotated(self, row: Connector, request: pb.UpdateConnectorRequest) -> dict[str, Any]:
        """Return the columns that new credentials set: they have passed no test yet, and failed none."""
        given = {name: getattr(request, name) for name in _CREDENTIALS if request.HasField(name)}
        if foreign := given.keys() - _ROTATED[row.provider]:
            right = ", ".join(_ROTATED[row.provider]) or "none"
            raise InvalidArgument(
                [
                    Violation(field=name, message=f"connector {row.connector_id} is {row.provider}: it takes {right}")
                    for name in sorted(foreign)
                ]
            )
        kept = self._kept(row) if given else {}
        if given.items() <= kept.items():
            return {}
        if "authority_host" in given:
            kept.pop("client_secret", None)  # whoever may not see it must not have it sent elsewhere
        secrets = {**(kept if ("account_key" in given) == ("account_key" in kept) else {}), **given}
        if row.provider == "azure" and "account_key" not in secrets:
            secrets = self._placed("azure_authority", secrets, "authority_host")
        await self._stores.unsaved(row.provider, row.settings, secrets).close()
        untested = dict.fromkeys(("last_tested_at", "last_test_result", "last_test_error"))
        status = {"status": "active"} if row.status == "failed" and not request.HasField("status") else {}
        return {"secrets": self._stores.encrypt(secrets), **untested, **status}

    def _kept(self, row: Connector) -> dict[str, str]:
        """Return the present credentials; none where nothing opens them any more: they are entered again."""
        try:
            return self._stores.secrets(row)
        except SecretsUnreadable:
            return {}

    async def _refuse_loops(self, tx: Transaction, row: Connector) -> None:
        """Raise ``InvalidArgument`` when an index would import what it delivers through the changed connector."""
        for exporting in await connectors.using(tx, row, automations.EXPORT):
            importing = await automations.sibling(tx, exporting.index_id, automations.IMPORT)
            watch = None if importing is None else automations.import_state(importing).config.watch
            source = None if watch is None else await tx.get(Connector, watch.connector_id)
            if watch is not None and source is not None:
                subpath = automations.export_state(exporting).destination_subpath
                refuse_loop(self._stores, source, watch.source_prefix, row, subpath, field="export_base_path")

    async def DeleteConnector(
        self,
        request: pb.DeleteConnectorRequest,
        context: Any,
    ) -> pb.DeleteConnectorResponse:
        """Delete a connector. Raises ``NotFound``, and ``Conflict`` that names what uses it."""
        async with self._database.transaction() as tx:
            row = await connectors.find(tx, caller.current().owner, request.connector_id)
            if users := await connectors.users(tx, row):
                raise Conflict(f"connector {row.connector_id} can't be deleted: it is used by {_list(users)}")
            await connectors.delete(tx, row)
        return pb.DeleteConnectorResponse(
            message=f"Connector {row.connector_id} was deleted; what was imported through it stays."
        )

    async def TestConnector(
        self,
        request: pb.TestConnectorRequest,
        context: Any,
    ) -> pb.TestConnectorResponse:
        """Reach the storage, and keep how that ended: it makes a connector active or failed, unless it is disabled.

        A configuration that was changed meanwhile keeps no result of the one before. Raises ``NotFound``.
        """
        tested = await self._find(request.connector_id)
        error = await self._fault(tested)
        async with self._database.transaction() as tx:
            row = await connectors.find(tx, caller.current().owner, request.connector_id)
            if row.updated_at == tested.updated_at:
                row.last_tested_at, row.last_test_error = tx.now, error
                row.last_test_result = "success" if error is None else "failed"
                if row.status != "disabled":
                    row.status = "active" if error is None else "failed"
                tx.add(row)
        return pb.TestConnectorResponse(success=error is None, error_message=error)

    async def _fault(self, row: Connector) -> str | None:
        try:
            async with asyncio.timeout(TEST_SECONDS):
                await self._stores.get(row).test()
        except TimeoutError:
            return f"no answer within {TEST_SECONDS:.0f} s"
        except EngineError as error:
            return error.message
        return None

    async def BrowseConnector(
        self,
        request: pb.BrowseConnectorRequest,
        context: Any,
    ) -> pb.BrowseConnectorResponse:
        """List matching files. Raises ``NotFound``, ``Conflict`` without the scope ``import``, ``StorageError``."""
        pattern = _pattern(request.pattern if request.HasField("pattern") else "*")
        recursive = request.recursive if request.HasField("recursive") else True
        row = await self._find(request.connector_id)
        if row.status == "disabled" or "import" not in row.scopes:
            lack = "is disabled" if row.status == "disabled" else "lacks the scope import"
            raise Conflict(f"connector {row.connector_id} can't be browsed: it {lack}; PATCH it first")
        store = self._stores.get(row)
        files = await _browse(store, folder(request.prefix), pattern, recursive=recursive)
        return pb.BrowseConnectorResponse(files=files)

    async def _find(self, connector_id: str) -> Connector:
        async with self._database.reading() as session:
            return await connectors.find(session, caller.current().owner, connector_id)


async def _browse(
    store: ObjectStore, prefix: str, pattern: Pattern, *, recursive: bool
) -> list[connector_pb2.CloudFile]:
    """Return the first matching files that the storage lists, by path; within ``BROWSE_FILES`` and ``BROWSE_PAGES``."""
    found: list[ObjectInfo] = []
    pages = 0
    async for page in store.list_pages(prefix, recursive=recursive):
        found += (info for info in page if pattern.matches(info.key.removeprefix(prefix)))
        pages += 1
        if len(found) >= BROWSE_FILES or pages == BROWSE_PAGES:
            break
    return [file_message(info.key, info) for info in sorted(found[:BROWSE_FILES], key=lambda info: info.key)]


def _given(request: _Creation, *names: str) -> dict[str, str]:
    """Return the text fields of these names that are not empty."""
    return {name: value for name in names if (value := getattr(request, name))}


def _changes(request: pb.UpdateConnectorRequest) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if request.HasField("name"):
        values["name"] = request.name
    if request.scopes:
        values["scopes"] = _scopes(request.scopes)
    if request.HasField("import_mode"):
        values["import_mode"] = _import_mode(request.import_mode)
    if request.HasField("export_base_path"):
        values["export_base_path"] = _normalised(request.export_base_path)
    if request.HasField("status"):
        values["status"] = word(ConnectorStatus.DESCRIPTOR, request.status)
    return values


def _scopes(scopes: Sequence[int]) -> list[str]:
    return [word(ConnectorScope.DESCRIPTOR, scope) for scope in sorted(scopes)]


def _import_mode(mode: int) -> str:
    return word(ImportMode.DESCRIPTOR, mode)


def _pattern(source: str) -> Pattern:
    try:
        return compile_pattern(source)
    except InvalidArgument as error:
        # The rule names its own field, the request calls it otherwise.
        raise InvalidArgument([Violation(field="pattern", message=v.message) for v in error.violations]) from None


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
