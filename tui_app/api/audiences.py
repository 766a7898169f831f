"""Owns the calls that list audiences, and segment definitions where audiences may not be read (API reference 6)."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import BadRequestError, ForbiddenError, NoServiceError, NotFoundError, UnauthorizedError
from tui_app.api.linked_lists import linked, pages
from tui_app.models.audience import Audience
from tui_app.models.base import count, mapping

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tui_app.api.linked_lists import Query
    from tui_app.api.session import Session
    from tui_app.models.base import JsonObject
    from tui_app.models.list_page import ListPage

_PATH: Final = "/data/core/ups/audiences"
_DEFINITIONS: Final = "/data/core/ups/segment/definitions"
_PAGE: Final = 100
_WHAT: Final = "The audiences could not be listed."
_PLAIN: Final = [("limit", str(_PAGE))]
# Metrics tell how many profiles an audience has, and so whether it was ever evaluated.
_FULL: Final = [
    *_PLAIN,
    ("sort", "updateTime:desc"),
    ("entityType", "_xdm.context.profile"),
    ("withMetrics", "true"),
]
_NOT_THERE: Final = (ForbiddenError, UnauthorizedError, NotFoundError, NoServiceError)


class Audiences:
    """List the audiences of the sandbox."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def pages(self) -> AsyncGenerator[ListPage[Audience], None]:
        """Walk all of them, the one that changed last first.

        Where they may not be read, the segment definitions stand in: those are the audiences that the platform
        evaluates itself, and each page's `remark` says what is missing.

        Raises:
            ApiError: neither can be read; it tells of the audiences.
        """
        try:
            async with aclosing(self._full_or_plain()) as found:
                async for page in found:
                    yield page
        except _NOT_THERE as error:
            refused = error
        else:
            return
        remark = (
            f"Audiences of other products are not among them: only segment definitions can be read. "
            f"{refused.cause or refused.what}"
        )
        try:
            async with aclosing(self._definitions()) as found:
                async for page in found:
                    yield replace(page, remark=remark)
        except _NOT_THERE:
            raise refused from None

    async def _full_or_plain(self) -> AsyncGenerator[ListPage[Audience], None]:
        """Ask for all that is of use; not every release knows every parameter, which need not cost the list."""
        has_begun = False
        try:
            async with aclosing(self._listed(_FULL)) as found:
                async for page in found:
                    has_begun = True
                    yield page
        except BadRequestError:
            if has_begun:
                raise
        else:
            return
        async with aclosing(self._listed(_PLAIN)) as found:
            async for page in found:
                yield page

    def _listed(self, query: Query) -> AsyncGenerator[ListPage[Audience], None]:
        return pages(
            self._session,
            _PATH,
            query,
            what=_WHAT,
            lists=("children", "audiences"),
            parse=Audience.parse,
            following=linked,
        )

    def _definitions(self) -> AsyncGenerator[ListPage[Audience], None]:
        return pages(
            self._session,
            _DEFINITIONS,
            [*_PLAIN, ("page", "0")],
            what="The segment definitions could not be listed.",
            lists=("segments", "children"),
            parse=Audience.parse,
            following=_numbered,
        )


def _numbered(raw: JsonObject, query: Query, entries: int) -> Query | None:
    """Return the next page of segment definitions: they are numbered, and have a link only now and then (6.1)."""
    link = linked(raw, query, entries)
    if link is not None:
        return link
    number = count(dict(query).get("page")) or 0
    last = count(mapping(raw.get("page")).get("totalPages"))
    goes_on = number + 1 < last if last is not None else entries >= _PAGE
    return [*_PLAIN, ("page", str(number + 1))] if entries and goes_on else None
