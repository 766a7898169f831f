"""The form for an export job, driven by keys against a real engine and a scripted platform."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from textual.events import Paste
from textual.widgets import Button, Input, OptionList, Static

from tests.support.clock import FakeClock
from tests.support.engines import (
    DATASET,
    HOSTILE,
    START_MS,
    FakePlatform,
    answer_lost,
    dataset,
    job,
    make_app,
    make_engine,
    offline,
    remember,
    screen_text,
    settle,
)
from tests.support.lookups import FakeLists
from tests.support.samples import create_body
from tui_app.api.errors import BadRequestError, ForbiddenError
from tui_app.engine.session import Policy
from tui_app.models.catalog import PROFILE_UNION
from tui_app.models.export_job import MergePolicyRef, Segment
from tui_app.models.export_request import ExportRequest
from tui_app.models.times import rfc3339
from tui_app.text import cell_width, safe_text
from tui_app.tui.commands import BY_ID
from tui_app.tui.screens.dialogs import Confirm
from tui_app.tui.screens.keys import KeysScreen
from tui_app.tui.screens.lost_answer import LostAnswer
from tui_app.tui.screens.new_dataset import NewDatasetScreen
from tui_app.tui.screens.new_job import NewJobScreen
from tui_app.tui.screens.picker import Picker
from tui_app.tui.widgets.form import NOT_ECHOED, FieldRow, row_around
from tui_app.tui.widgets.status_bar import Line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot
    from textual.screen import Screen
    from textual.widget import Widget

    from tui_app.engine.engine import Engine
    from tui_app.tui.app import AepxApp

READS = {"catalog.list_datasets", "audiences.pages", "merge_policies.pages", "unions.fields"}
SEGMENT = "4edc8488-2c35-4f6d-b4c6-9075c68d2df4"


@dataclass(slots=True)
class Desk:
    """A form on the screen, and all that is behind it."""

    app: AepxApp
    pilot: Pilot[Any]
    engine: Engine
    platform: FakePlatform
    lists: FakeLists
    form: NewJobScreen
    answers: list[str | None]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.rest()

    async def rest(self) -> None:
        await settle(self.pilot, self.engine)

    async def paste(self, text: str) -> None:
        focused = self.app.focused
        assert focused is not None, "nothing has the focus to paste into"
        focused.post_message(Paste(text))
        await self.rest()

    async def write(self, **values: str) -> None:
        """Put texts into fields by their names on the screen."""
        for name, value in values.items():
            field = getattr(self.form, name)
            assert isinstance(field, Input)
            field.value = value
        await self.rest()

    @property
    def top(self) -> Screen[Any]:
        return self.app.screen

    def shows(self, kind: type[Screen[Any]]) -> bool:
        return isinstance(self.app.screen, kind)

    @property
    def shown(self) -> str:
        return screen_text(self.pilot)

    def row(self, path: str) -> FieldRow:
        found = self.form.form.row_of(path)
        assert found is not None, f"no row for {path}"
        return found

    @property
    def hint(self) -> str:
        return self.form.query_one("#form-hint", Line).text.strip()

    @property
    def failure(self) -> str:
        block = self.form.query_one("#form-failure", Static)
        return str(block.content) if block.has_class("-shown") else ""

    @property
    def created(self) -> list[object]:
        return self.platform.asked("export_jobs.create")


@asynccontextmanager
async def form(
    tmp_path: Path,
    *,
    size: tuple[int, int] = (80, 24),
    policy: Policy = Policy.OPEN,
    request: ExportRequest | None = None,
    unknown: tuple[str, ...] = (),
    clone_of: str = "",
    dataset_id: str = "",
) -> AsyncIterator[Desk]:
    engine, platform = make_engine(tmp_path, FakeClock(), policy=policy)
    lists = FakeLists(platform)
    lists.put_audiences(SEGMENT, "abc")
    lists.policies = {"policy-1": {"id": "policy-1", "name": "Newest wins", "version": 3}}
    app = make_app(engine)
    answers: list[str | None] = []
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot, engine)
        screen = NewJobScreen(request=request, unknown=unknown, clone_of=clone_of, dataset_id=dataset_id)
        app.push_screen(screen, answers.append)
        await settle(pilot, engine)
        yield Desk(app, pilot, engine, platform, lists, screen, answers)
    await engine.stop()


def ready() -> ExportRequest:
    """A request no rule has anything to say about."""
    return ExportRequest.from_body(
        {
            "destination": {"datasetId": DATASET},
            "schema": {"name": "_xdm.context.profile"},
            "filter": {"segments": [{"segmentId": SEGMENT, "segmentNs": "ups", "status": ["realized"]}]},
        }
    )


async def test_the_whole_body_is_entered_by_keys_alone(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        for text in (DATASET, SEGMENT, "AAM"):
            await desk.paste(text)
            await desk.press("tab")
        # Statuses: existing out, exited in.
        await desk.press("right", "space", "right", "space")
        await desk.press("tab", "tab")
        for text in ("policy-1", "3", "identityMap, personalEmail.address"):
            await desk.paste(text)
            await desk.press("tab")
        for text in ("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z", "2024-02-01T10:00:00-07:00"):
            await desk.paste(text)
            await desk.press("down")
        await desk.press("right", "right", "tab", "right", "tab")
        for text in ("web.url", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"):
            await desk.paste(text)
            await desk.press("enter")
        await desk.press("right", "tab", "right", "tab")
        await desk.press("ctrl+u", *"_xdm.other")
        await desk.press("ctrl+j")
        assert desk.created == [
            {
                "fields": "identityMap,personalEmail.address",
                "mergePolicy": {"id": "policy-1", "version": 3},
                "filter": {
                    "segments": [{"segmentId": SEGMENT, "segmentNs": "AAM", "status": ["realized", "exited"]}],
                    "segmentQualificationTime": {
                        "startTime": "2024-03-01T00:00:00Z",
                        "endTime": "2024-03-02T00:00:00Z",
                    },
                    "fromIngestTimestamp": "2024-02-01T10:00:00-07:00",
                    "emptyProfiles": True,
                },
                "additionalFields": {
                    "eventList": {
                        "fields": "web.url",
                        "filter": {
                            "fromIngestTimestamp": "2024-02-01T00:00:00Z",
                            "toIngestTimestamp": "2024-03-01T00:00:00Z",
                        },
                    }
                },
                "destination": {"datasetId": DATASET, "segmentPerBatch": True},
                "schema": {"name": "_xdm.other"},
                "evaluationInfo": {"segmentation": False},
            }
        ]
        assert desk.answers == ["24116"]


async def test_any_body_survives_the_form(tmp_path: Path) -> None:
    body = {**create_body(), "later": {"key": [1, 2]}}
    async with form(tmp_path, request=ExportRequest.from_body(body)) as desk:
        assert desk.form.body() == ExportRequest.from_body(body).to_body()
        assert "later" in str(desk.form.query_one("#form-extra", Static).content)


async def test_a_job_is_made_with_few_keys(tmp_path: Path) -> None:
    async with form(tmp_path, dataset_id=DATASET) as desk:
        await desk.press("tab", *"abc", "ctrl+j")
        assert desk.answers == ["24116"]
        assert (await desk.engine.jobs.request_of("24116"))[0].segments[0].segment_id == "abc"


async def test_letters_that_are_commands_elsewhere_are_typed(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.press(*"nNqrRpTx", "question_mark", "colon", "slash", "space", "exclamation_mark")
        assert desk.form.dataset.value == "nNqrRpTx?:/ !"
        assert desk.shows(NewJobScreen)


async def test_an_error_is_said_when_the_field_is_left_not_before(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        desk.form.qualified_to.focus()
        await desk.press(*"14:30")
        row = desk.row("filter.segmentQualificationTime.endTime")
        assert row.note == ""
        await desk.press("tab")
        assert "has a time but no day" in row.note
        assert row.note.startswith("!")
        assert desk.row("filter.fromIngestTimestamp").note == ""
        desk.form.qualified_to.focus()
        await desk.press("home", *"yesterday", "space")
        assert row.note == ""


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("qualified_from", "filter.segmentQualificationTime.startTime"),
        ("qualified_to", "filter.segmentQualificationTime.endTime"),
        ("from_ingest", "filter.fromIngestTimestamp"),
        ("events_from", "additionalFields.eventList.filter.fromIngestTimestamp"),
        ("events_to", "additionalFields.eventList.filter.toIngestTimestamp"),
        ("version", "mergePolicy.version"),
    ],
)
async def test_bad_times_and_versions_stop_at_their_field(tmp_path: Path, field: str, path: str) -> None:
    async with form(tmp_path, request=ready(), size=(80, 24)) as desk:
        await desk.write(policy="p")
        if field.startswith("events"):
            desk.form.events.go_to(1)
        for value in ("someday", "2024-13-01T00:00:00Z", "2024-01-01 25:00"):
            await desk.write(**{field: value})
            desk.form.fields.focus()
            await desk.press("ctrl+j")
            assert desk.created == []
            assert desk.row(path).note.startswith("!")
            assert row_around(desk.app.focused) is desk.row(path)
            # Remark and field are in sight.
            assert desk.row(path).note.splitlines()[0][:30] in desk.shown


async def test_a_time_is_shown_and_sent_as_the_moment_that_it_stands_for(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready(), size=(80, 24)) as desk:
        desk.form.from_ingest.focus()
        await desk.press(*"-7d")
        sent = rfc3339(START_MS - 7 * 86_400_000)
        assert sent is not None
        moment = sent.replace(".000", "")
        assert f"= {moment}, 7d ago" in desk.shown
        assert desk.form.body()["filter"]["fromIngestTimestamp"] == moment
        await desk.press("ctrl+j")
        (body,) = desk.created
        assert isinstance(body, dict)
        assert body["filter"]["fromIngestTimestamp"] == moment


async def test_the_focus_goes_to_the_first_error_in_the_order_of_the_form(tmp_path: Path) -> None:
    async with form(tmp_path, size=(60, 15)) as desk:
        await desk.write(schema="", qualified_to="nonsense", policy="", version="x")
        desk.form.schema.focus()
        await desk.press("f5")
        assert desk.app.focused is desk.form.dataset
        assert "no dataset" in desk.row("destination.datasetId").note
        assert "no schema" in desk.row("schema.name").note
        assert "no dataset" in desk.shown
        await desk.write(dataset=DATASET)
        await desk.press("f5")
        assert desk.app.focused is desk.form.policy
        assert desk.created == []


async def test_what_was_not_sent_and_why_is_said_until_something_changes(tmp_path: Path) -> None:
    late, early = "2024-03-02T00:00:00Z", "2024-03-01T00:00:00Z"
    async with form(tmp_path, request=replace(ready(), qualified_from=late, qualified_to=early), size=(60, 15)) as desk:
        await desk.press("ctrl+j")
        assert desk.created == []
        assert desk.failure == "! Not sent: 1 error. Qualified to: the window ends before it starts."
        assert "Not sent: 1 error." in desk.shown
        await desk.press("tab", "shift+tab")
        assert "Not sent" in desk.failure
        await desk.press("x")
        assert desk.failure == ""
        await desk.write(dataset="")
        await desk.press("ctrl+j")
        assert desk.failure == "! Not sent: 2 errors. Dataset: the export has no dataset to write to."


async def test_no_error_leaves_nothing_said(tmp_path: Path) -> None:
    async with form(tmp_path, request=replace(ready(), dataset_id="")) as desk:
        await desk.press("ctrl+j")
        assert "Not sent" in desk.failure
        await desk.press("escape")
        assert desk.answers == [None]


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_every_hint_fits_its_line(tmp_path: Path, size: tuple[int, int]) -> None:
    async with form(tmp_path, size=size) as desk:
        desk.form.events.go_to(1)
        await desk.rest()
        for row in desk.form.form.rows:
            assert cell_width(row.hint) <= 78, row.hint
        desk.form.events.focus()
        await desk.rest()
        assert desk.hint.endswith("left and right choose.")


async def test_the_form_does_not_warn_of_what_it_ticked_itself(tmp_path: Path) -> None:
    async with form(tmp_path, dataset_id=DATASET) as desk:
        await desk.press("tab", *"abc", "tab", "tab", "right", "right", "space", "tab")
        assert desk.form.request().segments == (Segment("abc", None, ("realized", "existing", "exited")),)
        assert desk.row("filter.segments[0].status").note == ""
        await desk.press("ctrl+j")
        assert len(desk.created) == 1


async def test_it_warns_of_a_retired_status_that_somebody_chose(tmp_path: Path) -> None:
    chosen = replace(ready(), segments=(Segment("given", None, ("existing",)), Segment("new")))
    async with form(tmp_path, request=replace(chosen, merge_policy=MergePolicyRef("p"))) as desk:
        await desk.press("ctrl+j")
        assert "existing" in desk.row("filter.segments[0].status").note
        await desk.press("n")
        desk.form.segments.rows[0].flags.focus()
        await desk.press("right", "space", "left", "space")
        assert desk.row("filter.segments[0].status").note == ""
        desk.form.segments.rows[1].flags.focus()
        await desk.press("right", "space", "space", "ctrl+j")
        assert "existing" in desk.row("filter.segments[1].status").note


async def test_no_status_ticked_is_an_error(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        desk.form.segments.rows[0].flags.focus()
        await desk.press("space", "ctrl+j")
        assert "No qualification status" in desk.row("filter.segments[0].status").note
        assert desk.created == []


async def test_warnings_are_acknowledged_before_anything_is_sent(tmp_path: Path) -> None:
    async with form(tmp_path, dataset_id=DATASET) as desk:
        await desk.press("ctrl+j")
        assert desk.shows(Confirm)
        assert "all profiles" in desk.shown
        await desk.press("n")
        assert (desk.created, desk.answers) == ([], [])
        assert desk.app.focused is desk.form.dataset
        assert desk.row("filter.segments").note.startswith("warning:")
        await desk.press("ctrl+j", "y")
        assert len(desk.created) == 1
        assert desk.answers == ["24116"]


async def test_a_protected_sandbox_wants_its_name(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready(), policy=Policy.PROTECTED) as desk:
        await desk.press("ctrl+j")
        assert desk.shows(Confirm)
        assert "type the sandbox's name here" in desk.shown
        assert "(y)" not in desk.shown
        assert "(n)" not in desk.shown
        await desk.press(*"pray", "enter")
        assert desk.created == []
        assert "That is not the sandbox's name." in desk.shown
        await desk.press("backspace", "backspace")
        assert "That is not" not in desk.shown
        await desk.press(*"od", "enter")
        assert desk.answers == ["24116"]


async def test_read_only_says_so_and_sends_nothing(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready(), policy=Policy.READ_ONLY) as desk:
        assert "read-only here" in desk.shown
        assert desk.form.query_one("#form-submit", Button).disabled
        await desk.press("ctrl+j", "f5")
        desk.form.action_form_submit()
        await desk.rest()
        assert {call for call, _ in desk.platform.calls} <= READS
        assert desk.shows(NewJobScreen)


@pytest.mark.parametrize("dataset_id", ["unknown", "other"])
async def test_a_dataset_that_cannot_take_an_export_is_refused_at_its_field(tmp_path: Path, dataset_id: str) -> None:
    async with form(tmp_path, request=ready()) as desk:
        desk.platform.datasets["other"] = dataset("Loyalty raw", schema_id="https://ns.adobe.com/acme/schemas/1")
        await desk.write(dataset=dataset_id)
        await desk.press("ctrl+j")
        assert desk.created == []
        assert desk.app.focused is desk.form.dataset
        expected = "does not exist" if dataset_id == "unknown" else "not based on the profile union"
        assert expected in desk.row("destination.datasetId").note
        await desk.write(dataset=DATASET)
        assert desk.row("destination.datasetId").note == ""


async def test_while_it_is_sent_the_form_is_closed_and_sends_no_second_time(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        desk.platform.datasets["late"] = dataset("Made since the list was read")
        await desk.write(dataset="late")
        checking = desk.platform.hold("catalog.get_dataset")
        sending = desk.platform.hold("export_jobs.create")
        await desk.pilot.press("ctrl+j")
        await desk.pilot.pause()
        assert desk.hint.startswith("Checking with the platform…")
        await desk.pilot.press("ctrl+j", "x", "escape")
        checking.set()
        await desk.pilot.pause()
        assert desk.hint.startswith("Creating the export job…")
        assert desk.form.form.disabled
        await desk.pilot.press("ctrl+j", "f5", "ctrl+n", "ctrl+l", "ctrl+o", "escape")
        await desk.pilot.pause()
        assert desk.shows(NewJobScreen)
        sending.set()
        await desk.rest()
        assert len(desk.created) == 1
        assert desk.answers == ["24116"]


async def test_a_refusal_is_shown_at_the_field_it_names_and_nothing_is_lost(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        refused = BadRequestError(
            "The export job was refused.",
            status=400,
            cause="segmentQualificationTime.endTime lies too far back.",
            next_step="Give an earlier one.",
            request_id="req-7",
        )
        desk.platform.fail("export_jobs.create", refused)
        await desk.write(qualified_to="2026-01-01T00:00:00Z")
        before = desk.form.body()
        await desk.press("ctrl+j")
        assert desk.answers == []
        assert "req-7" in desk.failure
        assert "lies too far back" in desk.row("filter.segmentQualificationTime.endTime").note
        assert desk.app.focused is desk.form.qualified_to
        assert desk.form.body() == before
        await desk.write(qualified_to="")
        assert desk.row("filter.segmentQualificationTime.endTime").note == ""
        await desk.press("ctrl+j")
        assert desk.answers == ["24116"]


async def test_offline_stays_in_the_form(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        desk.platform.fail("export_jobs.create", offline())
        desk.form.fields.focus()
        await desk.press("ctrl+j")
        assert "Connection refused." in desk.failure
        assert desk.app.focused is desk.form.fields
        assert not desk.form.form.disabled
        await desk.press("ctrl+j")
        assert desk.answers == ["24116"]


async def lose(desk: Desk, *, happens: bool = True) -> LostAnswer:
    desk.platform.fail("export_jobs.create", answer_lost(), happens=happens)
    await desk.press("ctrl+j")
    clock = desk.engine.clock
    assert isinstance(clock, FakeClock)
    # The engine looks a second time when it finds nothing at once.
    await clock.advance(10)
    await desk.rest()
    dialog = desk.top
    assert isinstance(dialog, LostAnswer)
    return dialog


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 15)])
async def test_a_lost_answer_is_settled_with_the_job_found(tmp_path: Path, size: tuple[int, int]) -> None:
    async with form(tmp_path, request=ready(), size=size) as desk:
        await lose(desk)
        for text in ("asked for", "24116", "o NEW", f"= {DATASET[:8]}", f"= {SEGMENT[:8]}", "(esc)", "(m)", "(s)"):
            assert text in desk.shown, text
        await desk.press("m")
        assert desk.answers == ["24116"]
        assert len(desk.created) == 1
        assert (await desk.engine.jobs.request_of("24116"))[1] == ()
        assert await desk.engine.jobs.settle_open() == ()


async def test_of_several_jobs_found_the_one_under_the_cursor_is_taken(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready(), size=(140, 40)) as desk:
        alike = ready().to_body()["filter"]
        created = int(FakeClock().now().timestamp() * 1000)
        desk.platform.put(job(30000, "QUEUED", stage="queue", created_ms=created, filter=alike))
        dialog = await lose(desk)
        options = dialog.query_one(OptionList)
        assert options.option_count == 2
        await desk.press("down")
        under = str(options.get_option_at_index(options.highlighted or 0).prompt).split()[0]
        assert under in {"30000", "30001"}
        await desk.press("m")
        assert desk.answers == [under]


async def test_none_was_made_goes_back_to_the_form_with_nothing_lost(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        await lose(desk, happens=False)
        assert "No job like it" in desk.shown
        assert desk.top.query_one("#lost-mine", Button).disabled
        before = desk.form.body()
        await desk.press("m")
        assert desk.shows(LostAnswer)
        await desk.press("s")
        assert desk.shows(NewJobScreen)
        assert desk.form.body() == before
        assert len(desk.created) == 1
        assert await desk.engine.jobs.settle_open() == ()
        await desk.press("ctrl+j")
        assert len(desk.created) == 2
        assert desk.answers == ["24116"]


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_a_job_that_arrives_late_is_found_by_looking_again(tmp_path: Path, size: tuple[int, int]) -> None:
    async with form(tmp_path, request=ready(), size=size) as desk:
        await lose(desk, happens=False)
        assert "look again" in desk.shown
        assert "(r)" in desk.shown
        alike = ready().to_body()["filter"]
        now = int(desk.engine.clock.now().timestamp() * 1000)
        desk.platform.put(job(30000, "QUEUED", stage="queue", created_ms=now, filter=alike))
        await desk.press("r")
        assert "One job like it" in desk.shown
        assert "30000" in desk.shown
        await desk.press("m")
        assert desk.answers == ["30000"]
        assert len(desk.created) == 1


async def test_looking_again_offline_says_so_and_changes_nothing(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        await lose(desk, happens=False)
        desk.platform.fail("export_jobs.list_page", offline(), times=None)
        await desk.press("r")
        assert "could not be searched" in desk.shown
        desk.platform.mend("export_jobs.list_page")
        await desk.press("r")
        assert "No job like it" in desk.shown


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_left_open_it_warns_before_a_second_try(tmp_path: Path, key: str) -> None:
    async with form(tmp_path, request=ready()) as desk:
        await lose(desk)
        await desk.press(key)
        assert desk.shows(NewJobScreen)
        assert "left open" in desk.failure
        await desk.press("ctrl+j")
        assert desk.shows(Confirm)
        assert "still open" in desk.shown
        await desk.press("escape")
        assert len(desk.created) == 1


async def test_a_dataset_is_created_on_the_way(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.press("ctrl+n")
        assert desk.shows(NewDatasetScreen)
        await desk.press(*"Fresh", "ctrl+j")
        assert desk.shows(NewJobScreen)
        made = next(one for one, raw in desk.platform.datasets.items() if raw["name"] == "Fresh")
        assert desk.form.dataset.value == made
        assert desk.row("destination.datasetId").aside == "Fresh"
        assert desk.app.focused is desk.form.segments.rows[0].id_field


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_a_long_name_is_cut_and_its_id_is_not(tmp_path: Path, size: tuple[int, int]) -> None:
    async with form(tmp_path, size=size) as desk:
        desk.platform.datasets = {f"65e0c0ffee0123456789{number:04d}": dataset("long " * 60) for number in range(30)}
        await desk.press("ctrl+l", "ctrl+r")
        lines = [line for line in desk.shown.splitlines() if "long long" in line and "65e0c0ffee" in line]
        assert len(lines) >= 5
        assert all("…  65e0c0ffee0123456789" in line for line in lines)
        await desk.press(*["down"] * 29)
        assert "65e0c0ffee01234567890029" in desk.shown
        await desk.press("enter")
        assert desk.form.dataset.value == "65e0c0ffee01234567890029"


async def test_a_dataset_is_picked_by_name_also_one_made_meanwhile(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.platform.datasets["d2"] = dataset("Zebra")
        desk.platform.datasets["d3"] = dataset("Raw", schema_id="https://ns.adobe.com/acme/schemas/1")
        await desk.press("ctrl+l")
        assert desk.shows(Picker)
        assert "1 dataset" in desk.shown
        await desk.press("ctrl+r")
        await desk.press(*"raw", "enter")
        assert "Raw: not on the profile union." in desk.shown
        picker = desk.app.screen
        assert isinstance(picker, Picker)
        picker._load()
        await desk.rest()
        assert "Raw: not on the profile union." in desk.shown
        await desk.press("ctrl+u", *"zeb", "enter")
        assert desk.form.dataset.value == "d2"
        assert desk.app.focused is desk.form.segments.rows[0].id_field
        desk.form.dataset.focus()
        await desk.press("f9")
        assert "Loyalty export" in desk.shown
        await desk.press("escape")
        assert desk.form.dataset.value == "d2"


async def test_a_dataset_is_made_from_within_the_picker(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.press("ctrl+l", "ctrl+n")
        assert desk.shows(NewDatasetScreen)


async def test_audiences_are_picked_with_their_namespaces(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.lists.audiences |= {
            "a-1": {"id": "a-1", "name": "Loyal customers", "type": "SegmentDefinition"},
            "a-2": {
                "id": "a-2", "name": "Bought lists", "type": "ExternalAudience", "namespace": "CustomerAudienceUpload",
                "audienceId": "supplier-2",
            },
        }  # fmt: skip
        await desk.press("tab", "ctrl+l", "ctrl+r", *"loyal", "tab", "ctrl+u", *"bought", "tab", "enter")
        assert desk.form.segments.segments == (
            Segment("a-1", "ups", ()),
            Segment("supplier-2", "CustomerAudienceUpload", ()),
        )
        assert desk.app.focused is desk.form.segments.rows[0].flags
        assert desk.form.segments.rows[0].status_row.aside == "Loyal customers"
        await desk.press("ctrl+l", *"loyal", "enter")
        assert "Loyal customers: in the form already." in desk.shown


async def test_a_merge_policy_is_picked_and_named(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.form.policy.focus()
        await desk.press("ctrl+l", "enter")
        assert desk.form.policy.value == "policy-1"
        assert desk.row("mergePolicy.id").aside == "Newest wins"


async def test_fields_are_picked_from_the_tree(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.lists.schemas[PROFILE_UNION] = {
            "properties": {
                "person": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}},
                "email": {"type": "string"},
            }
        }
        desk.form.fields.focus()
        await desk.press("ctrl+l", "ctrl+r", "down", "right", "down", "tab", *"email", "tab", "enter")
        assert desk.form.fields.value == "person.name,email"


async def test_where_there_is_nothing_to_pick_the_places_are_named(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        desk.form.qualified_from.focus()
        await desk.press("ctrl+l")
        assert desk.shows(NewJobScreen)
        assert "Nothing to pick here" in desk.shown


async def test_a_list_that_is_not_permitted_locks_its_picker_alone(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        refused = ForbiddenError("The audiences could not be read.", status=403, cause="No right to read them.")
        desk.platform.fail("audiences.pages", refused, times=None)
        await desk.press("tab", "ctrl+l", "ctrl+u", "ctrl+r")
        assert "not permitted" in desk.shown
        await desk.press(*"by-hand", "enter")
        assert desk.form.segments.segments[0].segment_id == "by-hand"
        desk.form.policy.focus()
        await desk.press("ctrl+l", "enter")
        assert desk.form.policy.value == "policy-1"


async def test_segments_are_pasted_added_and_removed(tmp_path: Path) -> None:
    async with form(tmp_path, dataset_id=DATASET) as desk:
        await desk.press("tab")
        await desk.paste("a1, b2\nc3 a1")
        ids = [one.segment_id for one in desk.form.request().segments]
        assert ids == ["a1", "b2", "c3"]
        await desk.press("enter", *"d4")
        await desk.press("ctrl+g", *"e5", "tab", *"AAM")
        assert [one.segment_id for one in desk.form.request().segments] == [*ids, "d4", "e5"]
        assert desk.form.request().segments[-1].segment_ns == "AAM"
        await desk.press("f3")
        assert [one.segment_id for one in desk.form.request().segments] == [*ids, "d4"]
        for _ in range(5):
            await desk.press("ctrl+r")
        assert desk.form.request().segments == ()
        assert len(desk.form.segments.rows) == 1
        assert desk.app.focused is desk.form.segments.rows[0].id_field


async def test_ids_typed_one_after_another_become_rows_when_the_field_is_left(tmp_path: Path) -> None:
    async with form(tmp_path, dataset_id=DATASET) as desk:
        await desk.press("tab", *"a1,b2", "tab")
        assert [one.segment_id for one in desk.form.request().segments] == ["a1", "b2"]


async def test_a_finding_about_a_segment_stands_under_it(tmp_path: Path) -> None:
    async with form(tmp_path, dataset_id=DATASET) as desk:
        await desk.press("tab", *"a1", "enter", "enter")
        # The second row is blank and does not count; the third has a namespace but no id.
        await desk.press("ctrl+g", "tab", *"AAM", "ctrl+j")
        row = desk.form.segments.row_around(desk.app.focused)
        assert row is not None
        assert "Segment 2 has no id" in row.id_row.note
        assert desk.created == []


async def test_a_clone_marks_what_is_not_known(tmp_path: Path) -> None:
    engine, platform = make_engine(tmp_path, FakeClock(), jobs=[job()])
    await remember(engine, job())
    app = make_app(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, engine)
        await pilot.press("t")
        await settle(pilot, engine)
        screen = app.screen
        assert isinstance(screen, NewJobScreen)
        text = screen_text(pilot)
        assert "clone of 24115" in text
        assert NOT_ECHOED in text
        unknown = {row.paths[0] for row in screen.form.rows if row.is_unknown}
        assert {"fields", "filter.fromIngestTimestamp", "filter.segments[0].status"} <= unknown
        assert "destination.datasetId" not in unknown
        await pilot.press("ctrl+j")
        await settle(pilot, engine)
        await pilot.press("y")
        await settle(pilot, engine)
        body = platform.asked("export_jobs.create")[0]
        assert isinstance(body, dict)
        assert body["destination"]["datasetId"] == DATASET
        assert body["mergePolicy"] == {"id": "0bf16e61-90e9-4204-b8fa-ad250360957b", "version": 1}
    await engine.stop()


async def test_leaving_asks_only_when_something_would_be_lost(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        await desk.press("a", "escape")
        assert desk.shows(Confirm)
        await desk.press("n")
        assert desk.form.dataset.value == "a"
        await desk.press("escape", "y")
        assert desk.answers == [None]


async def test_another_connection_is_not_opened_over_what_would_be_lost(tmp_path: Path) -> None:
    async with form(tmp_path) as desk:
        switch = BY_ID["connection.switch"]
        assert switch.unavailable(desk.form.context()) is None
        await desk.press("a")
        assert "would be lost" in (switch.unavailable(desk.form.context()) or "")
        await desk.press("ctrl+o")
        assert desk.shows(NewJobScreen)


async def test_the_keys_of_a_form_are_those_that_work_in_it(tmp_path: Path) -> None:
    async with form(tmp_path, size=(140, 40)) as desk:
        assert "F1 Keys" in desk.shown
        await desk.press("f1")
        assert desk.shows(KeysScreen)
        lines = desk.shown
        assert "Add a segment" in lines
        assert "? F1" not in lines


async def test_leaving_an_untouched_form_asks_nothing(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        await desk.press("tab", "tab", "escape")
        assert desk.answers == [None]


async def test_the_preview_follows_beside_the_form(tmp_path: Path) -> None:
    async with form(tmp_path, size=(140, 40)) as desk:
        await desk.press(*"abc")
        assert '"datasetId": "abc"' in desk.shown
        await desk.press("ctrl+t")
        for text in ("curl --request POST", "$ACCESS_TOKEN", "$AEPX_CLIENT_ID", "x-sandbox-name: prod"):
            assert text in desk.shown
        assert "New export job" in desk.shown
        await desk.press("ctrl+y")
        assert desk.app.clipboard.startswith("curl")
        await desk.press("f6", "f7")
        assert "import httpx" in desk.shown
        assert "os.environ['ACCESS_TOKEN']" in desk.app.clipboard
        await desk.press("f6", "f7")
        assert json.loads(desk.app.clipboard) == desk.form.body()


async def test_on_a_small_screen_the_preview_takes_turns_with_the_form(tmp_path: Path) -> None:
    async with form(tmp_path, request=ready()) as desk:
        desk.form.fields.focus()
        await desk.press("ctrl+t")
        assert '"datasetId"' in desk.shown
        await desk.press("ctrl+t")
        assert "curl --request POST" in desk.shown
        await desk.press("escape")
        assert desk.app.focused is desk.form.fields
        await desk.press("ctrl+t", "ctrl+j")
        assert desk.answers == ["24116"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_does_nothing(tmp_path: Path, text: str) -> None:
    hostile = replace(
        ready(),
        dataset_id=text,
        segments=(Segment(text, text, (text,)),),
        fields=text,
        merge_policy=MergePolicyRef(text),
        qualified_to=text,
        extra={text: text},
    )
    async with form(tmp_path, request=hostile, size=(140, 40), clone_of=text) as desk:
        desk.platform.datasets[DATASET] = dataset(text)
        for key in ("tab", "ctrl+t", "ctrl+j", "shift+tab", "ctrl+l", "ctrl+r", "ctrl+home"):
            if key == "ctrl+l":
                desk.form.dataset.focus()
            await desk.press(key)
            assert all(safe_text(line) == line for line in desk.shown.splitlines()), key
        await desk.press("enter")
        assert desk.form.dataset.value == DATASET
        for field in desk.form.query(Input):
            assert safe_text(field.value) == field.value


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_the_field_with_the_focus_is_always_in_sight(tmp_path: Path, size: tuple[int, int]) -> None:
    async with form(tmp_path, size=size) as desk:
        desk.form.events.go_to(1)
        await desk.rest()
        seen: list[Widget] = []
        for _ in range(30):
            focused = desk.app.focused
            assert focused is not None
            if focused in seen:
                break
            seen.append(focused)
            assert desk.form.region.contains_region(focused.region), focused
            row = row_around(focused)
            if row is not None:
                assert desk.form.form.region.contains_region(focused.region), focused
            await desk.pilot.press("tab")
            await desk.rest()
        assert len(seen) > 18
