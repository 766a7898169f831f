"""What the engine has to say beside its data is told once, also when it comes long after the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.clock import FakeClock
from tests.support.engines import make_app, make_engine, settle
from tui_app.engine.session import Topic

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_notice_that_comes_later_is_told_once(tmp_path: Path) -> None:
    engine, _ = make_engine(tmp_path, FakeClock())
    await engine.prepare()
    engine.session.notices.append("The history was damaged.")
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        assert [one.message for one in app._notifications] == ["The history was damaged."]
        engine.session.notices.append("It is damaged [again].")
        for _ in range(2):
            engine._core.bulletin.publish(Topic.SESSION)
            await settle(pilot, engine)
        assert [one.message for one in app._notifications] == ["The history was damaged.", "It is damaged [again]."]
