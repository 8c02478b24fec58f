"""What a PUT of either automation is checked against: its etag, its connector, and that it doesn't feed itself."""

from __future__ import annotations

from automation_engine.connectors.pool import Stores
from automation_engine.errors import InvalidArgument, NotFound, StaleWrite
from automation_engine.rules.matching import folder
from automation_engine.servicers.caller import Caller
from automation_engine.store import automations, connectors, indexes, revisions
from automation_engine.store.database import Transaction
from automation_engine.store.revisions import Change
from automation_engine.store.tables import Automation, Connector, MediaIndex, Revision


async def lock_index(tx: Transaction, owner: str, index_id: str) -> None:
    """Let nobody else save an automation of this index until the transaction ends. Raises ``NotFound``."""
    await indexes.find(tx, owner, index_id)
    await tx.get(MediaIndex, index_id, with_for_update=True)


def etag(row: Automation) -> str:
    """Return the version of a saved configuration."""
    return f"{row.automation_id}-{row.revision}"


def check_etag(row: Automation | None, expected: str) -> None:
    """Raise ``StaleWrite`` when the caller knows another version than the saved one.

    Empty: any will do. ``*``: any will do, as long as there is one.
    """
    if expected and row is None:
        raise StaleWrite(f"etag {expected}: nothing is saved; PUT it without an etag")
    if row is not None and expected not in ("", "*", etag(row)):
        raise StaleWrite(f"etag {expected}: the saved one is {etag(row)}; GET it, and PUT your change again")


async def kept_or_missing(tx: Transaction, owner: str, index_id: str, kind: str) -> Automation:
    """Return and lock an owner's automation, also one that was deleted. Raises ``NotFound``."""
    await indexes.find(tx, owner, index_id)
    row = await automations.kept(tx, owner, index_id, kind)
    if row is None:
        raise NotFound(f"index {index_id} has no {kind} automation")
    return row


def change(by: Caller, restored: Revision | None) -> Change:
    """Return what a caller does who saves a configuration: one of his own, or that of a revision."""
    if restored is None:
        return Change(action=revisions.PUT, actor=by.key_id)
    return Change(action=revisions.RESTORE, actor=by.key_id, restored_from=restored.revision)


async def connector_for(tx: Transaction, owner: str, connector_id: str, *, scope: str, field: str) -> Connector:
    """Return an owner's connector that has the scope. Raises ``InvalidArgument`` on the field that names it."""
    try:
        connector = await connectors.find(tx, owner, connector_id)
    except NotFound:
        raise InvalidArgument.of(field, f"{connector_id!r}: there is no such connector") from None
    if scope not in connector.scopes:
        held = ", ".join(connector.scopes)
        raise InvalidArgument.of(field, f"{connector_id!r}: the connector needs the scope {scope}; it has {held}")
    return connector


def refuse_loop(
    stores: Stores, source: Connector, prefix: str, destination: Connector, subpath: str, *, field: str
) -> None:
    """Raise ``InvalidArgument`` when what is delivered would be imported again.

    Addresses are compared, not connectors: two connectors may reach the same bytes.
    """
    watched = stores.get(source).location(folder(prefix))
    base = folder((destination.export_base_path or "").strip("/"))
    delivered = stores.get(destination).location(base + folder(subpath.strip("/")))
    if delivered.startswith(watched):
        raise InvalidArgument.of(
            field, f"the index would feed itself: exports go to {delivered}, inside {watched}, which it watches"
        )
