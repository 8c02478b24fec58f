"""Puts an import automation on an index, reads it, pauses it, tells its status, and shows how a refusal is read."""

# ruff: noqa: INP001, T201 (a program that talks, not a package)

from __future__ import annotations

import asyncio
import os
import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from automation_engine.v1 import automation_pb2 as pb
from automation_engine.v1 import automation_service_pb2 as api
from automation_engine.v1 import automation_service_pb2_grpc as rpc

TIMEOUT = 10.0
"""Seconds that a call may take."""


async def pause_automation(
    automations: rpc.AutomationServiceAsyncStub, key: str, index: str, wanted: pb.ImportAutomation
) -> None:
    """Save, read, pause, ask, and save something wrong. Raises ``grpc.aio.AioRpcError`` when a call fails."""
    call = {"metadata": [("x-api-key", key)], "timeout": TIMEOUT}

    request = api.PutImportAutomationRequest(index_id=index, import_automation=wanted)
    saved = (await automations.PutImportAutomation(request, **call)).import_automation
    print(f"saved: {saved.automation_id}")

    got = await automations.GetImportAutomation(api.GetImportAutomationRequest(index_id=index), **call)
    found = got.import_automation
    interval = pb.DebounceInterval.Name(found.debounce_interval)
    print(f"watches: {found.source_prefix}{found.file_pattern} every {interval}")

    await automations.PauseImportAutomation(api.PauseImportAutomationRequest(index_id=index), **call)

    asked = await automations.GetImportAutomationStatus(api.GetImportAutomationStatusRequest(index_id=index), **call)
    print(f"status: {pb.AutomationState.Name(asked.status.state)}: {asked.status.why}")

    request.import_automation.source_prefix = "../elsewhere/"
    try:
        await automations.PutImportAutomation(request, **call)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
            raise
        for violation in violations(error):
            print(f"refused: {violation.field}: {violation.description}")


def violations(error: grpc.aio.AioRpcError) -> list[error_details_pb2.BadRequest.FieldViolation]:
    """Return which fields of a request were wrong, and why."""
    status, bad_request = rpc_status.from_call(error), error_details_pb2.BadRequest()
    for detail in status.details if status else ():
        if detail.Unpack(bad_request):
            break
    return list(bad_request.field_violations)


async def main() -> int:
    """Run on the arguments INDEX CONNECTOR PROMPT; return the exit code."""
    index, connector, prompt = sys.argv[1:]
    wanted = pb.ImportAutomation(
        connector_id=connector,
        source_prefix="incoming/daily/",
        file_pattern="*.mp4",
        debounce_interval=pb.DEBOUNCE_INTERVAL_10M,
        prompt_preset=pb.PromptPreset(prompt_id=prompt),
    )
    address, key = os.environ["AUTOMATION_ENGINE_GRPC"], os.environ["AUTOMATION_ENGINE_KEY"]
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            await pause_automation(rpc.AutomationServiceStub(channel), key, index, wanted)
        except grpc.aio.AioRpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
