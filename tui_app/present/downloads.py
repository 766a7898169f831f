"""Owns what is shown of downloads: a row for each, the files of one, and progress with rate and time left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from tui_app.present.batches import size
from tui_app.present.cells import Cell, Column
from tui_app.present.text_lines import TextLine, line, rows, wrapped
from tui_app.present.times import duration
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tui_app.models.failure import Failure

COLUMNS: Final = (
    Column("state", "STATE", 11),
    Column("what", "OF", 14, weight=1, cut="middle"),
    Column("progress", "PROGRESS", 17),
    Column("size", "SIZE", 10, align="right"),
    Column("rate", "RATE", 12, align="right", priority=1),
    Column("left", "LEFT", 8, align="right", priority=2),
    Column("files", "FILES", 9, align="right", priority=3),
    Column("folder", "FOLDER", 16, weight=2, priority=4, cut="middle"),
)
_STATES: Final = {
    "waiting": ("o waiting", "new"),
    "listing": ("> listing", "running"),
    "running": ("> running", "running"),
    "paused": ("= paused", "overdue"),
    "checking": ("> checking", "running"),
    "done": ("+ done", "succeeded"),
    "failed": ("! failed", "failed"),
    "cancelled": ("x stopped", "cancelled"),
}
_BAR: Final = 10
_FILES_MOST: Final = 300


class FileProgress(Protocol):
    """How far one file is."""

    @property
    def batch_id(self) -> str: ...  # noqa: D102 - as the engine's
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def length(self) -> int | None: ...  # noqa: D102
    @property
    def done(self) -> int: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def failure(self) -> Failure | None: ...  # noqa: D102


class Download(Protocol):
    """How far one download is."""

    @property
    def key(self) -> str: ...  # noqa: D102 - as the engine's
    @property
    def job_id(self) -> str: ...  # noqa: D102
    @property
    def batch_ids(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def folder(self) -> Path: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def files(self) -> Sequence[FileProgress]: ...  # noqa: D102
    @property
    def bytes_done(self) -> int: ...  # noqa: D102
    @property
    def bytes_total(self) -> int | None: ...  # noqa: D102
    @property
    def bytes_kept(self) -> int: ...  # noqa: D102
    @property
    def rate(self) -> float | None: ...  # noqa: D102
    @property
    def left_s(self) -> float | None: ...  # noqa: D102
    @property
    def changed(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def failures(self) -> tuple[Failure, ...]: ...  # noqa: D102


def named(one: Download) -> str:
    """Return what is downloaded, in words."""
    return f"job {one.job_id}" if one.job_id else f"batch {', '.join(one.batch_ids)}"


def download_cells(one: Download) -> tuple[Cell, ...]:
    """Return a download's cells, one for each of `COLUMNS`."""
    word, role = _STATES.get(one.state, (f"? {one.state}", "unknown"))
    moves = one.state == "running"
    complete = sum(each.state == "done" for each in one.files)
    return (
        Cell(word, role),
        Cell(safe_text(named(one))),
        Cell(bar(one.bytes_done, one.bytes_total)),
        Cell(size(one.bytes_total)),
        Cell(f"{size(int(one.rate))}/s" if moves and one.rate else ""),
        Cell(duration(int(one.left_s) * 1000) if moves and one.left_s is not None else ""),
        Cell(f"{complete:,}/{len(one.files):,}" if one.files else ""),
        Cell(safe_text(str(one.folder)), "muted"),
    )


def bar(done: int, total: int | None) -> str:
    """Return how far something is as a bar with its per cent; only what is whole shows 100 %."""
    if not total:
        return ""
    share = min(1.0, done / total)
    full = int(share * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)} {int(share * 100):>3} %"


def detail_lines(one: Download, width: int) -> tuple[TextLine, ...]:
    """Return what is to be known of a download below its row: folder, what failed, each file."""
    kept = f", {size(one.bytes_kept)} of it were here already" if one.bytes_kept else ""
    done = f"{size(one.bytes_done)} of {size(one.bytes_total)}{kept}"
    found = rows([("folder", line(safe_text(str(one.folder)))), ("received", line(done))], width)
    for changed in one.changed:
        found += wrapped(line(safe_text(f"^ {changed}"), "overdue"), width, hanging=2)
    for failure in one.failures:
        text = f"! {failure.what}: {failure.cause}. {failure.next_step}"
        found += wrapped(line(safe_text(text), "failed"), width, hanging=2)
    found.append(())
    for each in one.files[:_FILES_MOST]:
        word, role = _STATES.get(each.state, (f"? {each.state}", "unknown"))
        head = f"{size(each.length):>10}  {bar(each.done, each.length):<16}  "
        found.append((Cell(f"{word:<11} ", role), Cell(head, "muted"), Cell(safe_text(each.name))))
    if len(one.files) > _FILES_MOST:
        found.append(line(f"and {len(one.files) - _FILES_MOST:,} more", "muted"))
    return tuple(found)
