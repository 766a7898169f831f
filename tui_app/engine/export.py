"""Owns writing jobs to a file: CSV, JSON or NDJSON, harmless to whoever opens it, never over another file.

What it writes stands in `NAME.part` until it is whole; only then it is given its name.
"""

from __future__ import annotations

import asyncio
import csv
import errno
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

from tui_app.clock import now_ms
from tui_app.engine.failures import explained
from tui_app.history.answers import Answers
from tui_app.models.failure import Failure, FailureError, FailureKind
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
PART: Final = ".part"
_AT_ONCE: Final = 500
"""Jobs in memory at a time: 60 ms of work for the thread, a few for the history's reader."""
_PARTS_MOST: Final = 99
# Also as spreadsheets of East Asian locales read them; tab and CR are made visible before.
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES})
_ELSEWHERE: Final = "Choose another place."
_CAUSES: Final[dict[int, tuple[str, str]]] = {
    errno.EEXIST: ("There is such a file already, and it is not overwritten", "Choose another name."),
    errno.ENOSPC: ("The disk is full", "Free space or choose another disk; nothing was left behind."),
    errno.EDQUOT: ("Your share of the disk is full", "Free space or choose another disk; nothing was left behind."),
    errno.EFBIG: ("The disk takes no file of that size", "Export fewer jobs, or choose another disk."),
    errno.EACCES: ("Its folder may not be written", _ELSEWHERE),
    errno.EPERM: ("Its folder may not be written", _ELSEWHERE),
    errno.EROFS: ("Its folder may only be read", _ELSEWHERE),
    errno.ENAMETOOLONG: ("Its name is too long", "Choose a shorter name."),
    errno.EISDIR: ("It is a folder", "Add a file name."),
}


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
                raise FailureError(_failure(path, error)) from None
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
        file = _NewFile(self._path)
        try:
            await self._on_thread(file.make)
            count = await self._write(file, told)
            await self._on_thread(file.keep)
        except BaseException:
            # Queued behind what the thread is doing, and waited for unless the loop itself is going down.
            await self._on_thread(file.drop)
            raise
        return count

    async def _write(self, file: _NewFile, told: Callable[[Progress], None]) -> int:
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


class _NewFile:
    """A file that gets its name when it is whole; blocking."""

    def __init__(self, path: str) -> None:
        self._target = _target(path)
        self._stands: Path | None = None
        self._file: TextIO | None = None

    def make(self) -> None:
        """Begin it, unless there is such a file already, or no such folder."""
        target = self._target
        if os.path.lexists(target):
            raise OSError(errno.EISDIR if target.is_dir() else errno.EEXIST, "exists")
        if not target.parent.is_dir():
            raise _NoFolderError(errno.ENOENT, "no folder", str(target.parent))
        self._stands, descriptor = _new_part(target)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="", errors="backslashreplace")

    def write(self, text: str) -> None:
        """Add to it."""
        assert self._file is not None, "the file is not made"
        self._file.write(text)

    def keep(self) -> None:
        """See it on the disk, then give it its name."""
        assert self._file is not None, "the file is not made"
        assert self._stands is not None, "the file is not made"
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _name(self._stands, self._target)
        self._stands = self._target
        with suppress(OSError):  # some file systems sync no folders; the file itself is safe
            folder = os.open(self._target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        """Remove it, if it was made, under whatever name it has by now."""
        if self._file is not None:
            with suppress(OSError):  # closing writes what is left: on a full disk that fails again
                self._file.close()
        if self._stands is not None:
            self._stands.unlink(missing_ok=True)


class _NoFolderError(OSError):
    """The folder of a file does not exist."""


def _target(path: str) -> Path:
    if "\0" in path:
        raise OSError(errno.EINVAL, "The name holds a NUL character")
    try:
        target = Path(path).expanduser()
    except RuntimeError:
        raise _NoFolderError(errno.ENOENT, "no home", path.split("/", maxsplit=1)[0]) from None
    if path.endswith("/") or not target.name:
        raise OSError(errno.EISDIR, "is a folder")
    return target


def _new_part(target: Path) -> tuple[Path, int]:
    """Make the file to write into; one that a killed export left behind is not touched."""
    for number in range(1, _PARTS_MOST + 1):
        part = target.with_name(f"{target.name}{f'.{number}' if number > 1 else ''}{PART}")
        with suppress(FileExistsError):
            return part, os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    raise OSError(errno.EEXIST, "exists")


def _name(part: Path, target: Path) -> None:
    """Give a file its name unless there is another of that name, which may have come meanwhile."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links: the last look and the renaming are as close together as they can be.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists") from None
        part.rename(target)
    else:
        part.unlink()


def _failure(path: str, error: OSError) -> Failure:
    if isinstance(error, _NoFolderError):
        cause, step = f"There is no folder {safe_text(str(error.filename))}", "Make it first, or choose another place."
    else:
        cause, step = _CAUSES.get(error.errno or 0, (error.strerror or str(error), _ELSEWHERE))
    return Failure(
        kind=FailureKind.LOCAL, what=f"{safe_text(path)} was not written", cause=safe_text(cause), next_step=step
    )


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
