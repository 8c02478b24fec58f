"""Prompts: found by owner, and what uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store.tables import Automation, Prompt, PromptRun

_NAMED = 5


async def find(session: AsyncSession, owner: str, prompt_id: str) -> Prompt:
    """Return an owner's prompt. Raises ``NotFound``."""
    statement = select(Prompt).where(Prompt.prompt_id == prompt_id, Prompt.owner == owner)
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise NotFound(f"there is no prompt {prompt_id}")
    return row


async def owned(session: AsyncSession, owner: str) -> Sequence[Prompt]:
    """Return an owner's prompts, the oldest first."""
    statement = select(Prompt).where(Prompt.owner == owner)
    return (await session.exec(statement.order_by(col(Prompt.created_at), col(Prompt.prompt_id)))).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What uses a prompt: how many runs, the newest of them, and the indexes whose import automation does, sorted."""

    run_count: int
    newest_run_id: str | None
    index_ids: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.run_count or self.index_ids)

    def __str__(self) -> str:
        shown = [f"the import automation of index {index_id}" for index_id in self.index_ids[:_NAMED]]
        if len(self.index_ids) > _NAMED:
            shown.append(f"{len(self.index_ids) - _NAMED} more automations")
        if self.run_count:
            runs = "prompt run" if self.run_count == 1 else f"{self.run_count:,} prompt runs, the newest of them"
            shown.append(f"{runs} {self.newest_run_id}")
        return ", ".join(shown)


async def usage(session: AsyncSession, prompt: Prompt) -> Usage:
    """Return the runs that were made with a prompt, and the automations that were saved with it."""
    made = (PromptRun.prompt_id == prompt.prompt_id, PromptRun.owner == prompt.owner)
    newest = select(PromptRun.run_id).where(*made).order_by(col(PromptRun.created_at).desc()).limit(1)
    saved = select(Automation.index_id, Automation.preset).where(
        Automation.owner == prompt.owner, col(Automation.deleted_at).is_(None)
    )
    index_ids = [
        index_id
        for index_id, preset in (await session.exec(saved)).all()
        if preset and preset["prompt_id"] == prompt.prompt_id
    ]
    return Usage(
        run_count=(await session.exec(select(func.count()).select_from(PromptRun).where(*made))).one(),
        newest_run_id=(await session.exec(newest)).first(),
        index_ids=tuple(sorted(index_ids)),
    )
