"""A buf plugin around grpcio-tools: ``*_pb2.py``, ``*_pb2.pyi`` and, for files with services, ``*_pb2_grpc.py``.

buf sends a ``CodeGeneratorRequest`` on stdin and reads a ``CodeGeneratorResponse`` from stdout. The plugin's parameter
is a path prefix: only files under it are generated. The descriptors are passed on as buf built them.
"""

# ruff: noqa: INP001 (a script that buf runs, not a package)

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc  # type: ignore[import-untyped]  # ships no types


def main() -> None:
    """Answer one request. Exits with the compiler's status when it refuses the descriptors."""
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    wanted = [name for name in request.file_to_generate if name.startswith(request.parameter)]
    services = [file.name for file in request.proto_file if file.service and file.name in wanted]
    with tempfile.TemporaryDirectory() as folder:
        descriptors, out = Path(folder, "in.binpb"), Path(folder, "out")
        out.mkdir()
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        source = f"--descriptor_set_in={descriptors}"
        for args in ([f"--python_out={out}", f"--pyi_out={out}", *wanted], [f"--grpc_python_out={out}", *services]):
            if status := protoc.main(["protoc", source, *args]) if len(args) > 1 else 0:
                sys.exit(status)
        features = plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        response = plugin_pb2.CodeGeneratorResponse(supported_features=features)
        for path in sorted(out.rglob("*.py*")):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text("utf-8"))
    sys.stdout.buffer.write(response.SerializeToString())


if __name__ == "__main__":
    main()
