"""What commands write: data that scripts can read, text that terminals cannot obey."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import struct
import termios
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app.cli.output import Output, OutputClosedError, OutputError, Table
from tui_app.text import cell_width

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "a\x1b]0;x\x07[/red]\x9b\u202e\x7f"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def outputs(stdin: str = "", *, terminal: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    kind = Terminal if terminal else io.StringIO
    out, err = kind(), kind()
    return Output(out, err, kind(stdin)), out, err


def test_json_is_one_document_in_its_own_order() -> None:
    output, out, err = outputs()
    output.data({"b": 1, "a": ["é", "日"]})
    assert list(json.loads(out.getvalue())) == ["b", "a"]
    assert "日" in out.getvalue()
    assert err.getvalue() == ""


@given(st.text())
def test_json_keeps_any_text_and_lets_no_control_through(text: str) -> None:
    output, out, _ = outputs()
    output.ndjson({"x": text + HOSTILE + "\u2028\ud800"})
    line = out.getvalue()
    assert json.loads(line) == {"x": text + HOSTILE + "\u2028\ud800"}
    assert line.count("\n") == 1
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line[:-1])


def test_json_writes_escapes_as_such_and_replaces_what_json_lacks() -> None:
    output, out, _ = outputs()
    output.ndjson({"x": "\x1b", "n": [float("nan"), float("-inf"), 1.5]})
    assert out.getvalue() == '{"x": "\\u001b", "n": [null, null, 1.5]}\n'


def test_json_is_ascii_where_the_encoding_demands_it() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    Output(stream).ndjson({"x": "日"})
    assert written.getvalue() == b'{"x": "\\u65e5"}\n'


def test_csv_is_harmless_for_spreadsheets_and_terminals() -> None:
    output, out, _ = outputs()
    cells = ["=1+1", "+1", "-1", "@x", "  =x", "a,b", 'q"', None, -5, 1.5, True, HOSTILE]
    output.csv(["c"] * len(cells), iter([cells]))
    header, row = csv.reader(io.StringIO(out.getvalue()))
    assert len(header) == len(row)
    assert row[:11] == ["'=1+1", "'+1", "'-1", "'@x", "'  =x", "a,b", 'q"', "", "-5", "1.5", "True"]
    assert "\x1b" not in row[11]
    assert "\\x1b" in row[11]


def test_a_table_is_aligned_by_cells_and_sanitised() -> None:
    output, out, _ = outputs()
    output.table(("ID", "NAME"), [("1", "日本"), ("2222", HOSTILE), (None, "x" * 200)])
    lines = out.getvalue().splitlines()
    assert lines[0] == "ID    NAME"
    assert lines[1] == "1     日本"
    assert lines[2].startswith("2222  a\\x1b]0;x\\x07[/red]")
    assert lines[3].endswith("x" * 200)


def test_one_long_name_does_not_push_a_column_away_where_nobody_looks() -> None:
    output, out, _ = outputs()
    output.table(("NAME", "UNION"), [("n" * 300, "no"), ("m" * 35, "yes"), ("short", "yes")])
    assert out.getvalue().splitlines() == [
        f"{'NAME':<72}  UNION", f"{'n' * 300}  no", f"{'m' * 35:<72}  yes", f"{'short':<72}  yes"
    ]  # fmt: skip


def test_a_table_fits_the_terminal_and_marks_what_it_cut() -> None:
    output, out, _ = outputs(terminal=True)
    output.table(("ID", "NAME", "NOTE"), [("1", "n" * 100, "m" * 90)])
    lines = out.getvalue().splitlines()
    assert all(cell_width(line) <= 80 for line in lines)
    assert lines[1].count("…") == 2


def test_an_empty_table_is_its_header() -> None:
    output, out, _ = outputs()
    output.table(("ID", "NAME"), [])
    assert out.getvalue() == "ID  NAME\n"


def test_narration_goes_to_stderr_sanitised_and_begins_no_line_of_its_own() -> None:
    output, out, err = outputs()
    output.narrate("one\ntwo\x1b[2J")
    assert (out.getvalue(), err.getvalue()) == ("", "one\\ntwo\\x1b[2J\n")
    output.narrate("three\nfour", lines=True)
    assert err.getvalue().endswith("\nthree\nfour\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("yep\n", False)],
)
def test_only_yes_is_yes(answer: str, *, expected: bool) -> None:
    output, out, err = outputs(answer, terminal=True)
    assert output.interactive
    assert output.ask("Cancel job 1?") is expected
    assert (out.getvalue(), err.getvalue()) == ("", "Cancel job 1? [y/N] ")


def test_a_typed_confirmation_is_exact() -> None:
    assert outputs("prod\n", terminal=True)[0].ask_typed("Cancel?", "prod")
    assert not outputs("prod2\n", terminal=True)[0].ask_typed("Cancel?", "prod")
    assert not outputs("", terminal=True)[0].ask_typed("Cancel?", "prod")


def test_nobody_is_asked_without_a_terminal() -> None:
    assert not outputs("y\n")[0].interactive


@contextmanager
def unwritable(descriptor: int) -> Iterator[TextIO]:
    """A line-buffered stream over `descriptor` that can be closed although it cannot be written."""
    stream = os.fdopen(descriptor, "w", buffering=1)
    yield stream
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
    stream.close()


def test_a_closed_reader_ends_data_but_not_narration() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with unwritable(writer) as stream:
        output = Output(stream, stream)
        output.narrate("nobody hears")
        with pytest.raises(OutputClosedError):
            output.data([1])


def test_a_full_disk_is_an_error_with_its_cause() -> None:
    with (
        unwritable(os.open("/dev/full", os.O_WRONLY)) as stream,
        pytest.raises(OutputError, match="No space left on device"),
    ):
        Output(stream).data([1])


def test_the_width_of_a_real_terminal_is_used() -> None:
    controller, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        Output(stream).table(("A", "B"), [("x" * 50, "y" * 50)])
        written = ""
        while written.count("\n") < 2:  # a terminal may hand over its lines one at a time
            written += os.read(controller, 4096).decode()
    os.close(controller)
    assert max(cell_width(line) for line in written.splitlines()) == 40


ITEMS = st.recursive(
    st.text(max_size=5) | st.floats(),
    lambda one: st.lists(one, max_size=2) | st.dictionaries(st.text(max_size=2), one, max_size=2),
    max_leaves=4,
)


@given(st.lists(st.lists(ITEMS, max_size=3), max_size=3))
def test_an_array_written_in_parts_is_the_whole_one_to_the_byte(parts: list[list[object]]) -> None:
    output, out, _ = outputs()
    array = output.json_array()
    for part in parts:
        array.items(part)
    array.end()
    whole, expected, _ = outputs()
    whole.data([one for part in parts for one in part])
    assert out.getvalue() == expected.getvalue()


def test_csv_rows_go_on_below_a_header() -> None:
    output, out, _ = outputs()
    output.csv_rows([("a", "b")])
    output.csv_rows(iter([(1, "=1+1"), (None, HOSTILE)]))
    whole, expected, _ = outputs()
    whole.csv(("a", "b"), [(1, "=1+1"), (None, HOSTILE)])
    assert out.getvalue() == expected.getvalue()
    assert len(list(csv.reader(io.StringIO(out.getvalue())))) == 3


def test_a_table_in_blocks_has_one_header_and_keeps_its_columns() -> None:
    output, out, _ = outputs()
    table = Table(output, ["ID", "NAME"])
    table.rows([("1", "a"), ("22", "bb")])
    table.rows([("3", "c" * 60)])
    table.rows([("4444", "日本")])
    lines = out.getvalue().splitlines()
    assert lines == ["ID  NAME", "1   a", "22  bb", f"3   {'c' * 60}", "4444  日本"]


def test_a_table_without_rows_is_its_header() -> None:
    output, out, _ = outputs()
    output.table(["ID", "NAME"], [])
    assert out.getvalue() == "ID  NAME\n"


def test_names_of_columns_are_as_harmless_as_cells() -> None:
    output, out, _ = outputs(terminal=True)
    output.table(("a\x1b]0;t\x07\u202e", "b"), [("1", "2")])
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()


def test_negative_numbers_stay_numbers_and_formulas_do_not() -> None:
    output, out, _ = outputs()
    output.csv_rows([[-1, -2.5, Decimal("-3.1"), "-1+cmd()", "=1"]])
    assert out.getvalue().strip() == "-1,-2.5,-3.1,'-1+cmd(),'=1"
