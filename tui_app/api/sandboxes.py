"""Owns the call that lists the sandboxes of a credential (API reference 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_app.api.errors import BadAnswerError
from tui_app.models.base import MalformedRecord
from tui_app.models.catalog import Sandbox

if TYPE_CHECKING:
    from tui_app.api.session import Session

_PATH = "/data/foundation/sandbox-management/"
_PAGE = 50
_MOST_PAGES = 100
_WHAT = "The sandboxes could not be listed."


class Sandboxes:
    """List the sandboxes that this credential may use."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self) -> tuple[Sandbox, ...]:
        """Return all of them, in the platform's order; none at all means that the credential has no access.

        Raises:
            ApiError: see `errors`.
        """
        found: dict[str, Sandbox] = {}
        offset = 0
        for _ in range(_MOST_PAGES):
            # Both parameters or neither: one alone is an error (API reference 5).
            raw = await self._session.fetch(
                "GET",
                _PATH,
                what=_WHAT,
                query=[("limit", str(_PAGE)), ("offset", str(offset))],
                in_sandbox=False,
            )
            records = _records(raw)
            known = len(found)
            for record in records:
                try:
                    sandbox = Sandbox.parse(record)
                except MalformedRecord:
                    continue
                found.setdefault(sandbox.name, sandbox)
            offset += len(records)
            if len(records) < _page_size(raw) or len(found) == known:
                break
        return tuple(found.values())


def _records(raw: Any) -> list[Any]:
    records = raw.get("sandboxes") if isinstance(raw, dict) else None
    if not isinstance(records, list):
        raise BadAnswerError(
            _WHAT,
            cause="The answer holds no list of sandboxes.",
            next_step="Check base_url, and look at the log.",
        )
    return records


def _page_size(raw: dict[str, Any]) -> int:
    """Return how many a full page holds: what was asked for, or less where the service says so."""
    page = raw.get("_page")
    stated = page.get("limit") if isinstance(page, dict) else None
    return stated if isinstance(stated, int) and 0 < stated < _PAGE else _PAGE
