"""Owns what the job list shows as a choice that lasts: filter, order and columns, as remembered and under names."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from textual import work

from tui_app.models.filter import EVERYTHING
from tui_app.models.filter_text import FilterError, parse
from tui_app.models.job_query import JobQuery
from tui_app.models.view import View
from tui_app.present.jobs import ALL_COLUMNS, DEFAULT_KEYS, columns
from tui_app.tui.screens.dialogs import Pick
from tui_app.tui.screens.job_place import JobListPlace
from tui_app.tui.widgets.filter_bar import FilterBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.models.filter import Filter
    from tui_app.models.view import SavedView
    from tui_app.tui.widgets.row_table import RowTable

_MOST_FIRST = frozenset({"created", "updated", "ended", "duration", "profiles", "segments", "batches", "id"})
"""Columns that one sorts by to see the greatest."""
_VALUES_MOST = 50


class JobViews(JobListPlace):
    """A job list whose view can be changed, kept and called back; what lists it is the subclass's."""

    _view = View()
    _filter: Filter = EVERYTHING
    _filter_day = ""
    _saved: tuple[SavedView, ...] = ()

    @property
    def view(self) -> View:
        """Filter, order and columns in force."""
        return self._view

    @property
    def query_shown(self) -> JobQuery:
        """The question that the view stands for."""
        return JobQuery(filter=self._filter, sort=self._view.sort, descending=self._view.descending)

    @property
    def filter_bar(self) -> FilterBar:
        """The line that shows the filter and lets one type it."""
        return self.query_one(FilterBar)

    def make_filter_bar(self) -> FilterBar:
        """Return the filter line of this sandbox."""
        return FilterBar(now=self.local_now, values=self._values, recent=self.engine.views.recent_filters)

    def local_now(self) -> datetime:
        """Return the clock's moment in the machine's zone: dates in a filter are meant so."""
        return datetime.fromtimestamp(self.now_ms() / 1000).astimezone()

    async def _values(self, field: str, prefix: str) -> Sequence[str]:
        return await self.engine.list.values(field, prefix, _VALUES_MOST)

    def crumb(self) -> str:
        """Say which saved view is shown."""
        name = next((one.name for one in self._saved if one.view == self._view), "")
        return f"{self.CRUMB} > {name}" if name else self.CRUMB

    # Showing a view

    def take_up(self, view: View) -> None:
        """Make a view the one in force, before anything of it is read."""
        self._view = view
        self._filter = self._meant(view.text)
        self.rows.keys_shown = tuple(one.key for one in columns(view.columns))
        self.filter_bar.set_text(view.text)
        self.restyle_columns()

    def restyle_columns(self) -> None:
        """Lay out the columns in force."""
        self.table.set_columns(columns(self._view.columns, absolute_times=self.app.absolute_times))

    def show_view(self, view: View, *, meant: Filter | None = None) -> None:
        """Show another view and remember it.

        Args:
            view: what to show.
            meant: what its text means, where that was read already.
        """
        old, before = self._view, self.query_shown
        self._view = view
        if view.text != old.text:
            self._filter = self._meant(view.text) if meant is None else meant
            if meant is None:
                self.filter_bar.set_text(view.text)
        if view.columns != old.columns:
            self.rows.keys_shown = tuple(one.key for one in columns(view.columns))
            self.restyle_columns()
        query = self.query_shown
        if query != before:
            # In another order one looks at its beginning, unless one has gone to a certain job before.
            self.reading.ask(query, from_top=self.table.is_untouched and query.filter == before.filter)
        self.show_counts()
        self.show_session()
        self._remember()

    @work(group="remember")
    async def _remember(self) -> None:
        await self.engine.views.remember(self._view)

    def _meant(self, text: str) -> Filter:
        """Return what a filter line means today; one that cannot be read any more hides nothing."""
        now = self.local_now()
        self._filter_day = now.date().isoformat()
        if not text:
            return EVERYTHING
        try:
            return parse(text, now=now)
        except FilterError as error:
            self.say(f"The filter {text} is not used: {error}", severe=True)
            self._view = replace(self._view, text="")
            return EVERYTHING

    def renew_filter(self) -> None:
        """Read the filter line again when a new day has begun: `created:today` means another one now."""
        if self._view.text and self._filter_day != self.local_now().date().isoformat():
            before, self._filter = self._filter, self._meant(self._view.text)
            if self._filter != before:
                self.reading.ask(self.query_shown)

    # Filter

    def action_filter_edit(self) -> None:
        """Type a filter."""
        self.filter_bar.edit()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Filter as one types."""
        self._filter_day = self.local_now().date().isoformat()
        self.show_view(replace(self._view, text=event.text), meant=event.filter)

    def on_filter_bar_invalid(self) -> None:
        """Say what the rows are those of, while what is typed cannot be read."""
        self.show_counts()

    def on_filter_bar_accepted(self, event: FilterBar.Accepted) -> None:
        """Keep the filter and go back to the rows."""
        self.table.focus()
        self._remember_filter(event.text)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """Show all jobs again."""
        self.table.focus()
        self.show_view(replace(self._view, text=""), meant=EVERYTHING)

    def on_filter_bar_help_asked(self) -> None:
        """Explain the language; the line that is typed waits below."""
        from tui_app.tui.screens.filter_help import FilterHelp  # noqa: PLC0415 - the first paint does without

        self.app.push_screen(FilterHelp())

    @work(group="remember")
    async def _remember_filter(self, text: str) -> None:
        await self.engine.views.remember_filter(text)

    def clear_filter(self) -> bool:
        """Show all jobs; return whether any were left out before."""
        if not self._view.text:
            return False
        self.show_view(replace(self._view, text=""))
        return True

    # Order and columns

    @work(group="sort", exclusive=True)
    async def action_list_sort(self) -> None:
        """Choose the column to sort by."""
        items = [(one.key, one.label.capitalize()) for one in ALL_COLUMNS if one.sortable]
        key = await self.app.push_screen_wait(Pick("Sort by", items, chosen=self._view.sort))
        if key is not None:
            self.show_view(replace(self._view, sort=key, descending=key in _MOST_FIRST))

    def action_list_flip(self) -> None:
        """Turn the order round."""
        self.show_view(replace(self._view, descending=not self._view.descending))

    def on_row_table_header_clicked(self, event: RowTable.HeaderClicked) -> None:
        """Sort by the column, or turn its order round."""
        if event.key == self._view.sort:
            self.action_list_flip()
        else:
            self.show_view(replace(self._view, sort=event.key, descending=event.key in _MOST_FIRST))

    @work(group="columns", exclusive=True)
    async def action_columns_choose(self) -> None:
        """Choose columns and their order."""
        from tui_app.tui.screens.columns import ColumnsDialog  # noqa: PLC0415 - the first paint does without

        dialog = ColumnsDialog(ALL_COLUMNS, self._view.columns, width=self.table.size.width, default=DEFAULT_KEYS)
        keys = await self.app.push_screen_wait(dialog)
        if keys is not None:
            self.show_view(replace(self._view, columns=keys))

    @work(group="statistics", exclusive=True)
    async def action_list_statistics(self) -> None:
        """Show figures of the jobs in the view; one of them can be made the filter."""
        from tui_app.tui.screens.statistics import StatisticsDialog  # noqa: PLC0415 - the first paint does without

        query = self.query_shown
        dialog = StatisticsDialog(
            lambda: self.engine.list.statistics(query), filter_text=self._view.text, now_ms=self.now_ms
        )
        text = await self.app.push_screen_wait(dialog)
        if text is not None:
            self.show_view(replace(self._view, text=text))

    # Saved views

    def action_view_reset(self) -> None:
        """Show all jobs, the newest first, in the default columns."""
        self.show_view(View())

    @work(group="views", exclusive=True)
    async def action_view_open(self) -> None:
        """Choose a saved view, or save this one."""
        from tui_app.tui.screens.views import ViewsDialog  # noqa: PLC0415 - the first paint does without

        labels = {one.key: one.label for one in ALL_COLUMNS}
        chosen = await self.app.push_screen_wait(ViewsDialog(self.engine.views, self._view, labels=labels))
        self._saved = await self.engine.views.saved()
        if chosen is not None:
            self.show_view(chosen.view)
        self.show_session()

    @work(group="views", exclusive=True)
    async def learn_saved_views(self) -> None:
        """Read the saved views, for their digits and for the name of the one that is shown."""
        self._saved = await self.engine.views.saved()
        self.show_session()

    @work(group="views", exclusive=True)
    async def action_view_saved(self, key: str) -> None:
        """Show the view that a digit stands for; another program may have saved it."""
        self._saved = await self.engine.views.saved()
        found = next((one for one in self._saved if one.key == key), None)
        if found is None:
            self.say(f"No view has the key {key}. {self.key_of('view.open')} saves this one and gives it a key.")
        else:
            self.show_view(found.view)
