#!/bin/sh
# Regenerates the checked-in code from the protos; --check regenerates beside it and fails with the diff.
# Needs the virtual environment's bin on PATH (buf, python with grpcio-tools); run from anywhere.
set -eu
cd "$(dirname "$0")/.."

generate() { # $1: the root that the files go under
    buf generate -o "$1"
    buf build proto --as-file-descriptor-set -o "$1/automation_engine/v1/descriptor_set.binpb"
}

buf lint
buf format -d --exit-code

case "${1-}" in
"")
    rm -f automation_engine/v1/*_pb2.py automation_engine/v1/*_pb2.pyi automation_engine/v1/*_pb2_grpc.py
    generate .
    ;;
--check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    generate "$fresh"
    # __init__.py is written by hand, caches are nobody's.
    diff -r -x __init__.py -x __pycache__ "$fresh/automation_engine/v1" automation_engine/v1
    diff -r -x __init__.py -x __pycache__ "$fresh/gen/buf" gen/buf
    ;;
*)
    echo "usage: proto/generate.sh [--check]" >&2
    exit 2
    ;;
esac
