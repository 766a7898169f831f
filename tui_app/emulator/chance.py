"""Owns reproducible randomness: what is drawn depends on the seed and the topic, never on what was drawn before."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TO_LETTERS = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))


class Chance:
    """A stream of draws named by a seed and a topic; two streams of one name give the same draws.

    `random.Random` costs ten times as much to seed, and a page of 100 past jobs seeds 100 streams.
    """

    __slots__ = ("_at", "_block", "_key", "_pool")

    def __init__(self, seed: int, *topic: object) -> None:
        # A stranger's text may hold a lone surrogate, which JSON allows.
        self._key = "/".join(map(str, (seed, *topic))).encode("utf-8", "surrogatepass")
        self._pool = hashlib.blake2b(self._key).digest()
        self._at = 0
        self._block = 0

    def _take(self, count: int) -> bytes:
        at = self._at
        end = at + count
        while end > len(self._pool):
            self._block += 1
            more = hashlib.blake2b(self._key, salt=self._block.to_bytes(8, "big")).digest()
            self._pool = self._pool[at:] + more
            at, end = 0, count
        self._at = end
        return self._pool[at:end]

    def fraction(self) -> float:
        """Draw from 0 (included) to 1 (excluded)."""
        at = self._at
        if at + 4 > len(self._pool):
            return int.from_bytes(self._take(4), "big") / 4294967296
        self._at = at + 4  # the common case in place: a page of jobs draws some thousand times
        return int.from_bytes(self._pool[at : at + 4], "big") / 4294967296

    def between(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return low + int(self.fraction() * (high - low + 1))

    def pick(self, choices: Sequence[_T]) -> _T:
        """Draw one of `choices`, each as likely as the others."""
        return choices[int(self.fraction() * len(choices))]

    def hex(self, digits: int) -> str:
        """Draw lower-case hexadecimal digits."""
        return self._take((digits + 1) // 2).hex()[:digits]

    def uuid(self) -> str:
        """Draw an identifier in the form of a version 4 UUID."""
        text = self.hex(32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def token(self, length: int) -> str:
        """Draw letters and digits, as the platform's own request ids look."""
        return self._take(length).translate(_TO_LETTERS).decode("ascii")
