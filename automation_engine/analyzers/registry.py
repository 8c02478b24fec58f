"""The analyzers there are, by the name a prompt run gives as its ``processing_model``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automation_engine.analyzers.media_facts import MediaFactsAnalyzer
from automation_engine.errors import InvalidArgument

if TYPE_CHECKING:
    from automation_engine.analyzers.protocol import Analyzer

DEFAULT = MediaFactsAnalyzer.name

_ANALYZERS: dict[str, Analyzer] = {DEFAULT: MediaFactsAnalyzer()}


def analyzer_for(processing_model: str | None) -> Analyzer:
    """Return the analyzer of that name, the default one for None.

    Raises ``InvalidArgument`` for every other name, the hosted models of published clients among them: their answers
    are not to be had here, and measured facts must not pass for them.
    """
    analyzer = _ANALYZERS.get(processing_model or DEFAULT)
    if analyzer is None:
        available = ", ".join(sorted(_ANALYZERS))
        raise InvalidArgument.of("processing_model", f"{processing_model!r} is not available here: use {available}")
    return analyzer
