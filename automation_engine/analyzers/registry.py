"""The analyzers there are, by the name a prompt run gives as its ``processing_model``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from automation_engine.analyzers.media_facts import MediaFactsAnalyzer
from automation_engine.errors import InvalidArgument

if TYPE_CHECKING:
    from automation_engine.analyzers.protocol import Analyzer

DEFAULT = MediaFactsAnalyzer.name

_ANALYZERS: dict[str, Analyzer] = {DEFAULT: MediaFactsAnalyzer()}
_ALIASES: dict[str, str] = {}


def use_aliases(aliases: Mapping[str, str]) -> None:
    """Let other names stand for analyzers, in this process, in the place of those that did before.

    Raises ``InvalidArgument`` for what stands for no analyzer, or is the name of one.
    """
    for name, analyzer in aliases.items():
        if name in _ANALYZERS or analyzer not in _ANALYZERS:
            told = f"{name}={analyzer}: must be another name for one of {', '.join(sorted(_ANALYZERS))}"
            raise InvalidArgument.of("--model-alias", told)
    _ALIASES.clear()
    _ALIASES.update(aliases)


def analyzer_for(processing_model: str | None) -> Analyzer:
    """Return the analyzer of that name, or that the name stands for; the default one for None.

    Raises ``InvalidArgument`` for every other name, the hosted models of published clients among them: their answers
    are not to be had here, and measured facts must not pass for them unless the operator says so.
    """
    name = processing_model or DEFAULT
    analyzer = _ANALYZERS.get(_ALIASES.get(name, name))
    if analyzer is None:
        available = ", ".join(sorted({*_ANALYZERS, *_ALIASES}))
        raise InvalidArgument.of("processing_model", f"{processing_model!r} is not available here: use {available}")
    return analyzer
