"""The settings that a published client needs: other names for analyzers, and the origin of download URLs."""

from __future__ import annotations

import pytest

from automation_engine.config import read_settings
from automation_engine.errors import InvalidArgument


def test_names_of_models_come_from_the_command_line_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = read_settings(model_alias=("gemini-2.5-flash=media_facts",))
    assert given.model_aliases == {"gemini-2.5-flash": "media_facts"}
    monkeypatch.setenv("AUTOMATION_ENGINE_MODEL_ALIAS", "one=media_facts, two=media_facts")
    assert read_settings().model_aliases == {"one": "media_facts", "two": "media_facts"}


@pytest.mark.parametrize("alias", ["media_facts", "=media_facts", "oracle="])
def test_a_name_without_an_analyzer_is_refused(alias: str) -> None:
    with pytest.raises(InvalidArgument, match="--model-alias: must be name=analyzer"):
        read_settings(model_alias=(alias,))


@pytest.mark.parametrize("url", ["api.example", "https://api.example/", "https://a@b", "https://api.example/api/v2"])
def test_a_public_url_is_an_origin(url: str) -> None:
    with pytest.raises(InvalidArgument, match="--public-url"):
        read_settings(public_url=url)
    assert read_settings(public_url="https://api.example:8443").public_url == "https://api.example:8443"
