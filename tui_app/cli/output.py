"""Owns stdout and stderr of the command line: data goes to one, everything said about it to the other."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
import sys
from enum import IntEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, TextIO

from tui_app.text import cell_width, fit, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = 2
_NARROWEST = 6
_PADDED_MOST = 40
# What json leaves as it is but a terminal acts on: DEL, C1, bidi and zero-width characters, lone surrogates.
_UNSAFE_IN_JSON = re.compile(
    r"[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_FORMULA_STARTS = ("=", "+", "-", "@")


class Exit(IntEnum):
    """The exit codes (product section 6).

    A defect in aepx has one of its own, so that no script takes it for the outcome of a job.
    """

    OK = 0
    UNSUCCESSFUL = 1
    USAGE = 2
    UNAVAILABLE = 3
    REFUSED = 4
    DEFECT = 70
    INTERRUPTED = 130


class OutputClosedError(Exception):
    """Whoever read our data has seen enough (`| head`); the command ends quietly."""


class OutputError(Exception):
    """Data could not be written; the message says why."""


class Output:
    """Writes for one command; streams default to those of the process at the time of the call.

    Raises:
        OutputClosedError: from every method that writes data, when the reader has gone.
        OutputError: from the same methods, when the disk is full or the like.
    """

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None, stdin: TextIO | None = None) -> None:
        self._stdout = sys.stdout if stdout is None else stdout
        self._stderr = sys.stderr if stderr is None else stderr
        self._stdin = sys.stdin if stdin is None else stdin

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to be asked: stdin and stderr are terminals."""
        return _is_tty(self._stdin) and _is_tty(self._stderr)

    @property
    def width(self) -> int | None:
        """The cells of a line of the terminal that data goes to; None where it goes elsewhere."""
        return _columns(self._stdout) if _is_tty(self._stdout) else None

    def data(self, document: Any) -> None:
        """Write one JSON document, keys in their own order; what a terminal would obey stays escaped."""
        self._write(self._json(document, indent=2) + "\n")

    def ndjson(self, document: Any) -> None:
        """Write one JSON document on one line."""
        self._write(self._json(document, indent=None) + "\n")

    def csv(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a header and rows as CSV; text is made harmless for terminals and for spreadsheets."""
        for row in chain([columns], rows):
            buffer = io.StringIO()
            csv.writer(buffer, lineterminator="\n").writerow([_csv_cell(cell) for cell in row])
            self._write(buffer.getvalue())

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write an aligned table; at a terminal the widest columns are cut, with a mark, so that lines fit.

        Elsewhere all text stays whole; one that is very long pushes its own line out of the alignment, not every line.
        """
        texts = [[_cell(cell) for cell in row] for row in rows]
        lines = [list(columns), *texts]
        widths = [max(cell_width(line[i]) for line in lines) for i in range(len(columns))]
        room = self.width
        widths = [min(width, _PADDED_MOST) for width in widths] if room is None else _narrowed(widths, room)
        gap = " " * _GAP
        for line in lines:
            cells = [
                text if room is None and cell_width(text) > width else fit(text, width)
                for text, width in zip(line, widths, strict=True)
            ]
            self._write(gap.join(cells).rstrip() + "\n")

    def line(self, text: str) -> None:
        """Write one line of plain data."""
        self._write(safe_text(text) + "\n")

    def narrate(self, text: str) -> None:
        """Tell the person something, on stderr; nobody reading it is no reason to fail."""
        if self._stderr is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self._stderr.write(safe_text(text, lines=True) + "\n")
            self._stderr.flush()

    def ask(self, question: str) -> bool:
        """Ask yes or no at the terminal; anything but y or yes, and the end of input, is no."""
        return self._answer(f"{question} [y/N] ").lower() in {"y", "yes"}

    def ask_typed(self, question: str, expected: str) -> bool:
        """Ask for `expected` to be typed, the confirmation a protected sandbox demands (product section 4)."""
        return self._answer(f"{question} Type {expected} to go ahead: ") == expected

    def flush(self) -> None:
        """Push out what is still buffered, so that a failure shows in the exit code."""
        self._write("")

    def _answer(self, prompt: str) -> str:
        self._stderr.write(safe_text(prompt))
        self._stderr.flush()
        return self._stdin.readline().strip()

    def _json(self, document: Any, *, indent: int | None) -> str:
        # Where stdout cannot show all of Unicode, only ASCII JSON stays JSON.
        plain = not (getattr(self._stdout, "encoding", None) or "utf-8").lower().startswith("utf")
        try:
            text = json.dumps(document, ensure_ascii=plain, allow_nan=False, indent=indent)
        except ValueError:
            text = json.dumps(_finite(document), ensure_ascii=plain, allow_nan=False, indent=indent)
        return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)

    def _write(self, text: str) -> None:
        if self._stdout is None:
            raise OutputClosedError
        try:
            self._stdout.write(text)
            self._stdout.flush()
        except BrokenPipeError:
            raise OutputClosedError from None
        except OSError as error:
            raise OutputError(f"Standard output cannot be written: {error.strerror}.") from error


def prepare_streams() -> None:
    """Let text that the terminal's encoding lacks come out escaped instead of stopping the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Point stdout nowhere, so that the interpreter does not complain of a closed pipe when it exits."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _cell(value: object) -> str:
    return "" if value is None else safe_text(str(value))


def _csv_cell(value: object) -> object:
    """Quote by a leading apostrophe what a spreadsheet would run as a formula; numbers stay numbers."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = _cell(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text


def _narrowed(widths: list[int], room: int) -> list[int]:
    """Take cells from the widest column, one at a time, until a line fits or all are narrow."""
    narrowed = list(widths)
    while sum(narrowed) + _GAP * (len(narrowed) - 1) > room and max(narrowed) > _NARROWEST:
        narrowed[narrowed.index(max(narrowed))] -= 1
    return narrowed


def _is_tty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _finite(value: Any) -> Any:
    """Replace NaN and the infinities, which JSON lacks, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value
