"""Owns the export of the view or the marks: what, as what, where to, and how far it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui_app.engine.export import FORMATS
from tui_app.models.failure import FailureError
from tui_app.present.times import duration
from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Dialog
from tui_app.tui.widgets.form import Choice, FieldRow, TextField
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.worker import Worker

    from tui_app.engine.export import Exports, Progress

_BAR: Final = 20
_EVERY_S: Final = 0.25
_ASKING: Final = "enter write  up down field  left right choose  esc back"
_WRITING: Final = "esc stops and removes what was written"
_WORDS: Final = {"csv": "CSV", "json": "JSON", "ndjson": "NDJSON"}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written where; jobs that left history meanwhile are missing from `count`."""

    count: int
    asked: int
    path: str

    def __str__(self) -> str:
        written = f"{self.count:,} job{'' if self.count == 1 else 's'} written to {self.path}."
        gone = self.asked - self.count
        return f"{written} {gone:,} had left history meanwhile." if gone else written


def progress_text(progress: Progress) -> str:
    """Return how far an export is, on one line: bar, jobs, rate, time left."""
    share = progress.done / progress.total if progress.total else 1.0
    bar = "█" * int(share * _BAR) + "░" * (_BAR - int(share * _BAR))
    parts = [bar, f"{progress.done:,} of {progress.total:,}"]
    if progress.rate is not None and progress.left_s is not None:
        parts += [f"{progress.rate:,.0f}/s", f"{duration(int(progress.left_s) * 1000)} left"]
    return "  ".join(parts)


class ExportDialog(Dialog[Exported]):
    """Asks what to write, writes it, and answers with what was written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "write", "Write", show=False, id="export.write"),
        Binding("down", "app.focus_next", "Next field", show=False, id="export.next"),
        Binding("up", "app.focus_previous", "Previous field", show=False, id="export.previous"),
    ]
    DEFAULT_CSS = """
    ExportDialog > .dialog-box { width: 84; }
    ExportDialog FieldRow .row-label { width: 9; }
    ExportDialog #export-said { height: auto; color: $text-muted; margin-top: 1; }
    ExportDialog #export-said.-wrong { color: $text-error; }
    ExportDialog #export-progress { display: none; }
    ExportDialog.-writing #export-progress { display: block; }
    ExportDialog.-writing #export-said { display: none; }
    """

    def __init__(
        self, exports: Exports, rows: Sequence[int], *, marked: Sequence[int] = (), name: str, kind: str = "csv"
    ) -> None:
        """Make the question.

        Args:
            exports: what writes.
            rows: row numbers of the view, in its order.
            marked: those of the marked jobs, in the view's order; where there are any, they are proposed.
            name: file name to begin with, without its ending.
            kind: one of `FORMATS`, proposed.
        """
        super().__init__()
        self._exports, self._sets = exports, {"marks": marked, "view": rows}
        self._name, self._kind = name, kind
        self._worker: Worker[None] | None = None
        self._told_s = 0.0

    def compose(self) -> ComposeResult:
        """Lay out what, as what, where to, what happens, and the keys."""
        marks, view = len(self._sets["marks"]), len(self._sets["view"])
        jobs = [("marks", f"{marks:,} marked")] if marks else []
        jobs.append(("view", f"{view:,} of the view"))
        with Vertical(classes="dialog-box"):
            yield Static(Content("Export jobs"), classes="dialog-title")
            yield FieldRow("Jobs", Choice(jobs, jobs[0][0], id="export-jobs"), path="")
            formats = [(one, _WORDS[one]) for one in FORMATS]
            yield FieldRow("Format", Choice(formats, self._kind, id="export-format"), path="")
            yield FieldRow("File", TextField(f"{self._name}.{self._kind}", id="export-file"), path="")
            yield Static(Content("An existing file is not overwritten."), id="export-said")
            yield Line(id="export-progress")
            yield Static(Content(_ASKING), id="export-keys", classes="dialog-text")

    def on_mount(self) -> None:
        """Start in the file's name, which is what one most often changes."""
        self._field.focus()

    @property
    def _field(self) -> TextField:
        return self.query_one("#export-file", TextField)

    @property
    def _format(self) -> str:
        return str(self.query_one("#export-format", Choice).value)

    def on_options_changed(self) -> None:
        """Let the name's ending follow the format, unless it is of one's own."""
        field, ending = self._field, f".{self._kind}"
        self._kind = self._format
        if field.value.endswith(ending):
            field.value = f"{field.value.removesuffix(ending)}.{self._kind}"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write by enter in the name."""
        self.action_write()

    def action_write(self) -> None:
        """Begin to write."""
        if self._worker is None:
            self._worker = self._write()

    def action_leave(self) -> None:
        """Stop writing; leave where nothing is written."""
        if self._worker is None:
            self.dismiss(None)
        else:
            self._worker.cancel()

    @work(group="export", exit_on_error=True)
    async def _write(self) -> None:
        rows, path = self._sets[str(self.query_one("#export-jobs", Choice).value)], self._field.value.strip()
        self._told_s = 0.0
        self._show_writing(is_writing=True)
        self.query_one("#export-progress", Line).show(f"Writing {len(rows):,} jobs…")
        try:
            count = await self._exports.write(rows, path=path, kind=self._format, told=self._tell)
        except FailureError as error:
            self._ask_again(str(error.failure))
        except asyncio.CancelledError:
            self._ask_again(f"Stopped. Nothing was left of {path}.")
            raise
        else:
            self.dismiss(Exported(count, len(rows), _whole(path)))

    def _tell(self, progress: Progress) -> None:
        # A line over SSH four times a second is enough.
        if progress.seconds - self._told_s >= _EVERY_S or not self._told_s:
            self._told_s = progress.seconds
            self.query_one("#export-progress", Line).show(progress_text(progress))

    def _ask_again(self, said: str) -> None:
        self._worker = None
        if not self.is_attached:
            return
        self._show_writing(is_writing=False)
        told = self.query_one("#export-said", Static)
        told.update(Content(safe_text(said)))
        told.add_class("-wrong")
        self._field.focus()

    def _show_writing(self, *, is_writing: bool) -> None:
        self.set_class(is_writing, "-writing")
        for editor in self.query("Choice, TextField"):
            editor.disabled = is_writing
        self.query_one("#export-keys", Static).update(Content(_WRITING if is_writing else _ASKING))


def _whole(path: str) -> str:
    """Return a path that also says where it begins."""
    return str(Path(path).expanduser().absolute())
