"""Owns what a sandbox remembers of its job list: the view shown last, views kept under names, filters typed before."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from tui_app.engine.failures import explained
from tui_app.history.database import HistoryError
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.models.view import SavedView, View
from tui_app.text import cell_width, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.engine.core import Core

_log = logging.getLogger(__name__)

KEYS: Final = tuple("123456789")
"""The digits that can show a saved view."""
NAME_MOST: Final = 40
"""Cells of a saved view's name."""
SAVED_MOST: Final = 50
RECENT_MOST: Final = 20
FILTER_MOST: Final = 10_000
"""Characters of a filter that is remembered; as many as one can type."""

_CURRENT: Final = "view.current"
_SAVED: Final = "view.saved"
_FILTERS: Final = "view.filters"


def name_fault(name: str) -> str:
    """Return why a saved view cannot have this name, "" when it can."""
    if not name.strip():
        return "A view needs a name."
    if safe_text(name) != name:
        return "A name cannot hold control or hidden characters."
    return f"A name has at most {NAME_MOST} cells." if cell_width(name.strip()) > NAME_MOST else ""


class Views:
    """The views of one sandbox, kept as notes in its history.

    What is remembered by itself (the view shown, filters typed) is lost quietly where history cannot be used. What a
    person saves raises. A note that cannot be read counts as none.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._kept: View | None = None
        self._wanted: View | None = None
        self._writing = False

    # The view shown

    def current_now(self) -> View:
        """Return the view to begin with, waiting for it: for the first paint, well under a millisecond."""
        try:
            return self._known(self._core.history.lookups.note_now(_CURRENT))
        except HistoryError as error:
            _tell(error)
            return View()

    async def current(self) -> View:
        """Return the view shown last, a new one when there was none."""
        return self._known(await self._note(_CURRENT))

    def _known(self, text: str | None) -> View:
        view = View.of(_decoded(text))
        self._kept = view if text is not None else None
        return view

    async def remember(self, view: View) -> None:
        """Keep the view that is shown now, for the next start.

        Costs nothing while it is the one kept already. Of views that come while one is being written only the last
        is written next, so it may be called at every keystroke.
        """
        self._wanted = view
        if self._writing:
            return
        self._writing = True
        try:
            while self._wanted != self._kept:
                view = self._wanted
                await self._core.history.lookups.set_note(_CURRENT, view.dumps())
                self._kept = view
        except HistoryError as error:
            _tell(error)
        finally:
            self._writing = False

    # Saved views

    async def saved(self) -> tuple[SavedView, ...]:
        """Return the saved views, the oldest first."""
        return _saved(await self._note(_SAVED))

    async def save(self, saved: SavedView) -> tuple[SavedView, ...]:
        """Keep a view under its name and return all; one of the same name, in any case, is replaced.

        A key that another view had is taken from that one.

        Raises:
            FailureError: the name will not do, there are `SAVED_MOST` views, or history cannot be written.
        """
        what = f"The view {safe_text(saved.name.strip())} was not saved"
        if fault := name_fault(saved.name):
            raise _refused(what, fault, f"Give it a name of 1 to {NAME_MOST} visible characters.")
        saved = replace(saved, name=saved.name.strip(), key=saved.key if saved.key in KEYS else None)

        def change(views: list[SavedView]) -> None:
            place = _place(views, saved.name)
            if place is None and len(views) >= SAVED_MOST:
                raise _refused(what, f"There are {SAVED_MOST} saved views already", "Remove one that is not needed.")
            if saved.key is not None:
                views[:] = [replace(one, key=None) if one.key == saved.key else one for one in views]
            if place is None:
                views.append(saved)
            else:
                views[place] = saved

        return await self._change(what, change)

    async def rename(self, old: str, new: str) -> tuple[SavedView, ...]:
        """Give a saved view another name, in its place, and return all.

        Raises:
            FailureError: the name will not do or is another view's, or history cannot be written.
        """
        what = f"The view {safe_text(old)} was not renamed"
        if fault := name_fault(new):
            raise _refused(what, fault, f"Give it a name of 1 to {NAME_MOST} visible characters.")

        def change(views: list[SavedView]) -> None:
            place, taken = _place(views, old), _place(views, new.strip())
            if place is None:
                raise _refused(what, "It is not there any more", "Look at the list again.")
            if taken not in (None, place):
                raise _refused(what, f"Another view is named {new.strip()}", "Choose another name.")
            views[place] = replace(views[place], name=new.strip())

        return await self._change(what, change)

    async def remove(self, name: str) -> tuple[SavedView, ...]:
        """Forget a saved view and return the others; one that is not there is gone already.

        Raises:
            FailureError: history cannot be written.
        """

        def change(views: list[SavedView]) -> None:
            place = _place(views, name)
            if place is not None:
                del views[place]

        return await self._change(f"The view {safe_text(name)} was not removed", change)

    async def _change(self, what: str, change: Callable[[list[SavedView]], None]) -> tuple[SavedView, ...]:
        def rewrite(text: str | None) -> str:
            views = list(_saved(text))
            change(views)
            return json.dumps([asdict(one) for one in views])

        with explained(what, self._core.clock):
            return _saved(await self._core.history.lookups.change_note(_SAVED, rewrite))

    # Filters typed before

    async def recent_filters(self) -> tuple[str, ...]:
        """Return the filters typed last, the newest first, none twice."""
        return _filters(await self._note(_FILTERS))

    async def remember_filter(self, text: str) -> None:
        """Put a filter on top of the recent ones; blank and overlong ones are not kept."""
        text = text.strip()
        if not text or len(text) > FILTER_MOST:
            return
        try:
            await self._core.history.lookups.change_note(
                _FILTERS, lambda old: json.dumps(list(dict.fromkeys((text, *_filters(old))))[:RECENT_MOST])
            )
        except HistoryError as error:
            _tell(error)

    async def _note(self, key: str) -> str | None:
        try:
            return await self._core.history.lookups.note(key)
        except HistoryError as error:
            _tell(error)
            return None


def _tell(error: HistoryError) -> None:
    _log.warning("what the list remembers cannot be used: %s", error)


def _refused(what: str, cause: str, next_step: str) -> FailureError:
    return FailureError(Failure(kind=FailureKind.LOCAL, what=what, cause=cause, next_step=next_step))


def _place(views: Sequence[SavedView], name: str) -> int | None:
    wanted = name.casefold()
    return next((place for place, one in enumerate(views) if one.name.casefold() == wanted), None)


def _decoded(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, TypeError, RecursionError):  # whatever a damaged file holds in the note's place
        return None


def _saved(text: str | None) -> tuple[SavedView, ...]:
    """Return the views in a note, those that make no sense left out; a name or key counts for the first that has it."""
    decoded = _decoded(text)
    found: list[SavedView] = []
    for one in decoded if isinstance(decoded, list) else ():
        name, key = (one.get("name"), one.get("key")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or name_fault(name) or _place(found, name) is not None:
            continue
        known = isinstance(key, str) and key in KEYS and all(other.key != key for other in found)
        found.append(SavedView(name=name, view=View.of(one.get("view")), key=key if known else None))
    return tuple(found[:SAVED_MOST])


def _filters(text: str | None) -> tuple[str, ...]:
    decoded = _decoded(text)
    known = decoded if isinstance(decoded, list) else ()
    texts = (one for one in known if isinstance(one, str) and one.strip() and len(one) <= FILTER_MOST)
    return tuple(dict.fromkeys(texts))[:RECENT_MOST]
