"""The documentation page: renders the schema in the browser with nothing but itself, so that it works offline."""

from __future__ import annotations

import html
from importlib import resources


def docs_page(title: str, schema_url: str) -> str:
    """The page as HTML."""
    page = resources.files("gateway").joinpath("docs.html").read_text(encoding="utf-8")
    return page.replace("{{title}}", html.escape(title)).replace("{{schema}}", html.escape(schema_url))
