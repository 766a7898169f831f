"""The filter line on a small app: typing, errors, completion, the last filters, and what must not get through."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from tests.support.engines import keys_gone, screen_text
from tui_app.models.failure import Failure, FailureError, FailureKind
from tui_app.models.filter import EVERYTHING, AnyText, OneOf, Pattern, cheat_sheet
from tui_app.models.filter_text import LONGEST, parse
from tui_app.tui.key_order import KeyOrder, KeyUsed
from tui_app.tui.screens.filter_help import FilterHelp
from tui_app.tui.themes import DARK
from tui_app.tui.widgets.filter_bar import FilterBar
from tui_app.tui.widgets.filter_recall import Recall
from tui_app.tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from textual.message import Message
    from textual.pilot import Pilot
    from textual.widgets import Input

NOW = datetime(2024, 3, 8, 12, tzinfo=UTC)
NAMES = (
    "Loyalty export",
    "Loyalty export EU",
    'A "quoted" name',
    "[/x] markup",
    "顧客データ輸出",
    "evil\u202ename",
    "or",
)
FILTERS = ("status:failed age<7d", "stuck:yes", "dataset:loyal*")


class Rows(Widget, can_focus=True):
    """Stands for the table below: remembers which keys got to it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "note('x')"),
        Binding("down", "note('down')"),
        Binding("enter", "note('enter')"),
    ]
    DEFAULT_CSS = "Rows { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []
        self.renders = 0

    def render(self) -> Content:
        self.renders += 1
        return Content("\n".join(f"row {y}" for y in range(self.size.height)))

    def action_note(self, key: str) -> None:
        self.keys.append(key)


class BarApp(App[None]):
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "edit")]

    def __init__(self) -> None:
        super().__init__()
        self.key_order = KeyOrder(self)
        self.said: list[Message] = []
        self.asked: list[tuple[str, str]] = []
        self.held: asyncio.Event | None = None
        self.fails = False
        self.last: Sequence[str] = FILTERS

    def compose(self) -> ComposeResult:
        yield FilterBar(now=lambda: NOW, values=self._values, recent=self._recent)
        yield Rows()

    def on_mount(self) -> None:
        self.register_theme(DARK)
        self.theme = "aepx-dark"
        self.query_one(Rows).focus()

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)

    async def _values(self, field: str, prefix: str) -> Sequence[str]:
        self.asked.append((field, prefix))
        if self.held is not None:
            await self.held.wait()
        self._fail()
        return [one for one in NAMES if prefix.casefold() in one.casefold()] if field == "dataset" else []

    async def _recent(self) -> Sequence[str]:
        if self.held is not None:
            await self.held.wait()
        self._fail()
        return self.last

    def _fail(self) -> None:
        if self.fails:
            raise FailureError(
                Failure(FailureKind.LOCAL, "History cannot be read", "The disk is gone.", "Look for it.")
            )

    def action_edit(self) -> None:
        self.bar.edit()

    async def on_event(self, event: events.Event) -> None:
        """Keep keys in their order, as the app does."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif not self.key_order.must_wait(event):
            target = self.focused or self.screen
            await super().on_event(event)
            self.key_order.went(event, target)

    def on_key_used(self, event: KeyUsed) -> None:
        self.key_order.used(event)

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        self.said.append(event)

    def on_filter_bar_invalid(self, event: FilterBar.Invalid) -> None:
        self.said.append(event)

    def on_filter_bar_accepted(self, event: FilterBar.Accepted) -> None:
        self.said.append(event)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        self.said.append(event)

    def on_filter_bar_help_asked(self, event: FilterBar.HelpAsked) -> None:
        self.push_screen(FilterHelp())

    def on_input_changed(self, event: Input.Changed) -> None:
        raise AssertionError("the field's own messages are nobody else's")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        raise AssertionError("the field's own messages are nobody else's")

    def changes(self) -> list[str]:
        return [one.text for one in self.said if isinstance(one, FilterBar.Changed)]


@asynccontextmanager
async def running(
    size: tuple[int, int] = (80, 24), *, editing: bool = True
) -> AsyncIterator[tuple[BarApp, Pilot[None]]]:
    app = BarApp()
    async with app.run_test(size=size) as pilot:
        app.bar.show_count("12 of 100,032 ")
        if editing:
            await press(pilot, "slash")
        await settled(pilot)
        yield app, pilot


async def drawn(pilot: Pilot[None]) -> None:
    """Wait until what was typed has gone its way: to the app, to what has the focus, back up, and onto the screen."""
    for _ in range(5):
        await pilot.pause(0)
        await keys_gone(pilot)


async def settled(pilot: Pilot[None]) -> None:
    """Wait for what history answers, too."""
    await drawn(pilot)
    await pilot.app.workers.wait_for_complete()
    await drawn(pilot)


async def press(pilot: Pilot[None], *names: str) -> None:
    """Press keys by their names, as fast as a paste."""
    for name in names:
        pilot.app.post_message(events.Key(name, {"slash": "/"}.get(name, name if len(name) == 1 else None)))
    await drawn(pilot)


async def keys(pilot: Pilot[None], text: str) -> None:
    """Type a text, one key after another."""
    names = {":": "colon", " ": "space", "<": "less_than_sign", '"': "quotation_mark", "*": "asterisk", ",": "comma"}
    for char in text:
        pilot.app.post_message(events.Key(names.get(char, char), char))
    await drawn(pilot)


async def typed(pilot: Pilot[None], text: str) -> None:
    """Type a text and wait for what history answers."""
    await keys(pilot, text)
    await settled(pilot)


def lines(pilot: Pilot[Any]) -> list[str]:
    return screen_text(pilot).splitlines()


def labels(app: BarApp) -> list[str]:
    return [one.label for one in app.bar.choices.entries]


# The line while nobody types


async def test_an_empty_filter_says_how_to_make_one() -> None:
    async with running(editing=False) as (_, pilot):
        assert lines(pilot)[0].rstrip().split("  ")[0] == " / to filter"
        assert lines(pilot)[0].rstrip().endswith("12 of 100,032")


@pytest.mark.parametrize("width", [60, 80, 140])
async def test_a_long_filter_is_cut_visibly_and_the_count_stays(width: int) -> None:
    async with running((width, 15), editing=False) as (app, pilot):
        app.bar.set_text("status:failed " + "dataset:顧客データ輸出 " * 20)
        await drawn(pilot)
        shown = lines(pilot)[0]
        assert shown.startswith(" / status:failed dataset:顧客")
        assert "… 12 of 100,032" in shown or "…  12 of 100,032" in shown
        assert cell_len(shown.rstrip()) < width


async def test_a_count_too_long_for_the_line_leaves_some_of_the_filter() -> None:
    async with running((60, 15), editing=False) as (app, pilot):
        app.bar.set_text("status:failed")
        app.bar.show_count("x" * 90)
        await drawn(pilot)
        assert lines(pilot)[0].startswith(" / status:failed")
        assert "xx…" in lines(pilot)[0]


async def test_a_filter_given_by_others_is_shown_and_told_to_nobody() -> None:
    async with running(editing=False) as (app, pilot):
        app.bar.set_text("status:failed")
        await settled(pilot)
        assert " / status:failed" in lines(pilot)[0]
        assert app.bar.text == "status:failed"
        assert app.said == []
        await press(pilot, "slash")
        await settled(pilot)
        assert app.bar.field.value == "status:failed"
        assert app.bar.field.cursor_position == len("status:failed")
        assert app.said == []


async def test_a_click_on_the_line_lets_one_type() -> None:
    async with running(editing=False) as (app, pilot):
        await pilot.click(FilterBar)
        await settled(pilot)
        assert app.bar.is_typing
        assert app.focused is app.bar.field


# Typing


async def test_every_edit_that_can_be_read_is_told_with_its_meaning() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "lo")
        changed = [one for one in app.said if isinstance(one, FilterBar.Changed)]
        assert [one.text for one in changed] == ["l", "lo"]
        assert changed[-1].filter == AnyText(Pattern.inside("lo"))
        await press(pilot, "backspace", "backspace")
        assert app.changes() == ["l", "lo", "l", ""]
        assert [one for one in app.said if isinstance(one, FilterBar.Changed)][-1].filter == EVERYTHING


async def test_a_blank_that_changes_nothing_is_not_told() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "lo ")
        assert app.changes() == ["l", "lo"]


async def test_keys_typed_before_the_field_is_there_land_in_it() -> None:
    async with running(editing=False) as (app, pilot):
        for key in "/x":
            app.post_message(events.Key("slash" if key == "/" else key, key))
        await settled(pilot)
        assert app.bar.field.value == "x"
        assert app.rows.keys == []
        assert app.changes() == ["x"]


async def test_a_whole_filter_typed_ahead_with_what_follows_it_goes_where_it_was_meant() -> None:
    async with running(editing=False) as (app, pilot):
        app.post_message(events.Key("slash", "/"))
        for char in "fail":
            app.post_message(events.Key(char, char))
        app.post_message(events.Key("enter", "\r"))
        app.post_message(events.Key("x", "x"))
        app.post_message(events.Key("down", None))
        await settled(pilot)
        assert not app.bar.is_typing
        assert app.bar.text == "fail"
        assert [type(one) for one in app.said if not isinstance(one, FilterBar.Changed)] == [FilterBar.Accepted]
        assert app.rows.keys == ["x", "down"]


async def test_keys_in_one_packet_keep_their_order() -> None:
    async with running() as (app, pilot):
        await press(pilot, "a", "b", "backspace", "c", "home", "x", "enter", "x", "down")
        assert app.bar.text == "xac"
        assert not app.bar.is_typing
        assert app.rows.keys == ["x", "down"]
        await press(pilot, "slash", "ctrl+u", "s", "t", "tab", "f", "a", "tab", "space", "escape", "x")
        assert not app.bar.is_typing
        assert app.changes()[-1] == "status:failed"
        assert app.rows.keys == ["x", "down", "x"]


async def test_the_line_editor_keeps_its_keys() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "one two three")
        await press(pilot, "ctrl+w")
        assert app.bar.field.value == "one two "
        await press(pilot, "home", "delete", "ctrl+e", "backspace", "ctrl+left", "ctrl+k")
        assert app.bar.field.value == "ne "
        await press(pilot, "ctrl+a", "a", "end", "ctrl+u")
        assert app.bar.field.value == ""
        assert app.changes()[-1] == ""


async def test_enter_keeps_the_filter_and_gives_the_focus_back() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail")
        await press(pilot, "enter")
        await settled(pilot)
        last = app.said[-1]
        assert isinstance(last, FilterBar.Accepted)
        assert last.text == "fail"
        assert app.focused is app.rows
        assert not app.bar.is_typing
        assert " / fail" in lines(pilot)[0]
        assert lines(pilot)[1].strip() == "row 0"


async def test_escape_leaves_without_a_filter_and_up_brings_it_back() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail")
        await press(pilot, "escape")
        await settled(pilot)
        assert isinstance(app.said[-1], FilterBar.Left)
        assert app.focused is app.rows
        assert app.bar.text == ""
        assert " / to filter" in lines(pilot)[0]
        await press(pilot, "slash", "up")
        assert app.bar.field.value == "fail"


async def test_tab_never_takes_the_focus_out_of_the_line() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "loyalty")
        await press(pilot, "tab", "shift+tab")
        assert app.focused is app.bar.field
        assert app.bar.field.value == "loyalty"
        assert "Nothing can be completed here." in lines(pilot)[1]


async def test_a_click_elsewhere_keeps_the_filter_and_an_unread_line_can_be_recalled() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail statsu:x ")
        await pilot.click(Rows, offset=(5, 8))
        await settled(pilot)
        last = app.said[-1]
        assert isinstance(last, FilterBar.Accepted)
        assert last.text == app.changes()[-1] == "fail statsu"
        assert app.focused is app.rows
        await press(pilot, "slash", "up")
        assert app.bar.field.value == "fail statsu:x "


async def test_looking_away_from_the_terminal_loses_nothing() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail")
        app.post_message(events.AppBlur())
        await settled(pilot)
        app.post_message(events.AppFocus())
        await settled(pilot)
        await typed(pilot, "ed")
        assert app.bar.is_typing
        assert app.bar.field.value == "failed"


# Errors


async def test_an_error_says_where_and_what_and_the_last_filter_stays() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail statsu:new x")
        assert app.changes()[-1] == "fail statsu"
        invalid = [one for one in app.said if isinstance(one, FilterBar.Invalid)]
        assert (invalid[-1].error.start, invalid[-1].error.end) == app.bar.field.fault
        assert app.bar.field.fault is not None
        assert app.bar.field.value[slice(*app.bar.field.fault)].startswith("statsu")
        assert lines(pilot)[1].startswith("   ! col 6: There is no field statsu. Did you mean status?")
        assert app.bar.hint.said[1] == "failed"


async def test_the_fault_is_underlined_so_that_it_shows_without_colours() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "statsu:new x")
        strip = app.bar.field.render_line(0)
        underlined = "".join(part.text for part in strip if part.style is not None and part.style.underline)
        assert underlined.startswith("statsu")
        assert "x" not in underlined


@pytest.mark.parametrize(
    "line",
    [
        "status:",
        "status: ",
        "fail or",
        "fail or ",
        "(fail",
        "((fail or x) y ",
        "age<",
        "age<7",
        'error:"outp',
        "-",
        "created:2024-13",
    ],
)
async def test_an_unfinished_line_is_met_calmly(line: str) -> None:
    async with running() as (app, pilot):
        await typed(pilot, line)
        assert app.bar.field.fault is None
        assert app.bar.hint.said[1] == "muted"
        with pytest.raises(ValueError, match=r"."):
            parse(line, now=NOW)


async def test_enter_on_a_faulty_line_stays_and_says_it_plainly() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail or")
        await press(pilot, "enter")
        assert app.bar.is_typing
        assert app.bar.field.value == "fail or"
        assert app.bar.hint.said[1] == "failed"
        assert lines(pilot)[1].lstrip().startswith("! col ")
        assert app.focused is app.bar.field
        assert not [one for one in app.said if isinstance(one, FilterBar.Accepted)]
        await typed(pilot, " x")
        assert app.bar.hint.said[1] == "muted"
        assert app.changes()[-1] == "fail or x"


async def test_going_away_from_an_unfinished_part_shows_its_error() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "age<7 fail")
        await press(pilot, *["left"] * 5)
        assert app.bar.hint.said[1] == "muted"
        await press(pilot, "end")
        assert app.bar.hint.said[1] == "failed"


async def test_an_error_is_told_in_full_where_the_line_is_short() -> None:
    async with running((60, 15)) as (app, pilot):
        await typed(pilot, "statsu:new x")
        told = " ".join(" ".join(one.strip() for one in lines(pilot)[1:5]).split())
        assert app.bar.hint.said[0] in told


async def test_a_line_made_right_again_is_told_even_when_it_is_the_filter_in_force() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail")
        await typed(pilot, " (")
        await press(pilot, "backspace", "backspace")
        assert app.changes()[-2:] == ["fail", "fail"]


# Completion


async def test_fields_are_offered_with_what_they_mean_and_tab_takes_the_first() -> None:
    async with running((140, 40)) as (app, pilot):
        await typed(pilot, "st")
        assert labels(app) == ["status:", "stage:", "stuck:"]
        assert any("stuck:" in one and "without a sign of life" in one and "stuck:yes" in one for one in lines(pilot))
        await press(pilot, "tab")
        assert app.bar.field.value == "status:"
        assert "failed" in labels(app)
        await typed(pilot, "fai")
        assert labels(app) == ["failed"]
        await press(pilot, "tab")
        assert app.bar.field.value == "status:failed"
        assert labels(app) == []
        assert app.changes()[-1] == "status:failed"


async def test_values_come_from_history_and_are_put_in_quotes_where_need_be() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "dataset:quo")
        assert labels(app) == ['A "quoted" name']
        await press(pilot, "tab")
        changed = app.said[-1]
        assert isinstance(changed, FilterBar.Changed)
        assert changed.filter == OneOf("dataset", (Pattern(('A "quoted" name',)),))


@pytest.mark.parametrize("name", [one for one in NAMES if one.isprintable()])
async def test_any_name_that_is_taken_means_itself(name: str) -> None:
    async with running() as (app, pilot):
        await typed(pilot, "dataset:")
        await press(pilot, *["down"] * (1 + labels(app).index(name)), "enter")
        changed = app.said[-1]
        assert isinstance(changed, FilterBar.Changed)
        assert changed.filter == OneOf("dataset", (Pattern((name,)),))
        assert app.bar.is_typing


async def test_a_name_that_a_terminal_would_obey_is_not_offered() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "dataset:evil")
        assert labels(app) == []
        assert "\u202e" not in screen_text(pilot)


async def test_down_goes_into_the_list_and_enter_takes_what_one_went_to() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "dataset:lo")
        await press(pilot, "down", "down")
        assert app.bar.choices.chosen == 1
        assert any("▌Loyalty export EU" in one for one in lines(pilot))
        await press(pilot, "enter")
        assert app.bar.field.value == 'dataset:"Loyalty export EU"'
        assert app.bar.is_typing
        await press(pilot, "enter")
        assert not app.bar.is_typing


async def test_enter_without_having_gone_into_the_list_keeps_the_filter() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "st")
        assert labels(app)
        await press(pilot, "enter")
        assert app.bar.text == "st"
        assert not app.bar.is_typing


async def test_up_leaves_the_list_and_letters_always_go_into_the_line() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "st")
        await press(pilot, "down", "up")
        assert app.bar.choices.chosen is None
        assert app.bar.field.value == "st"
        await press(pilot, "down", "a")
        assert app.bar.field.value == "sta"
        assert app.bar.choices.chosen is None
        assert labels(app) == ["status:", "stage:"]


async def test_escape_closes_the_list_for_this_word_then_leaves() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "st")
        await press(pilot, "escape")
        assert labels(app) == []
        assert app.bar.is_typing
        await typed(pilot, "a")
        assert labels(app) == []
        await typed(pilot, " s")
        assert "status:" in labels(app)
        await press(pilot, "escape", "escape")
        assert not app.bar.is_typing


async def test_tab_shows_every_field_where_none_is_begun_and_the_rest_is_counted() -> None:
    async with running() as (app, pilot):
        await press(pilot, "tab")
        assert len(labels(app)) == 17
        assert app.bar.choices.region.height == 9
        assert lines(pilot)[10].rstrip().endswith("17")
        await press(pilot, *["down"] * 17)
        assert any("▌profiles=" in one for one in lines(pilot))
        assert lines(pilot)[10].rstrip().endswith("17 of 17")


async def test_a_late_answer_for_another_beginning_is_dropped() -> None:
    async with running() as (app, pilot):
        app.held = asyncio.Event()
        await keys(pilot, "dataset:lo")
        await drawn(pilot)
        assert app.asked[-1] == ("dataset", "lo")
        await press(pilot, "backspace", "backspace", "q")
        await drawn(pilot)
        app.held.set()
        await settled(pilot)
        assert app.asked[-1] == ("dataset", "q")
        assert labels(app) == ['A "quoted" name']


async def test_what_is_known_is_narrowed_at_once_while_history_is_asked() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "dataset:l")
        assert labels(app) == ["Loyalty export", "Loyalty export EU"]
        app.held = asyncio.Event()
        app.bar.field.insert_text_at_cursor("oyalty")
        assert labels(app) == ["Loyalty export", "Loyalty export EU"]
        app.held.set()
        await settled(pilot)


async def test_an_answer_does_not_change_the_list_somebody_went_into() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "dataset:l")
        app.held = asyncio.Event()
        app.bar.field.insert_text_at_cursor("o")
        await press(pilot, "down")
        before = labels(app)
        app.held.set()
        await settled(pilot)
        assert labels(app) == before
        assert app.bar.choices.chosen == 0


async def test_history_that_cannot_be_read_ends_nothing() -> None:
    async with running(editing=False) as (app, pilot):
        app.fails = True
        await press(pilot, "slash", "up")
        await settled(pilot)
        await typed(pilot, "dataset:lo")
        assert labels(app) == []
        assert app.changes()[-1] == "dataset:lo"


async def test_a_click_on_a_choice_takes_it_and_the_field_keeps_the_focus() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "st")
        await pilot.click("#filter-choices", offset=(3, 1))
        await settled(pilot)
        assert app.bar.field.value == "stage:"
        assert app.focused is app.bar.field
        assert app.bar.is_typing


async def test_the_list_lies_under_the_word_and_moves_nothing_below() -> None:
    async with running() as (app, pilot):
        before = app.rows.region
        await typed(pilot, "stuck:yes dataset:")
        assert app.rows.region == before
        assert app.bar.choices.region.x == len(" / stuck:yes dataset:") - 1
        await typed(pilot, "x" * 70 + " st")
        assert app.bar.choices.region.right <= 80


# The last filters


async def test_up_and_down_go_through_the_last_filters_and_back_to_the_line() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "draft")
        seen = []
        for key in ("up", "up", "up", "up", "down", "down", "down", "down"):
            await press(pilot, key)
            seen.append(app.bar.field.value)
        assert seen == [*FILTERS, FILTERS[-1], FILTERS[1], FILTERS[0], "draft", "draft"]
        assert app.changes()[-1] == "draft"
        assert FILTERS[2] in app.changes()


async def test_an_edit_of_a_recalled_filter_begins_a_new_line() -> None:
    async with running() as (app, pilot):
        await press(pilot, "up", "up")
        assert "2 of 3" in lines(pilot)[1]
        await typed(pilot, " fail")
        await press(pilot, "up")
        assert app.bar.field.value == FILTERS[0]
        await press(pilot, "down")
        assert app.bar.field.value == f"{FILTERS[1]} fail"


async def test_up_before_the_last_filters_are_known_is_not_lost() -> None:
    async with running(editing=False) as (app, pilot):
        app.held = asyncio.Event()
        await press(pilot, "slash", "up", "up")
        assert app.bar.field.value == ""
        app.held.set()
        await settled(pilot)
        assert app.bar.field.value == FILTERS[1]


async def test_going_past_the_oldest_filter_says_so_and_going_back_takes_that_away() -> None:
    async with running() as (app, pilot):
        await press(pilot, "up", "up", "up", "up")
        assert "No earlier filter is known." in lines(pilot)[1]
        await press(pilot, "down")
        assert app.bar.field.value == FILTERS[1]
        assert "2 of 3" in lines(pilot)[1]


async def test_an_unread_line_that_was_recalled_shows_its_error_when_one_goes_away_from_it() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "fail age<7")
        await press(pilot, "escape", "escape", "slash", "up")
        await settled(pilot)
        assert app.bar.hint.said[1] == "muted"
        await press(pilot, "home")
        assert app.bar.hint.said[1] == "failed"


async def test_recalling_opens_no_list() -> None:
    async with running() as (app, pilot):
        app.last = ("st",)
        await press(pilot, "escape", "slash", "up")
        await settled(pilot)
        assert app.bar.field.value == "st"
        assert labels(app) == []
        await press(pilot, "down")
        assert app.bar.field.value == ""


def test_a_recall_shows_each_filter_once_and_not_what_is_there_already() -> None:
    recall = Recall(("a", "b", "a", " ", "draft", "c"), "draft")
    assert [recall.go(1) for _ in range(4)] == ["a", "b", "c", None]
    assert recall.place == "3 of 3"
    assert [recall.go(-1) for _ in range(4)] == ["b", "a", "draft", None]
    assert recall.place == ""


# What must not get through


async def test_a_paste_is_one_harmless_line_of_at_most_the_longest() -> None:
    async with running() as (app, pilot):
        app.post_message(events.Paste("fail\r\n\x1b[31m\u202e[/x]\tor\n" + "y" * 10_000))
        await settled(pilot)
        value = app.bar.field.value
        assert value.startswith("fail [31m[/x] or y")
        assert len(value) == LONGEST
        assert f"A filter has at most {LONGEST:,} characters" in lines(pilot)[1]
        assert "\x1b" not in screen_text(pilot)
        await press(pilot, "z")
        assert len(app.bar.field.value) == LONGEST
        await press(pilot, "backspace")
        assert f"{LONGEST:,}" not in lines(pilot)[1]


async def test_a_paste_goes_where_the_cursor_is_and_replaces_what_is_selected() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "one three")
        await press(pilot, "ctrl+left")
        app.post_message(events.Paste("two "))
        await settled(pilot)
        assert app.bar.field.value == "one two three"
        await press(pilot, "ctrl+shift+a")
        app.post_message(events.Paste(" fail \n"))
        await settled(pilot)
        assert app.bar.field.value == " fail "
        assert app.changes()[-1] == "fail"


async def test_a_paste_on_its_way_when_typing_ends_changes_nothing() -> None:
    async with running() as (app, pilot):
        app.bar.field.post_message(events.Paste("late"))
        app.bar.leave()
        await settled(pilot)
        assert app.bar.text == ""
        assert app.changes() == []


async def test_a_restored_filter_that_hides_something_shows_it() -> None:
    async with running(editing=False) as (app, pilot):
        app.bar.set_text("a\u202eb\x1b[31m[/x]")
        await drawn(pilot)
        assert r" / a\u202eb\x1b[31m[/x]" in lines(pilot)[0]
        await press(pilot, "slash")
        await settled(pilot)
        assert app.bar.field.value == r"a\u202eb\x1b[31m[/x]"
        assert app.said == []


# Room, help, quiet


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)])
async def test_everything_fits_at_every_size_and_through_a_resize(size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        await typed(pilot, "dataset:顧 st")
        await pilot.resize_terminal(60, 15)
        await settled(pilot)
        await pilot.resize_terminal(*size)
        await settled(pilot)
        assert app.bar.field.value == "dataset:顧 st"
        assert app.focused is app.bar.field
        assert lines(pilot)[0].startswith(" / dataset:顧 st")
        assert lines(pilot)[0].rstrip().endswith("12 of 100,032")
        assert labels(app) == ["status:", "stage:", "stuck:"]
        region = app.bar.choices.region
        assert region.x == min(cell_len(" / dataset:顧 ") - 1, size[0] - region.width)
        assert region.right <= size[0]


async def test_the_line_scrolls_with_the_cursor() -> None:
    async with running() as (_, pilot):
        await typed(pilot, "z" * 100 + "the end")
        assert "the end" in lines(pilot)[0]
        await press(pilot, "home")
        assert "the end" not in lines(pilot)[0]


async def test_f2_shows_the_language_over_the_line_which_stays() -> None:
    async with running((140, 40)) as (app, pilot):
        await typed(pilot, "fail")
        await press(pilot, "f2")
        await settled(pilot)
        assert isinstance(app.screen, FilterHelp)
        text = screen_text(pilot)
        assert "created:2024-03-01..2024-03-08" in text or "status:failed,processing" in text
        await press(pilot, "f2")
        await settled(pilot)
        assert app.focused is app.bar.field
        await typed(pilot, "ed")
        assert app.bar.field.value == "failed"


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)])
async def test_the_page_about_the_language_cuts_nothing(size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        await press(pilot, "f2")
        await settled(pilot)
        shown = app.screen.query_one("#filter-help-lines", TextLines)
        texts = ["".join(cell.text for cell in one) for one in shown.lines]
        assert all(cell_len(one) <= shown.size.width for one in texts)
        words = " ".join(texts).replace(" ", "")
        for example, meaning in cheat_sheet():
            assert example.replace(" ", "") in words
            assert meaning.split()[0] in words


async def test_a_letter_paints_nothing_of_what_lies_below() -> None:
    async with running() as (app, pilot):
        await typed(pilot, "loyalt")
        before = app.rows.renders
        await typed(pilot, "y")
        assert app.rows.renders == before
