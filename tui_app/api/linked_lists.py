"""Owns walking a list of the profile service page by page, along the links of its answers (API reference 6, 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from tui_app.api.errors import BadAnswerError
from tui_app.models.base import MalformedRecord, count, mapping, text
from tui_app.models.list_page import ListPage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from tui_app.api.session import Session
    from tui_app.models.base import JsonObject

T = TypeVar("T")
Query = list[tuple[str, str]]
_MOST_PAGES: Final = 2_000
_NO_MORE: Final = frozenset({"", "0"})


async def pages(
    session: Session,
    path: str,
    query: Query,
    *,
    what: str,
    lists: Sequence[str],
    parse: Callable[[object], T],
    following: Callable[[JsonObject, Query, int], Query | None],
) -> AsyncGenerator[ListPage[T], None]:
    """Walk a list from its first page to its last.

    Args:
        session: sends the requests.
        path: of the list; links give only their query, because their own path is not always one that answers.
        query: of the first page.
        what: what could not be done should it fail.
        lists: names under which an answer may hold its entries.
        parse: reads one entry; one that it refuses is left out.
        following: tells the query of the next page from an answer, its query, and how many entries it had.

    Raises:
        BadAnswerError: an answer has no entries, or the list repeats itself before its end, or has none.
        ApiError: see `errors`.
    """
    asked: set[tuple[tuple[str, str], ...]] = set()
    read = 0
    for _ in range(_MOST_PAGES):
        asked.add(tuple(query))
        raw = mapping(await session.fetch("GET", path, what=what, query=query))
        entries = _entries(raw, lists, what)
        read += len(entries)
        total = _total(raw)
        yield ListPage(items=tuple(_parsed(entries, parse)), total=total)
        next_query = following(raw, query, len(entries))
        if next_query is None:
            return
        if tuple(next_query) in asked:
            if total is not None and read < total:
                raise _endless(what, f"The list leads back to a page that was read, after {read} of {total} entries.")
            return
        query = next_query
    raise _endless(what, f"The list goes on after {_MOST_PAGES} pages.")


def linked(raw: JsonObject, query: Query, _: int) -> Query | None:
    """Return the query of the next page as the link, or else the page's `next`, tells it; None at the end.

    Both are followed and never computed: what `start` counts is the service's own affair (6.2).
    """
    page = mapping(raw.get("_page")) or mapping(raw.get("page"))
    links = mapping(raw.get("_links")) or mapping(raw.get("link"))
    link = links.get("next")
    href = text(link.get("href")) if isinstance(link, dict) else text(link)
    told = _query_of(href) if href else []
    start = next((value for name, value in told if name in {"start", "page"}), None)
    if start is None:
        start = text(page.get("next"))
        told = [("start", start)] if start is not None else []
    if start is None or start in _NO_MORE:
        return None
    names = {name for name, _ in told}
    return [*((name, value) for name, value in query if name not in names), *told]


def _query_of(href: str) -> Query:
    try:
        return parse_qsl(urlsplit(href).query)
    except ValueError:  # what calls itself a link may be anything
        return []


def _entries(raw: JsonObject, lists: Sequence[str], what: str) -> list[Any]:
    for name in lists:
        found = raw.get(name)
        if isinstance(found, list):
            return found
    raise BadAnswerError(
        what,
        cause=f"The answer holds no list of {lists[0]}.",
        next_step="Check base_url, and look at the log.",
    )


def _parsed(entries: list[Any], parse: Callable[[object], T]) -> list[T]:
    found = []
    for entry in entries:
        try:
            found.append(parse(entry))
        except MalformedRecord:
            continue
    return found


def _total(raw: JsonObject) -> int | None:
    page = mapping(raw.get("_page")) or mapping(raw.get("page"))
    return count(page.get("totalCount"))


def _endless(what: str, cause: str) -> BadAnswerError:
    return BadAnswerError(what, cause=cause, next_step="Read it again; if that does not help, look at the log.")
