"""`aepx jobs sync`: what it brings, what it tells on the way, and how it ends when the platform or a person ends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TextIO, cast

import pytest

from tests.support.clock import FakeClock
from tests.support.served_emulator import ServedEmulator
from tests.support.terminal import AEPX, Terminal, environment
from tui_app.cli.progress import ProgressLine
from tui_app.clock import SystemClock
from tui_app.emulator.faults.instead import Status, Throttle
from tui_app.engine.sync import Sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

    Aepx = Callable[..., Result]

LIST = "/data/core/ups/export/jobs"


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch, hasty: None) -> None:
    """Wait twice for a platform that is away, and no time each."""
    defaults = Sync.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "waits_s", (0.0, 0.0))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def known(aepx: Aepx) -> int:
    return len(aepx("jobs", "list", "--offline", "--all", "--json").document)


def test_all_jobs_come_once_and_are_here_then(aepx: Aepx, platform: ServedEmulator) -> None:
    first = aepx("jobs", "sync", "--all", "--json")
    assert first.code == 0, first.err
    told = first.document
    assert (told["new"], told["complete"], told["interrupted"], told["gone"]) == (60, True, False, 0)
    assert told["jobs_read"] >= 60
    assert re.search(r"^60 new and \d+ changed jobs in [\d.]+ s, \d+ looked at\.$", first.err, re.MULTILINE)
    assert known(aepx) == 60
    again = aepx("jobs", "sync", "--all", "--json")
    assert (again.document["new"], again.document["complete"]) == (0, True)
    assert again.err.count("\n") == 1


def test_without_all_it_says_that_older_ones_are_left(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("jobs", "sync")
    assert (found.code, found.out) == (0, "")
    assert "aepx jobs sync --all" in found.err
    aepx("jobs", "sync", "--all")
    assert "--all" not in aepx("jobs", "sync").err


def test_new_and_changed_jobs_come_without_all(aepx: Aepx, dataset: str, platform: ServedEmulator) -> None:
    aepx("jobs", "sync", "--all")
    for _ in range(3):
        assert aepx("jobs", "create", "--dataset", dataset).code == 0
    told = aepx("jobs", "sync", "--json").document
    # What was created from here is in history already; that it runs, or has ended, is new.
    assert told["new"] == 0
    platform.steer(
        lambda world: world.create_job(
            world.sandboxes["prod"], {"destination": {"datasetId": dataset}, "schema": {"name": "x"}}
        )
    )
    assert aepx("jobs", "sync", "--json").document["new"] == 1


def test_an_empty_sandbox_is_complete(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("jobs", "sync", "--all", "--json", "--sandbox", "empty")
    assert (found.code, found.document["jobs_read"], found.document["complete"]) == (0, 0, True)


def test_an_outage_on_the_way_is_told_and_waited_out(aepx: Aepx, platform: ServedEmulator, brief: None) -> None:
    platform.disturb(Status(503), path=LIST, method="GET", after=1, times=5)
    found = aepx("jobs", "sync", "--all", "--json")
    assert found.code == 0, found.err
    assert found.document["complete"]
    assert "Trying again" in found.err
    assert "503" in found.err


def test_a_platform_that_stays_away_is_exit_3_and_what_was_read_is_kept(
    aepx: Aepx, platform: ServedEmulator, brief: None
) -> None:
    platform.disturb(Status(503), path=LIST, method="GET", after=1)
    found = aepx("jobs", "sync", "--all")
    assert found.code == 3
    assert "60 jobs were read before this" in found.err
    assert "run it again" in found.err
    assert found.err.count("Trying again") == 2
    platform.emulator.faults.clear()
    assert known(aepx) == 60
    assert aepx("jobs", "sync", "--all", "--json").document["complete"]


def test_a_platform_that_is_not_there_is_not_waited_for(aepx: Aepx, platform: ServedEmulator, hasty: None) -> None:
    platform.stop()
    found = aepx("jobs", "sync", "--all")
    assert found.code == 3
    assert "Trying again" not in found.err


def test_a_time_the_platform_names_is_waited_out_and_told(
    aepx: Aepx, platform: ServedEmulator, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    wait = SystemClock.sleep

    async def sleep(self: SystemClock, seconds: float) -> None:
        slept.append(seconds)
        await wait(self, min(seconds, 1.0))

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    platform.disturb(Throttle(retry_after=90), path=LIST, method="GET", times=1)
    found = aepx("jobs", "sync")
    assert found.code == 0, found.err
    assert "Trying again in 1m30s" in found.err
    assert 90 in slept


def test_a_refused_credential_is_exit_4(aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEPX_CLIENT_SECRET", "wrong")
    assert aepx("jobs", "sync", "--all").code == 4


def test_a_terminal_shows_a_bar_and_ctrl_c_keeps_what_was_read(tmp_path: Path) -> None:
    with ServedEmulator(jobs=15_000) as platform:
        environ = environment(tmp_path, **platform.variables())
        with Terminal((*AEPX, "jobs", "sync", "--all"), environ=environ, columns=100) as terminal:
            terminal.wait_for(r"█+░+  Older jobs: [\d,]+ read, [\d,]+ a second, about \w+ left at most")
            terminal.press("ctrl-c")
            assert terminal.wait_ended()[0] == 130
            assert re.search(r"Interrupted\. [\d,]+ new .* What was read is kept; run it", terminal.text)
        with Terminal((*AEPX, "jobs", "sync", "--all", "--json"), environ=environ, columns=100) as terminal:
            terminal.wait_for(r'"complete": true', 40)
            assert int(re.findall(r'"jobs_read": (\d+)', terminal.text)[0]) < 15_000
            assert "█" not in terminal.text


class Stream:
    """A stream that is a terminal of no known size, or none at all."""

    encoding = "ascii"

    def __init__(self, *, is_terminal: bool) -> None:
        self.text = ""
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def fileno(self) -> int:
        raise OSError

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def progress(stream: Stream, clock: FakeClock) -> ProgressLine:
    return ProgressLine(clock, cast("TextIO", stream))


async def test_a_terminal_gets_one_line_that_is_redrawn_and_goes(clock: FakeClock) -> None:
    stream = Stream(is_terminal=True)
    line = progress(stream, clock)
    line.show("1 read", share=0.5)
    line.show("2 read", share=0.6)
    await clock.advance(0.2)
    line.show("3 read\x1b[2J", share=2.0)
    line.clear()
    line.clear()
    assert stream.text.count("\r\x1b[K") == 3
    assert "##########..........  1 read" in stream.text
    assert "2 read" not in stream.text
    assert "####################  3 read\\x1b[2J" in stream.text
    assert "\n" not in stream.text


async def test_a_line_never_exceeds_the_terminal(clock: FakeClock) -> None:
    stream = Stream(is_terminal=True)
    progress(stream, clock).show("x" * 300)
    assert len(stream.text.removeprefix("\r\x1b[K")) == 79


async def test_elsewhere_a_plain_line_comes_every_five_seconds(clock: FakeClock) -> None:
    stream = Stream(is_terminal=False)
    line = progress(stream, clock)
    for number in range(120):
        line.show(f"{number} read", share=0.5)
        await clock.advance(0.125)
    line.clear()
    assert stream.text == "40 read\n80 read\n"
