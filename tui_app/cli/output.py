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
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TextIO

from tui_app.text import cell_width, fit, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = 2
_NARROWEST = 6
_PADDED_MOST = 72
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
        return is_terminal(self._stdin) and is_terminal(self._stderr)

    @property
    def width(self) -> int | None:
        """The cells of a line of the terminal that data goes to; None where it goes elsewhere."""
        return columns_of(self._stdout) if is_terminal(self._stdout) else None

    def data(self, document: Any) -> None:
        """Write one JSON document, keys in their own order; what a terminal would obey stays escaped."""
        self.write(self.json(document, indent=2) + "\n")

    def json_array(self) -> JsonArray:
        """Begin one JSON document that is an array, written as its items come; end it with `JsonArray.end`."""
        return JsonArray(self)

    def ndjson(self, *documents: Any) -> None:
        """Write each JSON document on a line of its own."""
        self.write("".join(self.json(one, indent=None) + "\n" for one in documents))

    def csv(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a header and rows as CSV; text is made harmless for terminals and for spreadsheets."""
        self.csv_rows([columns])
        self.csv_rows(rows)

    def csv_rows(self, rows: Iterable[Sequence[object]]) -> None:
        """Write rows as `csv` does, below a header that is written already."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([_csv_cell(cell) for cell in row] for row in rows)
        self.write(buffer.getvalue())

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write an aligned table; see `Table`."""
        Table(self, columns).rows(rows)

    def line(self, text: str) -> None:
        """Write one line of plain data."""
        self.write(safe_text(text) + "\n")

    def narrate(self, text: str, *, lines: bool = False) -> None:
        """Tell the person something, on stderr; nobody reading it is no reason to fail.

        Args:
            text: a line; what the platform says in it cannot begin another one.
            lines: it is several, and its line feeds are ours.
        """
        if self._stderr is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self._stderr.write(safe_text(text, lines=lines) + "\n")
            self._stderr.flush()

    def ask(self, question: str) -> bool:
        """Ask yes or no at the terminal; anything but y or yes, and the end of input, is no."""
        return self._answer(f"{question} [y/N] ").lower() in {"y", "yes"}

    def ask_typed(self, question: str, expected: str) -> bool:
        """Ask for `expected` to be typed, the confirmation a protected sandbox demands (product section 4)."""
        return self._answer(f"{question} Type {expected} to go ahead: ") == expected

    def flush(self) -> None:
        """Push out what is still buffered, so that a failure shows in the exit code."""
        self.write("")

    def write(self, text: str) -> None:
        """Write text that is harmless already, and see it out."""
        if self._stdout is None:
            raise OutputClosedError
        try:
            self._stdout.write(text)
            self._stdout.flush()
        except BrokenPipeError:
            raise OutputClosedError from None
        except KeyboardInterrupt:
            # Whoever was to read does not: what is left must not hold up the end of the process either.
            abandon_stdout()
            raise
        except OSError as error:
            raise OutputError(f"Standard output cannot be written: {error.strerror}.") from error

    def json(self, document: Any, *, indent: int | None) -> str:
        """Return a document as JSON in the letters that stdout can show."""
        # Where stdout cannot show all of Unicode, only ASCII JSON stays JSON.
        plain = not (getattr(self._stdout, "encoding", None) or "utf-8").lower().startswith("utf")
        try:
            text = json.dumps(document, ensure_ascii=plain, allow_nan=False, indent=indent)
        except ValueError:
            text = json.dumps(_finite(document), ensure_ascii=plain, allow_nan=False, indent=indent)
        return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)

    def _answer(self, prompt: str) -> str:
        self._stderr.write(safe_text(prompt))
        self._stderr.flush()
        return self._stdin.readline().strip()


class JsonArray:
    """A JSON array on its way out: however long it is, only the part being written is held.

    The text is that of `Output.data` for the whole list. Without `end` it is no JSON, which is as it should be when the
    rest could not be had.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._before = "[\n  "

    def items(self, documents: Iterable[Any]) -> None:
        """Write the next items."""
        # No JSON text has a line feed inside a string, so every one is the layout's.
        texts = [self._output.json(one, indent=2).replace("\n", "\n  ") for one in documents]
        if texts:
            self._output.write(self._before + ",\n  ".join(texts))
            self._before = ",\n  "

    def end(self) -> None:
        """Write the closing bracket."""
        self._output.write("[]\n" if self._before.startswith("[") else "\n]\n")


class Table:
    """An aligned table, written a block of rows at a time.

    At a terminal the widest columns are cut, with a mark, so that lines fit. Elsewhere all text stays whole; one that
    is very long pushes its own line out of the alignment, not every line. A column is as wide as its widest cell so
    far: later blocks may be wider.
    """

    def __init__(self, output: Output, columns: Sequence[str]) -> None:
        self._output = output
        # Names of columns come from files, too.
        labels = [_cell(label) for label in columns]
        self._widths = [cell_width(label) for label in labels]
        self._header: Sequence[str] | None = labels

    def rows(self, rows: Iterable[Sequence[object]]) -> None:
        """Write the next block, the header before the first one."""
        lines = [[_cell(cell) for cell in row] for row in rows]
        self._widths = [max([width, *(cell_width(line[i]) for line in lines)]) for i, width in enumerate(self._widths)]
        if self._header is not None:
            lines.insert(0, list(self._header))
            self._header = None
        room = self._output.width
        capped = [min(width, _PADDED_MOST) for width in self._widths]
        widths = capped if room is None else _narrowed(self._widths, room)
        self._output.write("".join(_table_line(line, widths, cut=room is not None) for line in lines))


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


def _table_line(texts: Sequence[str], widths: Sequence[int], *, cut: bool) -> str:
    cells = [
        text if not cut and cell_width(text) > width else fit(text, width)
        for text, width in zip(texts, widths, strict=True)
    ]
    return (" " * _GAP).join(cells).rstrip() + "\n"


def _cell(value: object) -> str:
    return "" if value is None else safe_text(str(value))


def _csv_cell(value: object) -> object:
    """Quote by a leading apostrophe what a spreadsheet would run as a formula; numbers stay numbers."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    text = _cell(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text


def _narrowed(widths: list[int], room: int) -> list[int]:
    """Take cells from the widest column, one at a time, until a line fits or all are narrow."""
    narrowed = list(widths)
    while sum(narrowed) + _GAP * (len(narrowed) - 1) > room and max(narrowed) > _NARROWEST:
        narrowed[narrowed.index(max(narrowed))] -= 1
    return narrowed


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody looks at a stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def columns_of(stream: TextIO) -> int:
    """Return how many cells wide the terminal of a stream is; 80 where it does not say."""
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
