"""A program as a user of the generated client writes it; ``test_generated_clients.py`` checks its types and runs it.

Arguments: the server's URL, a key, the ids of an index, a connector and a prompt.
"""

from __future__ import annotations

import sys
from http import HTTPStatus

from automation_client import AuthenticatedClient
from automation_client.api.automation import get_import_automation, pause_import_automation, put_import_automation
from automation_client.api.connector import list_connectors
from automation_client.models import (
    AutomationState,
    DebounceInterval,
    ErrorBody,
    ImportAutomation,
    ImportAutomationInput,
    PromptPresetInput,
)


def main(url: str, key: str, index_id: str, connector_id: str, prompt_id: str) -> None:
    """Put an automation, pause it, list connectors, and be refused."""
    client = AuthenticatedClient(base_url=url, token=key)
    body = ImportAutomationInput(
        connector_id=connector_id,
        source_prefix="incoming/daily/",
        file_pattern="*.mp4",
        debounce_interval=DebounceInterval.DEBOUNCE_INTERVAL_10M,
        prompt_preset=PromptPresetInput(prompt_id=prompt_id),
    )
    saved = put_import_automation.sync(index_id, client=client, body=body)
    assert isinstance(saved, ImportAutomation), saved
    assert saved.debounce_interval.value == "10m"
    assert saved.prompt_preset.prompt_id == prompt_id

    # What was answered can be sent back.
    again = ImportAutomationInput.from_dict(saved.to_dict())
    same = put_import_automation.sync_detailed(index_id, client=client, body=again, if_match=f'"{saved.etag}"')
    assert same.status_code == HTTPStatus.OK, same.content
    assert same.headers["etag"] == f'"{saved.etag}"'

    paused = pause_import_automation.sync(index_id, client=client, idempotency_key="pause-once")
    assert isinstance(paused, ImportAutomation), paused
    assert paused.state is AutomationState.PAUSED

    connectors = list_connectors.sync(client=client)
    assert isinstance(connectors, list), connectors
    assert [connector.connector_id for connector in connectors] == [connector_id]

    missing = get_import_automation.sync_detailed("idx_missing", client=client)
    assert missing.status_code == HTTPStatus.NOT_FOUND
    assert isinstance(missing.parsed, ErrorBody)
    assert missing.parsed.error.request_id == missing.headers["x-request-id"]


main(*sys.argv[1:])
