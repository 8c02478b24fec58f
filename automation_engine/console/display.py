"""How answers are shown to people: plain columns and pairs, or JSON. Whatever an engine says is text, never markup."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from automation_engine.console.messages import json_text

LONG = frozenset({"json_schema", "prompt_text"})
"""Fields that only JSON shows."""
_PIPED = 1000
"""Columns of an output that is no terminal: a row stays a line."""
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def stdout() -> Console:
    """Return where answers go."""
    return Console(width=None if sys.stdout.isatty() else _PIPED, highlight=False, markup=False)


def plain(text: str) -> str:
    """Return a text with what is not printable escaped: names of files may hold what moves a terminal's cursor."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def cell(value: Any) -> str:
    """Return a JSON value as people read it."""
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:,.1f}"
        case datetime():
            text = value.strftime("%Y-%m-%d %H:%M:%SZ")
        case list():
            text = ", ".join(map(str, value))
        case Mapping():
            text = json_text(value, indent=False)
        case _:
            text = str(value)
    return plain(text) or "-"


def table(rows: Sequence[Mapping[str, Any]], *columns: str) -> Table:
    """Return rows under the names of their fields."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell(row[column])) for column in columns))
    return made


def pairs(values: Iterable[tuple[str, str]]) -> Table:
    """Return names and values, one pair a line."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in values:
        made.add_row(name, Text(value))
    return made


def details(message: Mapping[str, Any]) -> Table:
    """Return every field that is set, nested ones by their path."""
    return pairs(_leaves(message, ""))


def _leaves(message: Mapping[str, Any], parent: str) -> Iterator[tuple[str, str]]:
    for name, value in message.items():
        if isinstance(value, Mapping) and name not in LONG:
            yield from _leaves(value, f"{parent}{name}.")
        elif value not in (None, []) and name not in LONG:
            yield parent + name, cell(value)


def span(seconds: float) -> str:
    """Return a span in its two largest units: ``4m 12s``."""
    left = max(0, round(seconds))
    parts = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        parts.append((count, unit))
    first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2])


def size(count: float) -> str:
    """Return a number of bytes: ``12.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def show(answer: Mapping[str, Any], *parts: Any, as_json: bool) -> None:
    """Print an answer: as JSON, or the parts that are for people."""
    out = stdout()
    if as_json:
        out.print(json_text(answer), soft_wrap=True)
        return
    with out.capture() as shown:
        for part in parts:
            out.print(part)
    for line in shown.get().splitlines():
        out.file.write(line.rstrip() + "\n")  # a table's last column is as wide as its widest row


def show_page(page: Mapping[str, Any], *columns: str, as_json: bool) -> None:
    """Print a page of a list, and how to go on."""
    cursor = page["pagination"]["next_cursor"]
    parts = [table(page["data"], *columns)] if page["data"] else ["nothing"]
    show(page, *parts, *([f"more: --cursor {cursor}"] if cursor else []), as_json=as_json)
