"""The parts of a form alone: fields, options, rows and the way between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.events import Paste

from tests.support.engines import HOSTILE, screen_text
from tui_app.models.export_job import Segment
from tui_app.models.failure import Finding
from tui_app.text import safe_text
from tui_app.tui.widgets.form import NOT_ECHOED, Choice, FieldRow, Flags, Form, TextField, is_within, pasted
from tui_app.tui.widgets.segment_rows import SegmentRows, split_ids

if TYPE_CHECKING:
    from textual.pilot import Pilot

SEGMENTS = "filter.segments"


class Bench(App[None]):
    """A form of one row of each kind."""

    AUTO_FOCUS = "#name"

    def __init__(self, *segments: Segment) -> None:
        super().__init__()
        self._segments = segments or (Segment("a1"), Segment("b2"))

    def compose(self) -> ComposeResult:
        self.text = TextField(id="name")
        self.choice: Choice[bool | None] = Choice(((None, "default"), (False, "no"), (True, "yes")), None)
        self.flags = Flags(("realized", "existing", "exited"), ("realized",))
        self.segments = SegmentRows(self._segments)
        with Form():
            yield FieldRow("Name", self.text, path="schemaRef.id", also=("schemaRef",))
            yield FieldRow("Choice", self.choice, path="filter.emptyProfiles")
            yield FieldRow("Flags", self.flags, path="filter.status")
            yield self.segments

    @property
    def form(self) -> Form:
        return self.query_one(Form)


async def paste(pilot: Pilot[Any], text: str) -> None:
    assert pilot.app.focused is not None
    pilot.app.focused.post_message(Paste(text))
    await pilot.pause()


@given(st.text())
def test_what_is_pasted_is_harmless(text: str) -> None:
    kept = pasted(text)
    assert "\n" not in kept
    assert all(safe_text(f"a{char}") == f"a{char}" for char in kept)
    assert pasted(kept) == kept.strip()


@given(
    st.lists(st.text("abcdef0123456789-", min_size=1), unique=True), st.sampled_from([",", " ", "\n", ", ", ";\r\n"])
)
def test_ids_come_back_whatever_separates_them(ids: list[str], separator: str) -> None:
    assert split_ids(separator.join(ids)) == tuple(ids)


@pytest.mark.parametrize("text", HOSTILE)
async def test_paste_and_given_text_are_harmless(text: str) -> None:
    app = Bench()
    async with app.run_test() as pilot:
        await paste(pilot, text)
        assert safe_text(app.text.value) == app.text.value
        assert "\x1b" not in screen_text(pilot)
        assert safe_text(TextField(text).value) == TextField(text).value


async def test_lines_pasted_into_one_field_are_joined() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        await paste(pilot, "one\n two\t3 \r\n\n")
        assert app.text.value == "one two 3"
        await pilot.press("ctrl+shift+a")
        await paste(pilot, "new")
        assert app.text.value == "new"


async def test_a_choice_moves_with_the_arrows_and_stays_at_the_ends() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        for keys, value in ((("tab", "left"), None), (("right", "right", "right"), True), (("left",), False)):
            await pilot.press(*keys)
            assert app.choice.value is value
        assert "( ) default  (•) no  ( ) yes" in screen_text(pilot)


async def test_space_keeps_the_choice_that_the_arrows_made() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        await pilot.press("tab", "right", "right", "space", "space")
        assert app.choice.value is True


async def test_options_are_clicked() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        await pilot.click(app.choice, offset=(14, 0))
        assert app.choice.value is False
        for x, value in ((31, ("realized", "exited")), (1, ("exited",)), (26, ("exited",))):
            await pilot.click(app.flags, offset=(x, 0))
            assert app.flags.value == value


async def test_flags_are_ticked_with_space() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        await pilot.press("tab", "tab", "space", "right", "space")
        assert app.flags.value == ("existing",)
        assert "[ ] realized  [x] existing  [ ] exited" in screen_text(pilot)


async def test_enter_and_arrows_go_between_fields() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        for key, focused in (("enter", app.choice), ("down", app.flags), ("up", app.choice), ("enter", app.flags)):
            await pilot.press(key)
            assert app.focused is focused


async def test_findings_go_to_the_row_with_the_longest_path() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        findings = (
            Finding("schemaRef.id.deep", "Deep.", "Mend.", "warning"),
            Finding("schemaRef", "Wide.", "Mend."),
            Finding(f"{SEGMENTS}[1].segmentId", "Second.", "Mend."),
            Finding("nowhere", "Lost.", "Mend."),
        )
        assert app.form.remark(findings) == (findings[3],)
        await pilot.pause()
        assert app.form.rows[0].note == "! Wide. Mend.\nwarning: Deep. Mend."
        assert app.segments.rows[1].id_row.note == "! Second. Mend."
        assert app.segments.rows[0].id_row.note == ""
        assert app.form.first_with(findings) is app.form.rows[0]
        app.form.remark((), {app.form.rows[0]})
        assert app.form.rows[0].note == ""
        assert app.segments.rows[1].id_row.note != ""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("filter.segments[1].segmentId is unknown", 1),
        ("segmentId must not be blank", 0),
        ("nothing that is a field", None),
        ("resegmentIdea", None),
    ],
)
async def test_a_refusal_is_mapped_to_the_field_it_names(text: str, place: int | None) -> None:
    app = Bench()
    async with app.run_test():
        expected = None if place is None else app.segments.rows[place].id_row
        assert app.form.row_named_in(text) is expected


async def test_a_row_that_is_not_known_says_so_until_written() -> None:
    app = Bench()
    async with app.run_test() as pilot:
        for row in app.form.rows[:2]:
            row.mark_unknown()
        await pilot.pause()
        lines = screen_text(pilot).splitlines()
        assert "not echoed" in lines[0]
        assert NOT_ECHOED in lines[2]
        assert "Name ?" in lines[0]
        await pilot.press("x")
        assert "not echoed" not in screen_text(pilot).splitlines()[0]


def test_a_path_is_within_itself_and_its_parents_only() -> None:
    assert is_within("a.b", "a.b")
    assert is_within("a.b.c", "a.b")
    assert is_within("a[0].b", "a")
    assert not is_within("ab", "a")
    assert not is_within("a", "a.b")


async def test_statuses_left_alone_stay_unsaid() -> None:
    segments = (Segment("a"), Segment("b", "AAM", ("realized", "existing")), Segment("c", None, ("odd",)))
    app = Bench(*segments)
    async with app.run_test():
        assert app.segments.segments == segments


async def test_blank_rows_are_neither_sent_nor_counted() -> None:
    app = Bench(Segment(""), Segment("a"))
    async with app.run_test():
        assert app.segments.segments == (Segment("a"),)
        assert app.segments.rows[1].id_row.paths[0] == f"{SEGMENTS}[0]"
