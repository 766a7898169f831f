from __future__ import annotations

import asyncio
from itertools import count as count_from
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.content import Content
from textual.events import MouseScrollDown
from textual.geometry import Region

from tui_app.present.cells import Cell, Column
from tui_app.tui.widgets.row_marks import RowMarks
from tui_app.tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.message import Message
    from textual.pilot import Pilot
    from textual.strip import Strip

COLUMNS = (
    Column("status", "STATUS", 12),
    Column("id", "ID", 9, cut="middle"),
    Column("size", "SIZE", 6, align="right", priority=1),
    Column("name", "NAME", 10, weight=1, priority=2, sortable=False),
)
BODY = 23
SERIAL = count_from(1_000)


class Rows:
    """Rows held in a list of keys; cells are made up from the key unless told otherwise."""

    def __init__(self, keys: Iterable[int]) -> None:
        self.held = list(keys)
        self.texts: dict[int, str] = {}
        self.roles: dict[int, str] = {}
        self.changed: set[int] = set()
        self.missing: set[int] = set()
        self.reads = 0

    def __len__(self) -> int:
        return len(self.held)

    def key(self, index: int) -> int:
        return self.held[index]

    def keys(self, start: int, stop: int) -> Sequence[int]:
        return self.held[start:stop]

    def index_of(self, key: int) -> int | None:
        return self.held.index(key) if key in self.held else None

    def first_of(self, keys: Sequence[int]) -> int | None:
        return next((self.held.index(key) for key in keys if key in self.held), None)

    def cells(self, index: int) -> Sequence[Cell] | None:
        self.reads += 1
        if index in self.missing:
            return None
        key = self.held[index]
        name = f"job{key:05}"
        return (
            Cell(self.texts.get(key, "+ SUCCEEDED"), self.roles.get(key, ""), changed=key in self.changed),
            Cell(name),
            Cell("7"),
            Cell(f"name of {name}", "muted"),
        )


class Million(Rows):
    def __init__(self) -> None:
        super().__init__(())

    def __len__(self) -> int:
        return 1_000_000

    def key(self, index: int) -> int:
        return index

    def keys(self, start: int, stop: int) -> Sequence[int]:
        return range(start, stop)

    def index_of(self, key: int) -> int | None:
        return key

    def first_of(self, keys: Sequence[int]) -> int | None:
        return keys[0]

    def cells(self, index: int) -> Sequence[Cell]:
        self.reads += 1
        return [Cell(f"job{index}")] * len(COLUMNS)


class CountingTable(RowTable):
    """Remembers which screen lines were painted."""

    painted: list[int]

    def render_line(self, y: int) -> Strip:
        if not hasattr(self, "painted"):
            self.painted = []
        self.painted.append(y)
        return super().render_line(y)


class TableApp(App[None]):
    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield CountingTable(COLUMNS, self.rows)

    @property
    def table(self) -> CountingTable:
        return self.query_one(CountingTable)

    def lines(self) -> list[str]:
        """The table as text, the header first."""
        return [self.table.render_line(y).text for y in range(self.table.size.height)]

    def cursor_line(self) -> int:
        """The screen line of the cursor's glyph; -1 when it is out of view."""
        return next((y for y, line in enumerate(self.lines()) if line[1] == "▌"), -1)

    def on_row_table_cursor_moved(self, message: RowTable.CursorMoved) -> None:
        self.said.append(message)

    def on_row_table_row_activated(self, message: RowTable.RowActivated) -> None:
        self.said.append(message)

    def on_row_table_marks_changed(self, message: RowTable.MarksChanged) -> None:
        self.said.append(message)

    def on_row_table_need_rows(self, message: RowTable.NeedRows) -> None:
        self.said.append(message)

    def on_row_table_header_clicked(self, message: RowTable.HeaderClicked) -> None:
        self.said.append(message)

    def on_row_table_new_above(self, message: RowTable.NewAbove) -> None:
        self.said.append(message)


def jobs(count: int) -> Rows:
    return Rows(range(count))


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause()


async def test_it_shows_header_rows_and_cursor() -> None:
    app = TableApp(jobs(3))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        lines = app.lines()
        assert lines[0].split() == ["STATUS", "ID", "SIZE", "NAME"]
        assert lines[1].startswith(" ▌+ SUCCEEDED   job00000        7  name of job00000")
        assert lines[2].startswith("  + SUCCEEDED")
        assert lines[4].strip() == ""


async def test_keys_move_the_cursor() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.table
        table.focus()
        for key, index in (
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", BODY), ("pageup", 0),
            ("G", 99), ("down", 99), ("g", 0), ("end", 99), ("home", 0),
        ):  # fmt: skip
            await pilot.press(key)
            assert table.cursor_index == index, key
            assert table.cursor_key == index
            assert app.cursor_line() > 0
        await pilot.press("enter")
        opened = [message.key for message in app.said if isinstance(message, RowTable.RowActivated)]
        assert opened == [0]


async def test_moving_the_cursor_repaints_two_lines_and_reads_nothing() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.painted.clear()
        app.rows.reads = 0
        app.table.action_cursor_down()
        await settle(pilot)
        assert sorted(app.table.painted) == [1, 2]
        assert app.rows.reads == 0


async def test_an_update_repaints_only_what_changed() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.painted.clear()
        app.table.update_rows()
        app.table.refresh_rows()
        await settle(pilot)
        assert app.table.painted == []
        app.rows.texts[4] = "! FAILED"
        app.rows.texts[50] = "! FAILED"
        app.table.update_rows()
        await settle(pilot)
        assert app.table.painted == [5]
        assert "! FAILED" in app.lines()[5]


async def test_only_the_cells_that_differ_are_written() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table._exchange_repaint_regions()
        app.rows.texts[4] = "! FAILED"
        app.table.update_rows()
        assert set(app.table._exchange_repaint_regions()) == {Region(2, 5, 11, 1)}


async def test_rows_arriving_above_do_not_move_the_view() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        app.table.move_to(2)
        await settle(pilot)
        before = app.lines()
        app.table.painted.clear()
        app.rows.held[:0] = [901, 902, 903]
        app.table.refresh_rows()
        await settle(pilot)
        assert app.table.painted == []
        assert app.lines() == before
        assert app.table.cursor_key == 2
        assert app.table.new_above == 3
        app.table.move_to(1)
        assert app.table.new_above == 1
        app.table.action_first()
        assert app.table.new_above == 0
        await settle(pilot)
        counts = [message.count for message in app.said if isinstance(message, RowTable.NewAbove)]
        assert counts == [3, 1, 0]


async def test_the_scrollbar_is_repainted_only_when_it_looks_different() -> None:
    app = TableApp(jobs(5000))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        bar = app.table.vertical_scrollbar
        app.rows.held[:0] = [9901]
        app.table.refresh_rows()
        assert not bar._repaint_regions
        assert bar.window_virtual_size == 5002
        app.table.move_to(2500)
        assert bar._repaint_regions


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot._post_mouse_events([MouseScrollDown], RowTable, offset=(10, 10), button=0)
        await settle(pilot)
        assert app.table.scroll_y > 0
        assert app.table.cursor_key == 0
        assert app.cursor_line() == -1


async def test_other_columns_read_other_cells() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.set_columns([Column(key, key.upper(), 12) for key in "abcd"])
        await settle(pilot)
        assert app.lines()[0].split() == ["A", "B", "C", "D"]
        assert app.lines()[1][2:26] == "+ SUCCEEDED   job00000  "
        assert app.table.columns[0].key == "a"


async def test_rows_arriving_below_or_sorted_differently_are_not_new_above() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        app.table.move_to(50)
        await settle(pilot)
        app.rows.held += [901, 902]
        app.table.refresh_rows()
        assert app.table.new_above == 0
        app.rows.held.reverse()
        app.table.refresh_rows()
        assert (app.table.new_above, app.table.cursor_key) == (0, 50)


async def test_after_first_the_view_stays_at_the_top_and_the_cursor_on_its_row() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.action_first()
        app.rows.held[:0] = [901, 902]
        app.table.refresh_rows()
        assert "job00901" in app.lines()[1]
        assert (app.table.cursor_key, app.cursor_line(), app.table.new_above) == (0, 3, 0)
        app.rows.held[:0] = range(1000, 1000 + BODY)
        app.table.refresh_rows()
        assert (app.table.cursor_key, app.cursor_line(), app.table.new_above) == (0, 3, BODY)


async def test_a_cursor_out_of_view_leaves_the_view_in_place() -> None:
    app = TableApp(jobs(200))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.scroll_to(y=100, animate=False)
        await settle(pilot)
        before = app.lines()
        app.rows.held[:0] = [901, 902]
        del app.rows.held[102]
        app.table.refresh_rows()
        await settle(pilot)
        assert app.lines()[2:] == before[2:]
        assert app.table.cursor_key == 0
        await pilot.press("down")
        assert app.cursor_line() > 0


async def test_a_vanished_row_gives_the_cursor_to_its_neighbour() -> None:
    app = TableApp(jobs(10))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.move_to(5)
        app.rows.held = [99, *(key for key in app.rows.held if key != 5)]
        app.table.refresh_rows()
        assert app.table.cursor_key == 6
        app.rows.held = app.rows.held[:3]
        app.table.refresh_rows()
        assert app.table.cursor_key == 1
        app.rows.held = []
        app.table.refresh_rows()
        await settle(pilot)
        assert app.table.cursor_index is None
        moves = [message.key for message in app.said if isinstance(message, RowTable.CursorMoved)]
        assert moves == [0, 5, 6, 1, None]


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 200), st.integers(1, 30)),
        st.tuples(st.just("delete"), st.integers(0, 200), st.integers(1, 30)),
        st.tuples(st.just("sort"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("move"), st.integers(0, 200), st.just(0)),
        st.tuples(st.just("scroll"), st.integers(0, 200), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


def apply_change(rows: Rows, kind: str, place: int, count: int) -> None:
    keys = rows.held
    if kind == "insert":
        start = min(place, len(keys))
        keys[start:start] = [next(SERIAL) for _ in range(count)]
    elif kind == "delete":
        del keys[place : place + count]
    elif kind == "sort":
        keys.sort(reverse=bool(place))


@settings(max_examples=30, deadline=None)
@given(CHANGES)
def test_the_cursor_stays_on_its_row(changes: list[tuple[str, int, int]]) -> None:
    async def journey() -> None:
        app = TableApp(jobs(60))
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            table = app.table
            for kind, place, count in changes:
                key, line = table.cursor_key, app.cursor_line()
                if kind == "move":
                    table.move_to(place)
                elif kind == "scroll":
                    table.scroll_to(y=place, animate=False, force=True)
                else:
                    apply_change(app.rows, kind, place, count)
                    table.refresh_rows()
                    if key in app.rows.held:
                        assert table.cursor_key == key
                        # Only the ends of the list may keep the line from staying where it was.
                        at_end = table.scroll_y in {0, table.max_scroll_y}
                        assert line == -1 or app.cursor_line() == line or at_end
                if app.rows.held:
                    assert table.cursor_key is not None
                    assert app.rows.held[table.cursor_index or 0] == table.cursor_key
                shown = [line for line in app.lines()[1:] if line.strip()]
                assert len(shown) == min(BODY, len(app.rows.held))

    asyncio.run(journey())


async def test_marks_are_toggled_ranged_and_cleared() -> None:
    app = TableApp(jobs(20))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table = app.table
        table.action_toggle_mark()
        assert set(table.marks) == {0}
        assert table.cursor_index == 1
        assert app.lines()[1].startswith("* +")
        table.move_to(3)
        table.action_mark_range()
        assert set(table.marks) == set(range(4))
        assert app.lines()[4].startswith("*▌+")
        table.move_to(0)
        table.action_toggle_mark()
        assert 0 not in table.marks
        app.rows.held.reverse()
        table.refresh_rows()
        assert set(table.marks) == set(range(1, 4))
        table.action_clear_marks()
        assert len(table.marks) == 0
        await settle(pilot)
        counts = [message.count for message in app.said if isinstance(message, RowTable.MarksChanged)]
        assert counts == [1, 4, 3, 0]


async def test_a_range_without_an_anchor_marks_the_cursor_and_becomes_one() -> None:
    app = TableApp(jobs(20))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.move_to(7)
        app.table.action_mark_range()
        assert set(app.table.marks) == {7}
        app.table.move_to(5)
        app.table.action_mark_range()
        assert set(app.table.marks) == {5, 6, 7}


async def test_a_million_rows_cost_what_is_visible() -> None:
    rows = Million()
    app = TableApp(rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert rows.reads <= 3 * BODY
        for action, index in (("last", 999_999), ("page_up", 999_976), ("first", 0), ("page_down", BODY)):
            rows.reads = 0
            app.table.painted.clear()
            await app.table.run_action(action)
            await settle(pilot)
            assert app.table.cursor_index == index
            assert rows.reads <= BODY
            assert len(app.table.painted) <= BODY + 1
        app.table.action_last()
        await settle(pilot)
        assert f"job{999_999}" in app.lines()[-1]
        bar = app.table.vertical_scrollbar
        assert (bar.window_virtual_size, bar.position) == (1_000_001, app.table.scroll_y)
        assert app.table.scroll_y == app.table.max_scroll_y == 1_000_001 - 24


async def test_rows_not_loaded_are_asked_for_once_and_drawn_as_a_skeleton() -> None:
    rows = jobs(100)
    rows.missing = set(range(5, 100))
    app = TableApp(rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.update_rows()
        app.table.action_cursor_down()
        await settle(pilot)
        assert "····" in app.lines()[6]
        rows.missing = set(range(30, 100))
        app.table.update_rows()
        assert "····" not in "".join(app.lines())
        app.table.move_to(40)
        await settle(pilot)
        asked = [(said.first, said.last) for said in app.said if isinstance(said, RowTable.NeedRows)]
        assert asked == [(5, 22), (30, 40)]


async def test_the_mouse_moves_opens_and_names_the_header() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.click(RowTable, offset=(20, 4))
        assert app.table.cursor_key == 3
        await pilot.click(RowTable, offset=(20, 6), times=2)
        await pilot.click(RowTable, offset=(17, 0))
        await pilot.click(RowTable, offset=(50, 0))
        await settle(pilot)
        assert [said.key for said in app.said if isinstance(said, RowTable.RowActivated)] == [5]
        assert [said.key for said in app.said if isinstance(said, RowTable.HeaderClicked)] == ["id"]
        assert all(said.control is app.table for said in app.said)


async def test_the_header_shows_the_sorted_column() -> None:
    app = TableApp(jobs(3))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.set_sort("id", descending=True)
        assert "ID▼" in app.lines()[0]
        app.table.set_sort("size")
        assert "SIZE▲" in app.lines()[0]
        app.table.set_sort(None)
        assert app.lines()[0].split() == ["STATUS", "ID", "SIZE", "NAME"]
        await settle(pilot)


async def test_the_empty_text_stands_in_the_middle_and_is_no_markup() -> None:
    app = TableApp(Rows(()))
    async with app.run_test(size=(40, 9)) as pilot:
        app.table.set_empty("No [b]jobs[/x] yet")
        await settle(pilot)
        assert app.lines()[4].strip() == "No [b]jobs[/x] yet"
        assert app.lines()[4].startswith(" " * 11 + "No")
        app.table.set_empty(Content("0 of 214 match. esc clears"))
        assert "0 of 214" in app.lines()[4]
        app.rows.held = [1]
        app.table.refresh_rows()
        await settle(pilot)
        assert "job00001" in app.lines()[1]
        assert app.table.cursor_key == 1


async def test_hostile_and_wide_cells_keep_the_columns_in_line() -> None:
    texts = (
        "\x1b[31mred",
        "漢字テストとても長い名前",
        "👨\u200d👩\u200d👧\u200d👦 family",
        "[/x] \u202eevil",
        "e\u0301" * 20,
        "🇩🇪🇫🇷 ☎\ufe0f",
        "Z" + "\u0336" * 90,
        "a\nb",
        "→\ufe0f\ufe0f →\ufe0f wide?",
        "\ud800",
    )
    rows = jobs(len(texts))
    rows.texts = dict(zip(rows.held, texts, strict=True))
    app = TableApp(rows)
    async with app.run_test(size=(60, 24)) as pilot:
        await settle(pilot)
        for y, line in enumerate(app.lines()):
            assert cell_len(line) == app.table.size.width == 60
            assert not set(line) & set("\x1b\u202e\n\ud800")
            if 0 < y <= len(texts):
                before = line.partition(f"job{y - 1:05}")[0]
                assert cell_len(before) == 2 + 12 + 2


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (2, 2), (5, 30), (300, 3), (80, 24)])
async def test_any_size_is_drawn_to_its_width(size: tuple[int, int]) -> None:
    app = TableApp(jobs(50))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for y in range(app.table.size.height):
            assert app.table.render_line(y).cell_length == app.table.size.width
        app.table.action_last()
        app.table.action_first()
        await settle(pilot)
        assert app.table.cursor_key == 0


async def test_a_resize_drops_columns_and_keeps_the_cursor_in_view() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.move_to(22)
        await pilot.resize_terminal(30, 10)
        await settle(pilot)
        assert [column.key for column in app.table.shown_columns] == ["status", "id"]
        assert app.cursor_line() > 0
        assert app.table.cursor_key == 22


async def test_roles_colour_cells_and_the_cursor_gives_them_its_ground() -> None:
    rows = jobs(2)
    rows.roles = {0: "failed", 1: "failed"}
    app = TableApp(rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        under_cursor, plain = list(app.table.render_line(1)), list(app.table.render_line(2))
        ink = app.table.get_component_rich_style("row-table--role-failed").color
        assert plain[0].style is not None
        assert under_cursor[1].style is not None
        assert under_cursor[0].style is not None
        assert plain[0].style.color == under_cursor[1].style.color == ink
        assert under_cursor[1].style.bgcolor == under_cursor[0].style.bgcolor != plain[0].style.bgcolor


async def test_stale_rows_are_dimmed_and_focus_shows() -> None:
    rows = jobs(2)
    rows.roles = {1: "failed"}
    app = TableApp(rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        live, focused = app.table.render_line(2), app.table.render_line(1)
        app.table.painted.clear()
        app.table.add_class("-stale")
        await settle(pilot)
        assert set(app.table.painted) >= {1, 2}
        stale = app.table.render_line(2)
        assert stale.text == live.text
        assert stale != live
        app.table.remove_class("-stale")
        app.screen.set_focus(None)
        await settle(pilot)
        assert app.table.render_line(1) != focused


async def test_another_source_starts_at_its_first_row_without_marks() -> None:
    app = TableApp(jobs(100))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.table.move_to(60)
        app.table.action_toggle_mark()
        other = Rows(range(500, 550))
        app.table.set_source(other)
        await settle(pilot)
        assert (app.table.cursor_key, len(app.table.marks), app.table.row_count) == (500, 0, 50)
        assert app.table.source is other
        assert "job00500" in app.lines()[1]
        assert app.table.move_to_key(507)
        assert not app.table.move_to_key(1)
        assert app.table.cursor_key == 507


async def test_more_rows_than_fit_a_turn_are_marked_in_parts_and_cleared_at_once() -> None:
    app = TableApp(Million())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table = app.table
        table.action_toggle_mark()
        table.action_last()
        table.action_mark_range()
        assert 1 <= len(table.marks) < 1_000_000, "the loop has its turns in between"
        await app.workers.wait_for_complete()
        await settle(pilot)
        assert len(table.marks) == 1_000_000
        assert 123_456 in table.marks
        assert "*▌" in app.lines()[-1]
        table.action_clear_marks()
        assert len(table.marks) == 0
        table.action_first()
        table.action_toggle_mark()
        table.action_last()
        table.action_mark_range()
        table.action_clear_marks()
        await settle(pilot)
        assert len(table.marks) == 0, "what was still being marked is not marked any more"


def test_marks_are_a_set() -> None:
    marks, keys = RowMarks(), [5, 3, 70_000, 3]
    marks.add(keys)
    assert (len(marks), list(marks), 3 in marks, 4 in marks, 10**9 in marks) == (3, [3, 5, 70_000], True, False, False)
    marks.toggle(3)
    marks.toggle(4)
    assert list(marks) == [4, 5, 70_000]
    marks.add([])
    assert len(marks) == 3
    marks.clear()
    assert (len(marks), list(marks), bool(marks)) == (0, [], False)


async def test_changed_text_is_underlined_and_the_room_around_it_is_not() -> None:
    rows = jobs(4)
    rows.changed = {1, 2}
    rows.texts = {1: "> RUNNING", 2: ""}
    app = TableApp(rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)

        def underlined(line: int) -> list[str]:
            return [one.text for one in app.table.render_line(line) if one.style is not None and one.style.underline]

        assert [underlined(line) for line in (1, 2, 3)] == [[], ["> RUNNING"], []]
        assert app.table.render_line(2).text[2:26] == "> RUNNING     job00001  "
        app.table.painted.clear()
        rows.changed = set()
        app.table.update_rows()
        await settle(pilot)
        assert app.table.painted == [2], "an empty cell looks the same"
        assert underlined(2) == []


async def test_the_rest_of_the_rows_is_waited_for() -> None:
    rows = jobs(30)
    app = TableApp(rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table = app.table
        table.refresh_rows(more=True)
        table.action_last()
        assert table.cursor_key == 29
        rows.held = list(range(100))
        table.refresh_rows(more=True)
        assert table.cursor_key == 99
        rows.held = list(range(200))
        table.refresh_rows()
        assert (table.cursor_key, table.new_above) == (199, 0)
        rows.held = list(range(300))
        table.refresh_rows()
        assert table.cursor_key == 199, "the wish was fulfilled once and for all"


async def test_a_row_that_a_person_went_to_is_gone_back_to_when_it_can_be() -> None:
    rows = jobs(100)
    app = TableApp(rows)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table = app.table
        table.move_to(50)
        seen = []
        for keys in (range(40, 50), (), range(45, 60), range(40, 50)):
            rows.held = list(keys)
            table.refresh_rows(asked=True)
            seen.append(table.cursor_key)
        assert seen == [49, None, 50, 49]
        table.action_cursor_up()
        rows.held = list(range(100))
        table.refresh_rows(asked=True)
        assert table.cursor_key == 48, "they have gone on to another"


async def test_rows_to_come_are_drawn_until_there_is_something_to_say() -> None:
    app = TableApp(Rows(()))
    async with app.run_test(size=(80, 24)) as pilot:
        app.table.set_empty("nothing")
        app.table.set_waiting(True)
        await settle(pilot)
        assert all("····" in line for line in app.lines()[1:])
        app.table.set_waiting(False)
        await settle(pilot)
        assert "nothing" in app.lines()[12]
