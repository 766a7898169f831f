"""Owns `aepx jobs sync`: bringing the remote history into the local one, and telling how far that is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from tui_app.cli.main import Globals, global_options
from tui_app.cli.options import Command
from tui_app.cli.output import Exit, Output
from tui_app.cli.progress import ProgressLine
from tui_app.cli.session import opened_engine, run

if TYPE_CHECKING:
    from tui_app.engine.engine import Engine
    from tui_app.engine.tally import Tally

_HEARTBEAT_S: Final = 1.0
_RATE_AFTER_S: Final = 0.5
_AGAIN: Final = "What was read is kept; run it again to go on from there."
_DOING: Final = {"newest": "Newest jobs", "running": "Running jobs", "older": "Older jobs"}


@click.command(cls=Command)
@global_options
@click.option("--all", "everything", is_flag=True, help="Also all older jobs, from where an earlier sync stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in the end.")
@click.pass_obj
def sync(options: Globals, *, everything: bool, as_json: bool) -> int:
    """Bring the platform's export jobs into the local history.

    Reads the jobs that are new since the last time and those that run. With --all it then walks through all older
    ones to the end of the list; ctrl-c keeps what was read, and the next --all goes on from there. The app does the
    same in the background.

    The platform does not say how many jobs it has. Where ids count up, they tell how many can be left at most; that is
    what the bar and the time left go by.
    """
    syncing = _Syncing(everything=everything)
    try:
        run(syncing.run(options))
    except KeyboardInterrupt:
        syncing.report(as_json=as_json)
        return Exit.INTERRUPTED
    except BaseException:
        syncing.tell_kept()
        raise
    syncing.report(as_json=as_json)
    return Exit.OK


class _Syncing:
    """One run of the command; what it has brought can be asked for also after it was interrupted."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self._tally: Tally | None = None
        self._seconds = 0.0
        self._complete = False
        self._ended = False
        self._older_since_s: float | None = None
        self._told: object = None

    async def run(self, options: Globals) -> None:
        """Synchronise.

        Raises:
            FailureError: the platform stays away or refuses, or history cannot be written.
        """
        from tui_app.engine.tally import Tally  # noqa: PLC0415 - help does without the engine

        async with opened_engine(options) as engine:
            tally = self._tally = Tally()
            line = ProgressLine(engine.clock)
            begun_s = engine.clock.monotonic()
            beating = asyncio.create_task(self._beat(engine, tally, line))
            try:
                self._complete = await engine.sync.run(
                    tally, everything=self._everything, told=lambda: self._tell(engine, tally, line)
                )
                self._ended = True
                line.show("Names of datasets")
                # So that filters and lists know them offline too; without them the jobs are still here.
                await engine.datasets.learn_names()
            finally:
                beating.cancel()
                line.clear()
                self._seconds = engine.clock.monotonic() - begun_s

    async def _beat(self, engine: Engine, tally: Tally, line: ProgressLine) -> None:
        """Draw the line also while no answer comes, so that one sees it live."""
        while True:
            await engine.clock.sleep(_HEARTBEAT_S)
            self._tell(engine, tally, line)

    def _tell(self, engine: Engine, tally: Tally, line: ProgressLine) -> None:
        failure = tally.waiting
        if failure is not None and failure is not self._told:
            line.clear()
            seconds = _seconds_until(tally.resumes_at_ms, engine)
            Output().narrate(f"{failure} Trying again in {seconds}; ctrl-c keeps what was read.")
        self._told = failure
        if failure is not None:
            line.show(f"Waiting for the platform, next try in {_seconds_until(tally.resumes_at_ms, engine)}")
        elif tally.doing == "older":
            self._tell_older(engine, tally, line)
        else:
            line.show(f"{_DOING[tally.doing]}: {tally.read:,} read")

    def _tell_older(self, engine: Engine, tally: Tally, line: ProgressLine) -> None:
        from tui_app.present.times import duration  # noqa: PLC0415 - as above

        now_s = engine.clock.monotonic()
        if self._older_since_s is None:
            self._older_since_s = now_s
        parts = [f"Older jobs: {tally.older:,} read"]
        elapsed_s, most_left, share = now_s - self._older_since_s, tally.most_left, None
        if tally.older and elapsed_s >= _RATE_AFTER_S:
            rate = tally.older / elapsed_s
            parts.append(f"{rate:,.0f} a second")
            if most_left is not None:
                parts.append(f"about {duration(round(most_left / rate) * 1000)} left at most")
        if most_left is not None:
            share = tally.older / (tally.older + most_left) if tally.older else 0.0
        line.show(", ".join(parts), share=share)

    def report(self, *, as_json: bool) -> None:
        """Say what was brought, on stderr, and with `as_json` on stdout too."""
        tally, output = self._tally, Output()
        if tally is None:
            output.narrate("Interrupted before anything was read.")
            return
        told = (
            f"{tally.new:,} new and {tally.changed:,} changed jobs in {self._seconds:.1f} s, {tally.read:,} looked at"
        )
        told += f", {tally.gone:,} gone from the platform." if tally.gone else "."
        output.narrate(told if self._ended else f"Interrupted. {told} {_AGAIN}")
        if self._ended and not self._complete:
            output.narrate("Older jobs are not all here yet: aepx jobs sync --all reads them.")
        if as_json:
            output.data(
                {
                    "jobs_read": tally.read,
                    "new": tally.new,
                    "changed": tally.changed,
                    "gone": tally.gone,
                    "complete": self._complete,
                    "interrupted": not self._ended,
                    "seconds": round(self._seconds, 3),
                }
            )

    def tell_kept(self) -> None:
        """Say that a failure has not undone what was read before it."""
        if self._tally is not None and self._tally.read:
            Output().narrate(f"{self._tally.read:,} jobs were read before this. {_AGAIN}")


def _seconds_until(moment_ms: int | None, engine: Engine) -> str:
    from tui_app.clock import now_ms  # noqa: PLC0415 - here the engine is loaded anyway
    from tui_app.present.times import duration  # noqa: PLC0415 - as above

    # Rounded up: what is said at once is the whole of it.
    return duration(-(min(0, now_ms(engine.clock) - (moment_ms or 0)) // 1000) * 1000)
