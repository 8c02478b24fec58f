"""Prompts: found by owner, and whether they are in use."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store.tables import Automation, Prompt, PromptRun


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


async def in_use(session: AsyncSession, prompt: Prompt) -> bool:
    """Whether a run was made with the prompt, or an automation was saved with it."""
    run = select(PromptRun.run_id).where(PromptRun.prompt_id == prompt.prompt_id, PromptRun.owner == prompt.owner)
    if (await session.exec(run.limit(1))).first() is not None:
        return True
    presets = select(Automation.preset).where(Automation.owner == prompt.owner, col(Automation.deleted_at).is_(None))
    return any(preset and preset["prompt_id"] == prompt.prompt_id for preset in (await session.exec(presets)).all())
