"""The journal of creations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_app.history.history import History


async def test_an_intent_nobody_can_read_does_not_stop_the_others(history: History) -> None:
    broken = await history.intents.open({"a": 1}, fingerprint="f", owner="here:1", at_ms=1)
    await history.database.write(
        lambda db: db.execute("UPDATE intent SET body = '{nope' WHERE intent_id = ?", (broken,))
    )
    whole = await history.intents.open({"b": 2}, fingerprint="f", owner="here:1", at_ms=2)
    assert [one.intent_id for one in await history.intents.unsettled()] == [whole]
