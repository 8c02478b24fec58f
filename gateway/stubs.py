"""A package of generated stubs, opened: its services, its descriptor set, its extension for REST words."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from types import ModuleType

from google.api import annotations_pb2
from google.protobuf.descriptor import ServiceDescriptor

from gateway.scalars import Extension


@dataclass(frozen=True, slots=True, kw_only=True)
class Stubs:
    """What a gateway needs of a package. ``descriptor_set`` is serialised; an extension that there is not is None."""

    services: tuple[ServiceDescriptor, ...]
    descriptor_set: bytes
    rest_name: Extension | None
    required_scope: Extension | None
    bearer_field: Extension | None
    takes_form: Extension | None


def load_stubs(package: str) -> Stubs:
    """Read every ``*_pb2`` module of a package, in the order of their names.

    The package carries ``descriptor_set.binpb`` (with source info), and may have an ``annotations_pb2`` with the
    extensions ``rest_name``, an enum value's word, ``required_scope``, what a method's caller must hold,
    ``bearer_field``, the field of a request that takes the place of credentials, and ``takes_form``, whether a method's
    body may be a form.
    """
    root = importlib.import_module(package)
    services: list[ServiceDescriptor] = []
    annotations: ModuleType | None = None
    for module in _modules(root):
        services += filter(_has_routes, module.DESCRIPTOR.services_by_name.values())
        if module.__name__.endswith(".annotations_pb2"):
            annotations = module
    found = resources.files(package).joinpath("descriptor_set.binpb")
    return Stubs(
        services=tuple(services),
        descriptor_set=found.read_bytes(),
        rest_name=getattr(annotations, "rest_name", None),
        required_scope=getattr(annotations, "required_scope", None),
        bearer_field=getattr(annotations, "bearer_field", None),
        takes_form=getattr(annotations, "takes_form", None),
    )


def _modules(root: ModuleType) -> Iterator[ModuleType]:
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda info: info.name):
        if info.name.endswith("_pb2"):
            yield importlib.import_module(f"{root.__name__}.{info.name}")


def _has_routes(service: ServiceDescriptor) -> bool:
    return any(method.GetOptions().HasExtension(annotations_pb2.http) for method in service.methods)
