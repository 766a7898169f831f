"""Pages asked for before they are wanted: the next one parsed, the one after it on its way, and nothing left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import FakeClock, drain
from tests.support.engines import job, offline
from tui_app.api.errors import ConnectError
from tui_app.engine.read_ahead import ReadAhead
from tui_app.models.export_job import JobPage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Platform:
    """Answers pages 1, 2, 3 and so on, each of which says what comes next.

    Attributes:
        asked: the cursors asked for.
        parsed: those whose answer was parsed.
        told: what an answer seems to say of the next page, where that is not what it says.
        broken: the cursors that fail.
    """

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.parsed: list[str | None] = []
        self.told: dict[str | None, str | None] = {}
        self.broken: set[str | None] = set()
        self.running = 0

    async def __call__(self, offset: str | None, arrived: Callable[[str | None], Awaitable[None]] | None) -> JobPage:
        self.asked.append(offset)
        self.running += 1
        try:
            await asyncio.sleep(0)
            if offset in self.broken:
                raise offline()
            following = str(int(offset or 0) + 1)
            if arrived is not None:
                await arrived(self.told.get(offset, following))
            self.parsed.append(offset)
            return JobPage.parse({"records": [job(int(offset or 0))], "link": {"next": f"/x?offset={following}"}})
        finally:
            self.running -= 1


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def ahead(platform: Platform) -> ReadAhead:
    return ReadAhead(platform, FakeClock(), is_on=True)


async def test_while_one_page_is_worked_on_the_next_is_parsed_and_one_more_is_asked_for(
    platform: Platform, ahead: ReadAhead
) -> None:
    _, page = await ahead.take(None)
    await ahead.expect(page.next_offset)
    await drain()
    assert platform.asked == [None, "1", "2"]
    assert platform.parsed == [None, "1"]
    _, page = await ahead.take("1")
    assert page.jobs[0].job_id == "1"
    await ahead.expect("2")
    await drain()
    assert platform.asked == [None, "1", "2", "3"]
    assert platform.parsed == [None, "1", "2"]
    await ahead.aclose()
    assert platform.running == 0


async def test_a_page_that_was_guessed_wrong_is_dropped(platform: Platform, ahead: ReadAhead) -> None:
    platform.told[None] = "7"
    await ahead.take(None)
    await drain()
    assert platform.asked[:2] == [None, "7"]
    await ahead.expect("1")
    _, page = await ahead.take("1")
    assert page.jobs[0].job_id == "1"
    assert platform.parsed[:2] == [None, "1"]
    await ahead.aclose()
    assert platform.running == 0


async def test_a_failure_comes_when_its_page_is_taken_and_the_page_can_be_asked_for_again(
    platform: Platform, ahead: ReadAhead
) -> None:
    platform.broken.add("1")
    await ahead.take(None)
    await ahead.expect("1")
    await drain()
    with pytest.raises(ConnectError):
        await ahead.take("1")
    platform.broken.clear()
    _, page = await ahead.take("1")
    assert page.jobs[0].job_id == "1"
    await ahead.aclose()


async def test_a_page_that_leads_to_itself_is_asked_for_once(platform: Platform, ahead: ReadAhead) -> None:
    platform.told["1"] = "1"
    await ahead.take(None)
    await ahead.expect("1")
    await drain()
    assert platform.asked == [None, "1"]
    await ahead.aclose()


async def test_cancelling_the_one_who_waits_ends_what_is_under_way(platform: Platform, ahead: ReadAhead) -> None:
    await ahead.take(None)
    await ahead.expect("1")
    taking = asyncio.create_task(ahead.take("5"))
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    await ahead.aclose()
    await drain()
    assert platform.running == 0


async def test_turned_off_it_asks_for_nothing_by_itself(platform: Platform) -> None:
    plain = ReadAhead(platform, FakeClock(), is_on=False)
    await plain.take(None)
    await plain.expect("1")
    await drain()
    assert platform.asked == [None]
