"""The number of rows is read out of real footers, and no damaged one does more than say so."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_app.models.parquet_footer import TAIL, FooterError, footer_length, row_count

if TYPE_CHECKING:
    from pathlib import Path


def footer(folder: Path, sql: str) -> bytes:
    path = folder / "x.parquet"
    with duckdb.connect() as db:
        db.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    data = path.read_bytes()
    length = footer_length(data[-TAIL:])
    return data[-TAIL - length : -TAIL]


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 8_192, 70_001])
def test_rows_of_a_real_file(rows: int, tmp_path: Path) -> None:
    sql = f"SELECT i, {{'a': [i::VARCHAR], 'b': MAP {{'k': i > 3}}}} AS nested, i::DOUBLE AS d FROM range({rows}) t(i)"
    assert row_count(footer(tmp_path, sql)) == rows


def test_the_rows_stand_before_what_grows_with_the_file(tmp_path: Path) -> None:
    few = footer(tmp_path, "SELECT i, i AS j FROM range(2048) t(i)")
    many = footer(tmp_path, "SELECT i, i AS j FROM range(204800) t(i)")
    assert len(many) > 10 * len(few)
    assert row_count(many[: len(few)]) == 204_800


@pytest.mark.parametrize("tail", [b"", b"PAR1", b"\0\0\0\0PAR1", b"\xff\xff\xff\xffPAR1", b"\1\0\0\0PARE", b"x" * 9])
def test_what_is_no_end_of_a_file(tail: bytes) -> None:
    with pytest.raises(FooterError):
        footer_length(tail)


def test_every_cut_and_many_flips_are_told_or_harmless(tmp_path: Path) -> None:
    whole = footer(tmp_path, "SELECT i, [i] AS l FROM range(5000) t(i)")
    for damaged in (
        *(whole[:end] for end in range(len(whole))),
        *(
            whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
            for at in range(len(whole))
            for flip in (1, 15, 240)
        ),
    ):
        # Anything else that is raised fails the test.
        with contextlib.suppress(FooterError):
            assert row_count(damaged) >= 0


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=4_000))
def test_any_bytes_end_soon(data: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(FooterError):
        row_count(data)
    assert time.process_time() - begun < 2


def test_nested_lists_of_nothing_end_soon() -> None:
    # A list of booleans or of empty structs in a list in a list could ask for work without bytes behind it.
    with pytest.raises(FooterError):
        row_count(b"\x19" + b"\xf9\xff\xff\x03" * 40)
