"""Owns reading a page of export jobs out of an answer's bytes, a few jobs at a time: no key waits for a thousand."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Final

from pydantic_core import from_json

from tui_app.api.answer import read_json
from tui_app.clock import give_way
from tui_app.models.export_job import JobPage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui_app.api.answer import Answer
    from tui_app.models.export_job import ExportJob

_AT_ONCE: Final = 25  # jobs: less than a millisecond
_TAIL: Final = 2_000  # bytes: what stands behind the records
_LISTS: Final = ("records", "children")


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
    tail = body[-_TAIL:]
    at = max(tail.rfind(b'"link"'), tail.rfind(b'"_links"'))
    if at < 0:
        return None
    try:
        return JobPage.parse({"records": [], **json.loads(b"{" + tail[at:])}).next_offset
    except (ValueError, RecursionError):
        return None  # it was a link of something else


async def _in_pieces(body: bytes) -> JobPage:
    """Return the page of a body that is as usual.

    Raises:
        ValueError: it is not, or nests deeper than `DEEPEST_ANSWER`.
    """
    page = from_json(body)
    lists = [key for key in _LISTS if isinstance(page, dict) and isinstance(page.get(key), list)]
    if len(lists) != 1:
        raise ValueError("It is no object with one list of records.")
    records, page[lists[0]] = page[lists[0]], []
    jobs: list[ExportJob] = []
    rejected = 0
    for start in range(0, len(records), _AT_ONCE):
        part = JobPage.parse({"records": records[start : start + _AT_ONCE]})
        jobs += part.jobs
        rejected += part.rejected
        await give_way()
    return JobPage(jobs=tuple(jobs), next_offset=JobPage.parse(page).next_offset, rejected=rejected)
