"""Owns the call that lists merge policies (API reference 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui_app.api.linked_lists import linked, pages
from tui_app.models.merge_policy import MergePolicy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tui_app.api.session import Session
    from tui_app.models.list_page import ListPage

_PATH: Final = "/data/core/ups/config/mergePolicies"
_PAGE: Final = 20  # the service's own default: a sandbox has five at most


class MergePolicies:
    """List the merge policies of the sandbox."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(self) -> AsyncGenerator[ListPage[MergePolicy], None]:
        """Walk all of them, in the platform's order.

        Raises:
            ApiError: see `errors`.
        """
        return pages(
            self._session,
            _PATH,
            [("limit", str(_PAGE))],
            what="The merge policies could not be listed.",
            lists=("children", "mergePolicies"),
            parse=MergePolicy.parse,
            following=linked,
        )
