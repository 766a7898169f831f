"""Owns reading a page of export jobs out of an answer's bytes, a few jobs at a time: no key waits for a thousand."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from tui_app.api.answer import DEEPEST_ANSWER, is_deep, read_json
from tui_app.clock import give_way
from tui_app.models.export_job import JobPage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator

    from tui_app.api.answer import Answer
    from tui_app.models.export_job import ExportJob

_AT_ONCE: Final = 25  # jobs: less than a millisecond
_TAIL: Final = 2_000  # bytes: what stands behind the records
_MANY: Final = DEEPEST_ANSWER - 2  # brackets of one record: two more are around it
_LISTS: Final = frozenset({"records", "children"})
_TIGHT: Final = ",{"  # how one record follows the other where no white space is wasted
_SPACE: Final = re.compile(r"[ \t\n\r]*")


async def read_page(
    answer: Answer, *, what: str, arrived: Callable[[str | None], Awaitable[None]] | None = None
) -> JobPage:
    """Return the page that a successful answer holds, giving way to the loop after every few jobs.

    `arrived` is awaited before, with what will probably be the page's `next_offset`.

    Not on a thread: one that computes makes the loop wait 5 ms each time it wants the interpreter back, several times
    a key.

    Raises:
        BadAnswerError: the body is no JSON; see `read_json`.
        MalformedRecord: it is no page of export jobs.
    """
    if arrived is not None:
        await arrived(_likely_next(answer.body))
    with contextlib.suppress(ValueError, RecursionError):
        return await _in_pieces(answer.body)
    # Whatever is unusual about it, the plain way reads it or says what is wrong.
    return JobPage.parse(read_json(answer, what=what))


def _likely_next(body: bytes) -> str | None:
    """Return the cursor of the next page as far as the end of the body tells; None when it does not."""
    at = max(body.rfind(b'"link"'), body.rfind(b'"_links"'))
    if at < 0 or len(body) - at > _TAIL:
        return None
    try:
        return JobPage.parse({"records": [], **json.loads(b"{" + body[at:])}).next_offset
    except (ValueError, RecursionError):
        return None  # it was a link of something else


async def _in_pieces(body: bytes) -> JobPage:
    jobs: list[ExportJob] = []
    rejected = 0
    rest: dict[str, Any] = {}
    for records in _pieces(body.decode("utf-8", "surrogatepass"), rest):
        part = JobPage.parse({"records": records})
        jobs += part.jobs
        rejected += part.rejected
        await give_way()
    if is_deep(rest):
        raise ValueError("The answer nests too deep.")
    return JobPage(jobs=tuple(jobs), next_offset=JobPage.parse(rest).next_offset, rejected=rejected)


def _pieces(text: str, rest: dict[str, Any]) -> Iterator[list[object]]:
    """Yield the records of a page in their order, some at a time; its other keys go to `rest`.

    Raises:
        ValueError: it is no JSON object, a key comes twice, or there are two lists.
    """
    decode = json.JSONDecoder().raw_decode
    at = _behind(text, 0, "{")
    ended = text.startswith("}", at)
    while not ended:
        key, at = decode(text, at)
        if not isinstance(key, str) or key in rest:
            raise ValueError("A key is no text, or comes twice.")
        at = _behind(text, at, ":")
        if key in _LISTS and text.startswith("[", at):
            if any(isinstance(rest.get(other), list) for other in _LISTS):
                raise ValueError("There are two lists of records.")
            rest[key] = []
            at = yield from _records(text, at)
        else:
            rest[key], at = decode(text, at)
        at = _next(text, at)
        ended = text.startswith("}", at)
        if not ended:
            at = _behind(text, at, ",")
    if _next(text, at + 1) != len(text):
        raise ValueError("Something follows the page.")


def _records(text: str, at: int) -> Generator[list[object], None, int]:
    """Yield the elements of the list that begins at `at`, some at a time, and return where it ends."""
    decode = json.JSONDecoder().raw_decode
    at = _behind(text, at, "[")
    if text.startswith("]", at):
        return at + 1
    found: list[object] = []
    while True:
        value, end = decode(text, at)
        # Counted first, because nothing nests deeper than it has brackets and few jobs have as many.
        if text.count("{", at, end) + text.count("[", at, end) >= _MANY and is_deep([[value]]):
            raise ValueError("The answer nests too deep.")
        found.append(value)
        at = end if text.startswith(_TIGHT, end) else _next(text, end)
        if text.startswith("]", at):
            yield found
            return at + 1
        at = at + 1 if text.startswith(_TIGHT, at) else _behind(text, at, ",")
        if len(found) == _AT_ONCE:
            yield found
            found = []


def _behind(text: str, at: int, mark: str) -> int:
    """Return where the next value begins after `mark`, which must come next."""
    at = _next(text, at)
    if not text.startswith(mark, at):
        raise ValueError(f"There is no {mark} where it must be.")
    return _next(text, at + 1)


def _next(text: str, at: int) -> int:
    """Return where the white space from `at` on ends."""
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
