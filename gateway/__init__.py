"""A gRPC↔REST transcoder driven by descriptors: ASGI middleware that knows ``google.api.http`` and no service."""
