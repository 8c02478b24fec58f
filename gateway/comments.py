"""Source comments of a descriptor set, by full name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2

# Field numbers of google/protobuf/descriptor.proto: what a path of SourceCodeInfo.Location counts in.
_FILE_CHILDREN = (("message_type", 4), ("enum_type", 5), ("service", 6))
_CHILDREN = (("field", 2), ("nested_type", 3), ("enum_type", 4), ("value", 2), ("method", 2), ("oneof_decl", 8))
_KINDS: dict[str, tuple[str, ...]] = {
    "DescriptorProto": ("field", "nested_type", "enum_type", "oneof_decl"),
    "EnumDescriptorProto": ("value",),
    "ServiceDescriptorProto": ("method",),
}


def read_comments(descriptor_set: bytes) -> dict[str, str]:
    """The leading (else trailing) comment of every element, unindented, by full name.

    Args:
        descriptor_set: a serialised ``google.protobuf.FileDescriptorSet`` with source info; without it none is found.
    """
    found: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
        texts = {
            tuple(location.path): _clean(location.leading_comments or location.trailing_comments)
            for location in file.source_code_info.location
            if location.leading_comments or location.trailing_comments
        }
        for path, name in _elements(file):
            if path in texts:
                found[name] = texts[path]
    return found


def _clean(comment: str) -> str:
    return "\n".join(line.removeprefix(" ").rstrip() for line in comment.strip("\n").split("\n")).strip()


def _elements(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for attribute, number in _FILE_CHILDREN:
        for index, child in enumerate(getattr(file, attribute)):
            yield from _walk(child, (number, index), file.package)


def _walk(element: Any, path: tuple[int, ...], parent: str) -> Iterator[tuple[tuple[int, ...], str]]:
    # An enum's values are named here under their enum, which is where they are looked up.
    name = f"{parent}.{element.name}" if parent else element.name
    yield path, name
    wanted = _KINDS.get(element.DESCRIPTOR.name, ())
    for attribute, number in _CHILDREN:
        if attribute in wanted:
            for index, child in enumerate(getattr(element, attribute)):
                yield from _walk(child, (*path, number, index), name)
