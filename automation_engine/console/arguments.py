"""The arguments and options that several commands share, and lists that are read page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from google.protobuf.message import Message

from automation_engine.console.connection import Connection
from automation_engine.console.messages import request, told


class Kind(StrEnum):
    """The two automations of an index."""

    IMPORT = "import"
    EXPORT = "export"

    def named(self, pattern: str) -> str:
        """Return a name of the protos: ``*`` stands for ``Import`` or ``Export``."""
        return pattern.replace("*", self.value.title())

    @property
    def body(self) -> str:
        """The field of messages that holds the automation."""
        return f"{self.value}_automation"


Index = Annotated[str, typer.Argument(metavar="INDEX", help="The index's id.", show_default=False)]
KindOf = Annotated[Kind, typer.Argument(help="Which of its two automations.", show_default=False)]
Etag = Annotated[str | None, typer.Option(help="Only if the saved one has this etag; * for any that there is.")]
File = Annotated[typer.FileBinaryRead, typer.Option("--file", help="JSON as in REST; - reads standard input.")]
Limit = Annotated[int | None, typer.Option(help="Most items of a page, 1 to 200.")]
Cursor = Annotated[str | None, typer.Option(help="Where to go on: the cursor that the page before ended with.")]
Everything = Annotated[bool, typer.Option("--all", help="Read every page.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of the API: the method that reads a page, its request, and what to ask for."""

    stub: Callable[[Any], Any]
    method: str
    request: type[Message]
    asked: dict[str, Any]

    async def read(self, connection: Connection, *, everything: bool) -> dict[str, Any]:
        """Return ``{"data": […], "pagination": {…}}``, of one page or of all that follow."""
        asked, data = dict(self.asked), list[Any]()
        if everything and asked.get("limit") is None:
            asked["limit"] = 200
        while True:
            page = told(await connection.call(self.stub, self.method, request(self.request, **asked)))
            data += page["data"]
            asked["cursor"] = page["pagination"]["next_cursor"]
            if not everything or asked["cursor"] is None:
                return {"data": data, "pagination": page["pagination"]}
