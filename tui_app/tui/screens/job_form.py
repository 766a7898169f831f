"""Owns what the form of an export job consists of: a row for every field of the create call, and what is entered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from tui_app.models.export_job import MergePolicyRef
from tui_app.models.export_request import EventList, ExportRequest
from tui_app.models.failure import Finding
from tui_app.models.request_check import check_request
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
from tui_app.tui.screens.beginning import Beginning
from tui_app.tui.screens.form_screen import FormScreen
from tui_app.tui.widgets.form import Choice, FieldRow, TextField, is_within
from tui_app.tui.widgets.segment_rows import SegmentRows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from tui_app.models.base import JsonObject

_TIME_HINT: Final = "like -7d, yesterday 00:00, 2024-03-01, or RFC 3339."
_EVENTS: Final = "additionalFields.eventList"


class JobForm(FormScreen):
    """Every field of the create call, and the request that they make."""

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
        beginning: Beginning | None = None,
    ) -> None:
        """Make the form.

        Args:
            request: what to start from.
            unknown: paths of that request which could not be known, as of a clone.
            dataset_id: the dataset to export into, if it is known already.
            clone_of: the job that `request` was taken from.
            beginning: a starting point, in place of `request`.
        """
        super().__init__()
        self._beginning = beginning or Beginning()
        given = request or self._beginning.request
        self._given = replace(given, dataset_id=dataset_id) if dataset_id else given
        self._unknown = unknown
        self._clone_of = clone_of
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
            return f"New export job{f' from {origin}' if (origin := self._beginning.origin) else ''}"
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
            hint=f"{self.key_of('form.pick')} picks; empty leaves it to the segment.",
        )
        yield FieldRow("  version", self.version, path="mergePolicy.version", hint="A number; empty means the latest.")
        yield FieldRow(
            "Fields",
            self.fields,
            path="fields",
            hint=f"{self.key_of('form.pick')} picks; paths with commas, empty exports all.",
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
                "  fields",
                self.event_fields,
                path=f"{_EVENTS}.fields",
                hint=f"{self.key_of('form.pick')} picks; event paths with commas, empty exports all.",
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
        """Mark what a clone could not know, and say what is to be known of a starting point."""
        self._mark_unknown()
        self.say_failure("\n".join(self._beginning.remarks))

    def _mark_unknown(self) -> None:
        for row in self.form.query(FieldRow):
            if any(path and (is_within(path, one) or path == one) for path in row.paths for one in self._unknown):
                row.mark_unknown()

    async def begin_from(self, beginning: Beginning) -> None:
        """Put a starting point in place of what was entered."""
        self._beginning, self._given = beginning, beginning.request
        self._unknown, self._clone_of = (), ""
        self._make_editors(self._given)
        await self.begin_anew()
        self.say_failure("\n".join(beginning.remarks))

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

    def ready(self) -> Resolved:
        """Return the request with its times as they would be sent now."""
        return resolved(self.request(), self.local_now())

    def local_now(self) -> datetime:
        """Return the clock's moment in the machine's zone: a time without an offset is meant so."""
        return datetime.fromtimestamp(self.now_ms() / 1000).astimezone()

    def body(self) -> JsonObject:
        """Return what would be sent."""
        return self.ready().request.to_body()

    def state(self) -> object:
        """Return all that was entered, also what is not sent as it stands."""
        return self.request(), self.version.text, self._events()

    def check(self) -> tuple[Finding, ...]:
        """Return what the pure rules find, and what only the form can see."""
        ready = self.ready()
        rules = check_request(replace(ready.request, segments=self.segments.meant), now=self.local_now())
        found = [*ready.joined(rules), *self.segments.check()]
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
        self._speak_times()
        super().changed()

    def _speak_times(self) -> None:
        """Say beside each time which moment it stands for."""
        now = self.local_now()
        for path, field in self._times.items():
            self.say_beside(path, spoken(field.text, now) if field.text else "", editor=field)

    def say_beside(self, path: str, text: str, *, editor: TextField | None = None) -> None:
        """Say something beside the row that writes a path, if it can be seen; the text may be hostile."""
        row = self.form.row_of(path)
        if row is not None and (editor is None or editor in row.editors):
            row.say_beside(text)

    def on_segment_rows_changed(self) -> None:
        """Follow segments that come and go."""
        self.changed()

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


def _no_yes() -> tuple[tuple[bool, str], ...]:
    return (False, "no"), (True, "yes")


def _unsaid_no_yes() -> tuple[tuple[bool | None, str], ...]:
    return (None, "default (no)"), (False, "no"), (True, "yes")


def _paths(text: str | None) -> str | None:
    """Return field paths as the platform takes them: no blanks around the commas, none empty."""
    parts = [part.strip() for part in (text or "").split(",")]
    return ",".join(part for part in parts if part) or None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
