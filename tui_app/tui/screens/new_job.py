"""Owns the form for a new export job: every field of the create call, and what becomes of an answer that is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from tui_app.models.export_job import MergePolicyRef
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.models.failure import FailureError, Finding
from tui_app.models.when import (
    EVENTS_FROM,
    EVENTS_TO,
    QUALIFIED_FROM,
    QUALIFIED_TO,
    UPDATED_FROM,
    Resolved,
    resolved,
    spoken,
)
from tui_app.present.preview import EXPORT_JOBS
from tui_app.text import safe_text
from tui_app.tui.screens.dialogs import Pick
from tui_app.tui.screens.form_screen import FormScreen
from tui_app.tui.screens.lost_answer import NONE_MADE, LostAnswer
from tui_app.tui.widgets.form import Choice, FieldRow, TextField, is_within
from tui_app.tui.widgets.segment_rows import SegmentRows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from tui_app.engine.jobs import Submission
    from tui_app.models.base import JsonObject
    from tui_app.models.catalog import Dataset
    from tui_app.tui.bridge import LookupsChanged

_ASK_PLATFORM: Final = "\0platform"
_TIME_HINT: Final = "like -7d, yesterday 00:00, 2024-03-01, or RFC 3339."
_EVENTS: Final = "additionalFields.eventList"
_MANY_DATASETS: Final = 1_000


class NewJobScreen(FormScreen):
    """Asks for an export job; answers with its id, or None when none was made here."""

    CSS_PATH: ClassVar = ["form_screen.tcss", "new_job.tcss"]
    TARGET_PATH = EXPORT_JOBS
    NOUN = "export job"
    TAKES_DATASET = True

    def __init__(
        self,
        *,
        request: ExportRequest | None = None,
        unknown: tuple[str, ...] = (),
        dataset_id: str = "",
        clone_of: str = "",
    ) -> None:
        """Make the form.

        Args:
            request: what to start from.
            unknown: paths of that request which could not be known, as of a clone.
            dataset_id: the dataset to export into, if it is known already.
            clone_of: the job that `request` was taken from.
        """
        super().__init__()
        given = request or ExportRequest(dataset_id="")
        self._given = replace(given, dataset_id=dataset_id) if dataset_id else given
        self._unknown = unknown
        self._clone_of = clone_of
        self._datasets: dict[str, Dataset] = {}
        self._open_intents: list[int] = []
        self._make_editors(self._given)

    def _make_editors(self, given: ExportRequest) -> None:
        policy, events = given.merge_policy, given.events or EventList()
        version = policy.version if policy is not None else None
        self.dataset = TextField(given.dataset_id, placeholder="dataset id", id="dataset-id")
        self.segments = SegmentRows(given.segments, id="segments")
        self.policy = TextField(policy.id if policy is not None else None, id="merge-policy")
        self.version = TextField("" if version is None else str(version), placeholder="latest", id="merge-version")
        self.fields = TextField(given.fields, placeholder="all", joiner=",", id="fields")
        self.qualified_from = TextField(given.qualified_from, id="qualified-from")
        self.qualified_to = TextField(given.qualified_to, id="qualified-to")
        self.from_ingest = TextField(given.from_ingest, id="from-ingest")
        self.empty_profiles = Choice(_unsaid_no_yes(), given.empty_profiles, id="empty-profiles")
        self.events = Choice(_no_yes(), given.events is not None, id="events")
        self.event_fields = TextField(events.fields, placeholder="all", joiner=",", id="event-fields")
        self.events_from = TextField(events.from_ingest, id="events-from")
        self.events_to = TextField(events.to_ingest, id="events-to")
        self.per_batch = Choice(_no_yes(), given.segment_per_batch, id="segment-per-batch")
        self.evaluate = Choice(_unsaid_no_yes(), given.evaluate, id="evaluate")
        self.schema = TextField(given.schema_name, id="schema-name")
        self._times = {
            QUALIFIED_FROM: self.qualified_from,
            QUALIFIED_TO: self.qualified_to,
            UPDATED_FROM: self.from_ingest,
            EVENTS_FROM: self.events_from,
            EVENTS_TO: self.events_to,
        }

    def heading(self) -> str:
        """Say what is made, and what the marks of a clone mean."""
        if not self._clone_of:
            return "New export job"
        marks = "   ? = not echoed by the platform: please check" if self._unknown else ""
        return f"New export job: clone of {self._clone_of}{marks}"

    def crumb(self) -> str:
        """Return where this is."""
        return "jobs > clone" if self._clone_of else super().crumb()

    def compose_form(self) -> Iterable[Widget]:
        """Lay out what is always needed first, then what narrows the export, then the rest."""
        yield FieldRow(
            "Dataset",
            self.dataset,
            path="destination.datasetId",
            hint=f"{self.key_of('form.pick')} picks one, {self.key_of('form.dataset')} makes one on the profile union.",
        )
        yield FieldRow("Segments", Static(id="segment-count", markup=False), path="filter.segments", id="segment-head")
        yield self.segments
        with Horizontal(id="segment-buttons"):
            yield Button(Content(f"Add segment ({self.key_of('form.segment_add')})"), id="segment-add", compact=True)
        yield from self._profile_rows()
        yield from self._event_rows()
        yield from self._other_rows()
        if self._given.extra:
            keys = ", ".join(self._given.extra)
            yield Static(Content(safe_text(f"Also sent, as given: {keys}. The preview shows it.")), id="form-extra")

    def _profile_rows(self) -> Iterable[Widget]:
        yield Static(Content("Profiles"), classes="form-heading")
        yield FieldRow(
            "Merge policy",
            self.policy,
            path="mergePolicy.id",
            also=("mergePolicy",),
            hint="Merge policy id; empty leaves it to the segment. Several segments need one.",
        )
        yield FieldRow("  version", self.version, path="mergePolicy.version", hint="A number; empty means the latest.")
        yield FieldRow(
            "Fields", self.fields, path="fields", hint="Field paths with commas between; empty exports all fields."
        )
        yield FieldRow(
            "Qualified from",
            self.qualified_from,
            path=QUALIFIED_FROM,
            hint=f"Qualified since, {_TIME_HINT}",
        )
        yield FieldRow(
            "Qualified to",
            self.qualified_to,
            path=QUALIFIED_TO,
            hint=f"Qualified until, {_TIME_HINT}",
        )
        yield FieldRow(
            "Updated after",
            self.from_ingest,
            path=UPDATED_FROM,
            hint=f"Updated since, {_TIME_HINT}",
        )
        yield FieldRow(
            "Empty profiles",
            self.empty_profiles,
            path="filter.emptyProfiles",
            hint="Profiles that have only events: export them too?",
        )

    def _event_rows(self) -> Iterable[Widget]:
        yield Static(Content("Events"), classes="form-heading")
        yield FieldRow("Export events", self.events, path=_EVENTS, hint="Do time-series events come along?")
        rows = (
            FieldRow(
                "  fields", self.event_fields, path=f"{_EVENTS}.fields", hint="Event field paths with commas between."
            ),
            FieldRow(
                "  ingested from",
                self.events_from,
                path=EVENTS_FROM,
                hint=f"Ingested since, {_TIME_HINT}",
            ),
            FieldRow(
                "  ingested to",
                self.events_to,
                path=EVENTS_TO,
                hint=f"Ingested until, {_TIME_HINT}",
            ),
        )
        for row in rows:
            row.add_class("event-row")
            row.display = self.events.value
            yield row

    def _other_rows(self) -> Iterable[Widget]:
        yield Static(Content("Job"), classes="form-heading")
        yield FieldRow(
            "Batch per segment",
            self.per_batch,
            path="destination.segmentPerBatch",
            hint="One batch for each segment, not one for all; slower.",
        )
        yield FieldRow(
            "Evaluate first",
            self.evaluate,
            path="evaluationInfo.segmentation",
            hint="Evaluate the segments as part of the job.",
        )
        yield FieldRow(
            "Schema", self.schema, path="schema.name", hint="Class of the dataset's schema; the usual one fits."
        )

    def on_mount(self) -> None:
        """Mark what a clone could not know, and learn the names of datasets."""
        for row in self.form.query(FieldRow):
            if any(path and (is_within(path, one) or path == one) for path in row.paths for one in self._unknown):
                row.mark_unknown()
        self._learn_names()

    # What was entered

    def request(self) -> ExportRequest:
        """Return the request as entered; what is blank is left out."""
        policy, version = self.policy.text, self.version.text
        return replace(
            self._given,
            dataset_id=self.dataset.text or "",
            schema_name=self.schema.text or "",
            segments=self.segments.segments,
            fields=_paths(self.fields.text),
            merge_policy=MergePolicyRef(policy or "", _whole(version)) if policy or version else None,
            qualified_from=self.qualified_from.text,
            qualified_to=self.qualified_to.text,
            from_ingest=self.from_ingest.text,
            empty_profiles=self.empty_profiles.value,
            events=self._events() if self.events.value else None,
            segment_per_batch=self.per_batch.value,
            evaluate=self.evaluate.value,
        )

    def _events(self) -> EventList:
        return EventList(_paths(self.event_fields.text), self.events_from.text, self.events_to.text)

    def _ready(self) -> Resolved:
        """Return the request with its times as they would be sent now."""
        return resolved(self.request(), self.local_now())

    def local_now(self) -> datetime:
        """Return the clock's moment in the machine's zone: a time without an offset is meant so."""
        return datetime.fromtimestamp(self.now_ms() / 1000).astimezone()

    def body(self) -> JsonObject:
        """Return what would be sent."""
        return self._ready().request.to_body()

    def state(self) -> object:
        """Return all that was entered, also what is not sent as it stands."""
        return self.request(), self.version.text, self._events()

    def check(self) -> tuple[Finding, ...]:
        """Return what the pure rules find, and what only the form can see."""
        ready = self._ready()
        unread = {one.field for one in ready.findings}
        rules = replace(ready.request, segments=self.segments.meant).check()
        found = [*(one for one in rules if one.field not in unread), *ready.findings, *self.segments.check()]
        version = self.version.text
        if version is not None and _whole(version) is None:
            found.append(
                Finding(
                    "mergePolicy.version",
                    f"{version!r} is not a version.",
                    "Write a whole number, or nothing for the latest.",
                )
            )
        return tuple(found)

    def changed(self) -> None:
        """Show the fields of events only where events are asked for, and the dataset's name."""
        self.segments.renumber()
        for row in self.query(".event-row"):
            row.display = self.events.value
        count = len(self.segments.segments)
        self.query_one("#segment-count", Static).update(Content(str(count) if count else "none: all profiles"))
        self._name_dataset()
        self._speak_times()
        super().changed()

    def _speak_times(self) -> None:
        """Say beside each time which moment it stands for."""
        now = self.local_now()
        for path, field in self._times.items():
            row = self.form.row_of(path)
            if row is not None and field in row.editors:
                row.say_beside(spoken(field.text, now) if field.text else "")

    def on_segment_rows_changed(self) -> None:
        """Follow segments that come and go."""
        self.changed()

    # Datasets

    def on_lookups_changed(self, event: LookupsChanged) -> None:
        """Read names again."""
        self._learn_names()

    @work(group="names", exclusive=True)
    async def _learn_names(self) -> None:
        try:
            known = await self.engine.datasets.known()
        except FailureError as error:
            self.show_failure(error.failure)
            return
        self._datasets = {one.dataset_id: one for one in known}
        self._name_dataset()

    def _name_dataset(self) -> None:
        row = self.form.row_of("destination.datasetId")
        known = self._datasets.get(self.dataset.text or "")
        if row is not None:
            row.say_beside(_described(known) if known is not None else "")

    @work(group="dataset")
    async def action_form_dataset(self) -> None:
        """Create a dataset and take its id."""
        from tui_app.tui.screens.new_dataset import NewDatasetScreen  # noqa: PLC0415 - only when it is wanted

        dataset_id = await self.app.push_screen_wait(NewDatasetScreen(for_job=True))
        if dataset_id:
            self._take_dataset(dataset_id)

    @work(group="dataset")
    async def action_form_pick(self) -> None:
        """Choose a dataset among those seen so far, or among all after asking the platform."""
        try:
            chosen = await self._pick(await self.engine.datasets.known())
            if chosen == _ASK_PLATFORM:
                self.wait_for("Reading the sandbox's datasets…")
                listed = await self.engine.datasets.list(limit=_MANY_DATASETS)
                self.wait_for("")
                chosen = await self._pick(listed, all_of_them=True)
        except FailureError as error:
            self.show_failure(error.failure)
            return
        finally:
            self.wait_for("")
        if chosen:
            self._take_dataset(chosen)

    async def _pick(self, datasets: Iterable[Dataset], *, all_of_them: bool = False) -> str | None:
        ordered = sorted(datasets, key=lambda one: (not one.is_union, (one.name or "").casefold()))
        items = [(one.dataset_id, _described(one)) for one in ordered]
        if not all_of_them:
            items.append((_ASK_PLATFORM, "… ask the platform for all datasets"))
        ids = {one.dataset_id: one.dataset_id for one in ordered}
        chosen = self.dataset.text or ""
        return await self.app.push_screen_wait(Pick("Dataset to export into", items, chosen=chosen, asides=ids))

    def _take_dataset(self, dataset_id: str) -> None:
        self.dataset.value = dataset_id
        self.segments.rows[0].id_field.focus()

    # Segments

    async def action_form_segment_add(self) -> None:
        """Add a segment after the one with the cursor."""
        if not self.is_busy:
            row = await self.segments.add(after=self.segments.row_around(self.focused))
            row.id_field.focus()

    def action_form_segment_remove(self) -> None:
        """Remove the segment with the cursor."""
        row = self.segments.row_around(self.focused)
        if row is None:
            self.say("Put the cursor on the segment to remove first.")
        elif not self.is_busy:
            self.segments.remove_segment(row)

    @on(Button.Pressed, "#segment-add")
    async def add_segment(self) -> None:
        """Take the button as the key."""
        await self.action_form_segment_add()

    # Sending

    async def send(self) -> None:
        """Check the dataset, ask, create; then tell, settle with the person, or show why not."""
        # From here on the times stand still, however long the answers take.
        request = self._ready().request
        self.wait_for("Checking the dataset…")
        target = await self.engine.datasets.check_target(request.dataset_id)
        if target is not None and target.severity == "error":
            self.refuse(target)
            return
        findings = [*self.check(), *([target] if target is not None else ()), *self._open_creations()]
        if not await self.agreed(findings, self._summary(request)):
            return
        self.wait_for("Creating the export job…")
        submission = await self.engine.jobs.submit(request)
        if submission.job is None:
            await self._settle(request, submission)
            return
        job = submission.job
        if submission.failure is not None:
            self.say(str(submission.failure), severe=True)
        self.say(f"Export job {job.job_id} created: {job.status}.")
        self.dismiss(job.job_id)

    async def _settle(self, request: ExportRequest, submission: Submission) -> None:
        """Let the person say what a creation became whose answer was lost."""
        self.wait_for("The answer was lost; waiting for your decision…")
        dialog = LostAnswer(request, submission, search_again=self.engine.jobs.search_again, now_ms=self.now_ms)
        answer = await self.app.push_screen_wait(dialog)
        if answer is None:
            self._open_intents.append(submission.intent_id)
            self.say_failure(
                "The answer to this creation was lost and it is left open. aepx looks for its job at the next start."
            )
            return
        made = next((job for job in dialog.candidates if job.job_id == answer), None)
        try:
            await self.engine.jobs.settle(submission.intent_id, made, note="the person decided")
        except FailureError as error:
            self._open_intents.append(submission.intent_id)
            self.show_failure(error.failure)
            return
        if made is None:
            assert answer == NONE_MADE, "the dialog answers with a candidate, none made, or nothing"
            self.say_failure(f"No job was made. {self.key_of('form.submit')} sends it again.")
            return
        self.say(f"Export job {made.job_id} is yours: {made.status}.")
        self.dismiss(made.job_id)

    def _open_creations(self) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                "destination",
                f"Creation {intent_id} from this form is still open: its job may exist.",
                "Look at the list first; sending again may export twice.",
                "warning",
            )
            for intent_id in self._open_intents
        )

    def _summary(self, request: ExportRequest) -> str:
        known = self._datasets.get(request.dataset_id)
        name = f" ({known.name})" if known is not None and known.name else ""
        count = len(request.segments)
        what = "all profiles" if not count else f"{count} segment{'s' if count > 1 else ''}"
        return f"Exports {what} into dataset {request.dataset_id}{name}."


def _no_yes() -> tuple[tuple[bool, str], ...]:
    return (False, "no"), (True, "yes")


def _unsaid_no_yes() -> tuple[tuple[bool | None, str], ...]:
    return (None, "default (no)"), (False, "no"), (True, "yes")


def _described(dataset: Dataset) -> str:
    name = dataset.name or "unnamed"
    return name if dataset.is_union else f"{name} (not on the profile union)"


def _paths(text: str | None) -> str | None:
    """Return field paths as the platform takes them: no blanks around the commas, none empty."""
    parts = [part.strip() for part in (text or "").split(",")]
    return ",".join(part for part in parts if part) or None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
