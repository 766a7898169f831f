"""Owns writing jobs to a file: CSV, JSON or NDJSON, harmless to whoever opens it, never over another file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from tui_app.clock import now_ms
from tui_app.models.normalised import normalised
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tui_app.engine.engine import Engine

FORMATS: Final = ("csv", "json", "ndjson")
CSV_COLUMNS: Final = (
    "id", "status", "created_at", "updated_at", "duration_ms", "dataset_id", "segments", "batches", "profiles", "error",
)  # fmt: skip
_PART: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def write_export(engine: Engine, rows: Sequence[int], *, path: str, kind: str) -> int:
    """Write these jobs of history to a new file, readable by its owner alone, and return how many were written.

    Args:
        engine: whose history.
        rows: row numbers, in the order to write.
        path: relative to the working directory or absolute, `~` understood; must not exist yet.
        kind: one of `FORMATS`.

    Raises:
        OSError: the file exists, or cannot be written.
    """
    with engine.activity.busy():
        descriptor = await asyncio.to_thread(_new_file, path)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            return await _write(engine, rows, file, kind)


def _new_file(path: str) -> int:
    return os.open(Path(path).expanduser(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


async def _write(engine: Engine, rows: Sequence[int], file: TextIO, kind: str) -> int:
    written = 0
    file.write({"csv": csv_text([CSV_COLUMNS]), "json": "["}.get(kind, ""))
    for start in range(0, len(rows), _PART):
        jobs = await engine.list.jobs(rows[start : start + _PART])
        now = now_ms(engine.clock)
        values = [normalised(job, now) for job in jobs]
        await asyncio.to_thread(lambda: file.write(_text(values, kind, first=written == 0)))  # noqa: B023 - awaited here
        written += len(values)
    if kind == "json":
        file.write("]\n")
    return written


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


def _cell(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    text = safe_text(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _text(values: Sequence[dict[str, Any]], kind: str, *, first: bool) -> str:
    if kind == "csv":
        return csv_text(csv_row(value) for value in values)
    if kind == "ndjson":
        return "".join(f"{json.dumps(value)}\n" for value in values)
    return "".join(_json_items(values, first=first))


def _json_items(values: Sequence[dict[str, Any]], *, first: bool) -> Iterator[str]:
    for place, value in enumerate(values):
        yield ("\n" if first and place == 0 else ",\n") + json.dumps(value)
