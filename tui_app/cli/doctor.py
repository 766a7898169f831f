"""Owns `aepx doctor`: configuration, connection and terminal looked over, each point with what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from tui_app.cli.main import Globals, exit_code, global_options, open_configuration
from tui_app.cli.options import Command
from tui_app.cli.output import Exit, Output
from tui_app.cli.session import doubt, opened_workspaces, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from tui_app.config import Loaded
    from tui_app.engine.doctor import Diagnosis
    from tui_app.models.failure import Failure

_LEAST_SIZE: Final = (60, 15)
_GOOD_SIZE: Final = (80, 24)


@dataclass(frozen=True, slots=True)
class Point:
    """One point looked at; `code` is the exit code it asks for, `applies` is False where there was nothing to check."""

    name: str
    said: str
    remedy: str = ""
    code: Exit = Exit.OK
    milliseconds: int | None = None
    applies: bool = True

    @property
    def is_well(self) -> bool:
        """Whether nothing needs doing."""
        return self.code is Exit.OK


@click.command(cls=Command)
@global_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def doctor(options: Globals, *, as_json: bool) -> int:
    """Check configuration, sign-in, permissions, clocks and terminal; say what to fix.

    Nothing is changed on the platform. Exit code 0 when all is well, else that of the first point that is not: 2
    configuration or terminal, 3 network or service, 4 sign-in or permission.
    """
    output = Output()

    def tell(point: Point) -> None:
        if not as_json:
            for line in _lines(point):
                output.line(line)

    points = run(_examine(options, tell))
    if as_json:
        output.data({"ok": all(one.is_well for one in points), "points": [_document(one) for one in points]})
    failing = [one for one in points if not one.is_well]
    output.narrate(f"{len(failing)} of {len(points)} points need attention." if failing else "All is well.")
    return failing[0].code if failing else Exit.OK


async def _examine(options: Globals, tell: Callable[[Point], None]) -> list[Point]:
    loaded = open_configuration(options)
    points: list[Point] = []

    def note(point: Point) -> None:
        points.append(point)
        tell(point)

    for point in _configuration(loaded):
        note(point)
    async for point in _connection(options, loaded):
        note(point)
    for point in terminal(os.environ):
        note(point)
    return points


def _configuration(loaded: Loaded) -> Iterator[Point]:
    for fault in loaded.faults:
        place = fault.where if fault.line is None else f"{fault.where}:{fault.line}"
        code = Exit.USAGE if fault.severity == "error" else Exit.OK
        yield Point(
            "configuration", f"{place}: {f'{fault.key} ' if fault.key else ''}{fault.cause}", fault.remedy, code
        )
    if not loaded.faults:
        where = str(loaded.path) if loaded.exists else "environment and defaults, there is no file"
        yield Point("configuration", f"no faults ({where})")


async def _connection(options: Globals, loaded: Loaded) -> AsyncIterator[Point]:
    from tui_app.config import ConfigError  # noqa: PLC0415 - pydantic is slow to import; help does without
    from tui_app.models.failure import FailureError  # noqa: PLC0415 - as above

    if not options.demo and any(fault.stops(loaded.settings.default_connection) for fault in loaded.faults):
        return
    try:
        async with opened_workspaces(options, loaded) as spaces:
            engine = await spaces.open(*await spaces.home(), told=Output().narrate)
            try:
                yield Point("connection", f"{engine.session.connection.name}, sandbox {engine.session.sandbox_name}")
                async for diagnosis in engine.doctor.examine():
                    if diagnosis.failure is not None:
                        doubt(engine, diagnosis.failure)
                    yield _diagnosed(diagnosis)
            finally:
                await engine.stop()
    except ConfigError as error:
        cause, _, remedy = str(error).partition(". ")
        yield Point("connection", cause, remedy, Exit.USAGE)
    except FailureError as error:
        yield _failed(error.failure)


def _diagnosed(diagnosis: Diagnosis) -> Point:
    refused = exit_code(diagnosis.failure) if diagnosis.failure is not None else Exit.USAGE
    code = Exit.OK if diagnosis.ok else refused
    return Point(diagnosis.point, diagnosis.said, diagnosis.remedy, code, diagnosis.milliseconds)


def _failed(failure: Failure) -> Point:
    code = exit_code(failure)
    names = {"auth": "sign-in", "local": "history", "network": "network"}
    return Point(names.get(failure.kind.value, "platform"), failure.cause or failure.what, failure.next_step, code)


def terminal(environ: Mapping[str, str]) -> Iterator[Point]:
    """Yield what the terminal can do, as far as it can be known without asking it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Point("terminal", "this is none, so the app cannot start here; the commands can", applies=False)
        return
    size = shutil.get_terminal_size()
    said = f"{size.columns}x{size.lines}"
    if size.columns < _LEAST_SIZE[0] or size.lines < _LEAST_SIZE[1]:
        yield Point("terminal size", said, "The app needs 60x15; enlarge the window.", Exit.USAGE)
    elif size.columns < _GOOD_SIZE[0] or size.lines < _GOOD_SIZE[1]:
        yield Point("terminal size", said, "From 80x24 on all columns that matter are shown.")
    else:
        yield Point("terminal size", said)
    yield Point("colours", _colours(environ))
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding == "utf8":
        yield Point("encoding", "UTF-8")
    else:
        yield Point("encoding", encoding or "unknown", "Set LANG to a UTF-8 locale, such as C.UTF-8.", Exit.USAGE)
    if "TMUX" in environ:
        yield Point(
            "clipboard", "inside tmux", "For copying: tmux set -g set-clipboard on; set -g allow-passthrough on."
        )
    elif environ.get("TERM", "").startswith("screen"):
        yield Point("clipboard", "inside screen", "screen passes no copies on; the app shows the text to copy as well.")
    else:
        yield Point("clipboard", "by OSC 52, if the terminal allows it")


def _colours(environ: Mapping[str, str]) -> str:
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        return "off (NO_COLOR is set); marks and words say the same"
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return "16 million"
    if "256" in term:
        return "256"
    return "none" if term in {"", "dumb"} else "16"


def _lines(point: Point) -> Iterator[str]:
    took = f" ({point.milliseconds} ms)" if point.milliseconds is not None else ""
    mark = "! FAILED" if not point.is_well else "+ ok" if point.applies else "-"
    yield f"{mark:<8}  {point.name:<22}  {point.said}{took}"
    if point.remedy:
        yield f"{'':<10}{'':<22}  {point.remedy}"


def _document(point: Point) -> dict[str, object]:
    return {
        "point": point.name,
        "ok": point.is_well,
        "said": point.said,
        "remedy": point.remedy or None,
        "milliseconds": point.milliseconds,
    }
