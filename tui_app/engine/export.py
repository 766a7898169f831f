"""Owns writing jobs to a file: CSV, JSON or NDJSON, harmless to whoever opens it, never over another file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui_app.clock import now_ms
from tui_app.engine.failures import explained
from tui_app.engine.new_file import NewFile, file_failure
from tui_app.history.answers import Answers
from tui_app.models.failure import FailureError
from tui_app.models.normalised import normalised
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tui_app.engine.core import Core
    from tui_app.history.answers import Answer

T = TypeVar("T")
FORMATS: Final = ("csv", "json", "ndjson")
CSV_COLUMNS: Final = (
    "id", "status", "created_at", "updated_at", "duration_ms", "dataset_id", "dataset_name", "segments", "batches",
    "profiles", "error",
)  # fmt: skip
_AT_ONCE: Final = 500
"""Jobs in memory at a time: 60 ms of work for the thread, a few for the history's reader."""
# Also as spreadsheets of East Asian locales read them; tab and CR are made visible before.
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an export is: jobs done of all, after so many seconds."""

    done: int
    total: int
    seconds: float

    @property
    def rate(self) -> float | None:
        """Jobs a second so far, None before that can be said."""
        return self.done / self.seconds if self.done and self.seconds > 0 else None

    @property
    def left_s(self) -> float | None:
        """Seconds it will still take at this rate, None before that can be said."""
        rate = self.rate
        return None if rate is None else (self.total - self.done) / rate


class Exports:
    """Writes jobs of one sandbox's history to files."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def write(
        self, rows: Sequence[int], *, path: str, kind: str, told: Callable[[Progress], None] | None = None
    ) -> int:
        """Write these jobs to a new file, readable by its owner alone, and return how many were written.

        Jobs that left history meanwhile are not counted. Memory does not grow with their number, and reading,
        converting and writing happen on threads. Cancelled or failed, it leaves nothing behind.

        Args:
            rows: row numbers, in the order to write.
            path: relative to the working directory or absolute, `~` understood; must not exist yet.
            kind: one of `FORMATS`.
            told: hears of every few hundred jobs written, on the loop's thread.

        Raises:
            FailureError: the file exists, or cannot be written; or history cannot be read.
        """
        with self._core.activity.busy():
            pool = ThreadPoolExecutor(1, thread_name_prefix="export")
            try:
                return await _Export(self._core, rows, path=path, kind=kind, pool=pool).run(told or (lambda _: None))
            except OSError as error:
                raise FailureError(file_failure(path, error)) from None
            finally:
                # What is under way ends first: nothing is left behind even if nobody waits for it any more.
                pool.shutdown(wait=False)


class _Export:
    """One export; everything that touches the file happens on the pool's one thread, in order."""

    def __init__(self, core: Core, rows: Sequence[int], *, path: str, kind: str, pool: ThreadPoolExecutor) -> None:
        self._clock, self._rows, self._path, self._kind, self._pool = core.clock, rows, path, kind, pool
        self._answers = Answers(core.history.database)
        self._began = core.clock.monotonic()

    async def run(self, told: Callable[[Progress], None]) -> int:
        file = NewFile(self._path)
        try:
            await self._on_thread(file.make)
            count = await self._write(file, told)
            await self._on_thread(file.keep)
        except BaseException:
            # Queued behind what the thread is doing, and waited for unless the loop itself is going down.
            await self._on_thread(file.drop)
            raise
        return count

    async def _write(self, file: NewFile, told: Callable[[Progress], None]) -> int:
        clock, rows = self._clock, self._rows
        written = 0
        await self._on_thread(lambda: file.write({"csv": csv_text([CSV_COLUMNS]), "json": "["}.get(self._kind, "")))
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            with explained(f"{safe_text(self._path)} was not written", clock):
                answers = await self._answers.of(part)
                is_first, now = written == 0, now_ms(clock)
                text = await self._on_thread(lambda: _text(answers, self._kind, now_ms=now, first=is_first))  # noqa: B023 - awaited here
            await self._on_thread(lambda: file.write(text))  # noqa: B023 - awaited here
            written += len(answers)
            told(Progress(start + len(part), len(rows), clock.monotonic() - self._began))
        if self._kind == "json":
            await self._on_thread(lambda: file.write("\n]\n" if written else "]\n"))
        return written

    async def _on_thread(self, work: Callable[[], T]) -> T:
        """Run a step to its end, also when we are cancelled meanwhile: the next one must not find it half done."""
        future = asyncio.wrap_future(self._pool.submit(work))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            future.exception()  # whatever it was: being cancelled is what is told
            raise


# Jobs as text


def csv_row(job: dict[str, Any]) -> list[object]:
    """Return a normalised job as the cells of `CSV_COLUMNS`; lists become space-separated ids."""
    error = job["errors"][0] if job["errors"] else {}
    return [
        job["id"],
        job["status"],
        job["created_at"],
        job["updated_at"],
        job["duration_ms"],
        job["dataset_id"],
        job["dataset_name"],
        " ".join(one["segment_id"] for one in job["segments"]),
        " ".join(one["batch_id"] for one in job["batches"]),
        job["profiles"],
        " ".join(filter(None, (error.get("code"), error.get("message")))),
    ]


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV whose cells neither a terminal nor a spreadsheet obeys (product section 4)."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def json_text(value: object) -> str:
    """Return a value as JSON on one line, in printable ASCII: nothing in it moves a terminal, nothing is lost."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _cell(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    text = safe_text(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _text(answers: Sequence[Answer], kind: str, *, now_ms: int, first: bool) -> str:
    values = [normalised(one.parsed(), now_ms, dataset_name=one.dataset_name) for one in answers]
    if kind == "csv":
        return csv_text(csv_row(value) for value in values)
    if kind == "ndjson":
        return "".join(f"{json_text(value)}\n" for value in values)
    return "".join(_json_items(values, first=first))


def _json_items(values: Sequence[dict[str, Any]], *, first: bool) -> Iterator[str]:
    for place, value in enumerate(values):
        yield ("\n" if first and place == 0 else ",\n") + json_text(value)
