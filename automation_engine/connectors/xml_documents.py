"""XML answers of storages, read strictly: what is missing or odd fails rather than looks complete."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, fromstring

from automation_engine.errors import StorageUnavailable


def parse(document: bytes, name: str, where: str) -> Element:
    """Return the root, which must be called ``name``. Raises ``StorageUnavailable``."""
    if b"<!DOCTYPE" in document:  # no storage's answer has one, and entities are an attack
        raise StorageUnavailable(f"{where}: the answer is not a storage's document")
    try:
        root = fromstring(document)  # noqa: S314 - without a DOCTYPE there are no entities to expand
    except ParseError as error:
        raise StorageUnavailable(f"{where}: the answer is broken XML: {error}") from error
    if root.tag.rpartition("}")[2] != name:
        raise StorageUnavailable(f"{where}: the answer is a {root.tag.rpartition('}')[2]}, not a {name}")
    return root


def tag(element: Element, name: str) -> str:
    """Return the name in the namespace of the element; some servers use none."""
    return element.tag[: element.tag.find("}") + 1] + name


def required(element: Element, name: str, where: str) -> str:
    """Return the text of a child, which must have some. Raises ``StorageUnavailable``."""
    text = element.findtext(tag(element, name))
    if not text:
        raise StorageUnavailable(f"{where}: the answer lacks {name}")
    return text
