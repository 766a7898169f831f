"""Owns reading one number out of a parquet file's footer: how many rows it holds. Pure; trusts no byte of it.

The footer is a struct in Thrift's compact protocol (github.com/apache/parquet-format, github.com/apache/thrift
`doc/specs/thrift-compact-protocol.md`); field 3 of FileMetaData is the number of rows.
"""

from __future__ import annotations

from typing import Final

MAGIC: Final = b"PAR1"
TAIL: Final = 8
"""Bytes at the end of a file: the footer's length, little-endian, and the magic."""
LARGEST_FOOTER: Final = 512 * 1024**2
"""A thousand columns in a thousand row groups take about 150 MiB."""
HEAD: Final = 8 * 1024**2
"""Bytes of a footer within which its number of rows stands, behind the schema: 100,000 columns."""
_ROWS_FIELD: Final = 3
_DEEPEST: Final = 32
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)
_LONG_LIST: Final = 15
_VARINT_MOST: Final = 10


class FooterError(ValueError):
    """The bytes are no parquet footer; the message says what is wrong with them."""


def footer_length(tail: bytes) -> int:
    """Return how long the footer before the last 8 bytes is.

    Raises:
        FooterError: they are not the end of a parquet file.
    """
    if len(tail) != TAIL or tail[4:] != MAGIC:
        raise FooterError("It does not end as a parquet file does (PAR1).")
    length = int.from_bytes(tail[:4], "little")
    if not 0 < length <= LARGEST_FOOTER:
        raise FooterError(f"Its footer claims to have {length:,} bytes.")
    return length


def row_count(footer: bytes) -> int:
    """Return the number of rows that a footer tells; its first `HEAD` bytes do.

    Raises:
        FooterError: it is damaged.
    """
    reader = _Reader(footer)
    try:
        found = reader.field(_ROWS_FIELD)
    except IndexError:
        found = None
    if found is None or found < 0:
        raise FooterError("Its footer is damaged: it does not say how many rows there are.")
    return found


class _Reader:
    """Walks a struct and skips what is not asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def field(self, wanted: int) -> int | None:
        """Return the whole number in a field of the outermost struct, None when it has no such field."""
        number = 0
        while True:
            kind, number = self._header(number)
            if kind == _STOP:
                return None
            if number == wanted and kind in (_I16, _I32, _I64):
                return self._zigzag()
            self._skip(kind, 0)

    def _header(self, previous: int) -> tuple[int, int]:
        byte = self._byte()
        kind, delta = byte & 0x0F, byte >> 4
        if kind == _STOP:
            return kind, previous
        return kind, previous + delta if delta else self._zigzag()

    def _skip(self, kind: int, depth: int) -> None:  # noqa: C901, PLR0912 - one case for each type of the protocol
        if depth > _DEEPEST:
            raise FooterError("Its footer is damaged: it is nested without end.")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._move(1)
        elif kind in (_I16, _I32, _I64):
            self._varint()
        elif kind == _DOUBLE:
            self._move(8)
        elif kind == _BINARY:
            self._move(self._varint())
        elif kind in (_LIST, _SET):
            head = self._byte()
            size = head >> 4
            self._skip_many(head & 0x0F, self._varint() if size == _LONG_LIST else size, depth)
        elif kind == _MAP:
            size = self._varint()
            kinds = self._byte() if size else 0
            for _ in range(self._bounded(size)):
                self._skip_element(kinds >> 4, depth)
                self._skip_element(kinds & 0x0F, depth)
        elif kind == _STRUCT:
            number = 0
            while True:
                inner, number = self._header(number)
                if inner == _STOP:
                    return
                self._skip(inner, depth + 1)
        else:
            raise FooterError("Its footer is damaged: it holds a type that there is not.")

    def _skip_many(self, kind: int, size: int, depth: int) -> None:
        for _ in range(self._bounded(size)):
            self._skip_element(kind, depth)

    def _skip_element(self, kind: int, depth: int) -> None:
        # In a collection a boolean takes a byte, as against a field, whose type already says it.
        if kind in (_TRUE, _FALSE):
            self._move(1)
        else:
            self._skip(kind, depth + 1)

    def _bounded(self, size: int) -> int:
        if size > len(self._data) - self._at:
            raise FooterError("Its footer is damaged: a list in it is longer than the footer.")
        return size

    def _byte(self) -> int:
        byte = self._data[self._at]
        self._at += 1
        return byte

    def _move(self, by: int) -> None:
        if by > len(self._data) - self._at:
            raise IndexError(by)
        self._at += by

    def _varint(self) -> int:
        value = 0
        for place in range(_VARINT_MOST):
            byte = self._byte()
            value |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                return value
        raise FooterError("Its footer is damaged: a number in it has no end.")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
