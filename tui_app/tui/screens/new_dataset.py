"""Owns the form for a new dataset that an export can go into, and the view of its id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tui_app.models.catalog import DatasetRequest
from tui_app.models.failure import Finding
from tui_app.present.preview import DATASETS
from tui_app.present.times import absolute
from tui_app.text import safe_text, shortened
from tui_app.tui.screens.form_screen import FormScreen
from tui_app.tui.widgets.form import Choice, FieldRow, TextField

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from tui_app.models.base import JsonObject
    from tui_app.models.catalog import Dataset


class NewDatasetScreen(FormScreen):
    """Asks for a dataset; answers with its id when it is to be used in a new job, else with None."""

    CSS_PATH: ClassVar = ["form_screen.tcss", "new_dataset.tcss"]
    TARGET_PATH = DATASETS
    NOUN = "dataset"

    def __init__(self, *, for_job: bool = False) -> None:
        """Make the form.

        Args:
            for_job: opened from the form of a job, which takes the id at once.
        """
        super().__init__()
        self._for_job = for_job
        self._made: str | None = None
        usual = DatasetRequest(name="")
        self.dataset_name = TextField(placeholder="a name that is not in use", id="dataset-name")
        self.description = TextField(id="dataset-description")
        self.schema_id = TextField(usual.schema_id, id="dataset-schema")
        self.content_type = TextField(usual.content_type, id="dataset-content-type")
        self.persisted = Choice(((True, "yes"), (False, "no")), usual.persisted, id="dataset-persisted")
        self.container_format = TextField(usual.container_format, id="dataset-container")
        self.file_format = TextField(usual.format, id="dataset-format")
        self.aspect = TextField(usual.aspect, id="dataset-aspect")
        self.tags = TextField(placeholder="NAME=VALUE, …", joiner=", ", id="dataset-tags")

    def heading(self) -> str:
        """Say what is made and what for."""
        return "New dataset for the export job" if self._for_job else "New dataset"

    def compose_form(self) -> Iterable[Widget]:
        """Lay out the name first; the rest has values that fit."""
        yield FieldRow("Name", self.dataset_name, path="name", hint="What it is called in the platform's pages.")
        yield FieldRow("Description", self.description, path="description", hint="For people; may stay empty.")
        yield Static(Content("Schema"), classes="form-heading")
        yield FieldRow(
            "Schema id",
            self.schema_id,
            path="schemaRef.id",
            also=("schemaRef",),
            hint="Exports can only write to datasets on the profile union.",
        )
        yield FieldRow(
            "Content type", self.content_type, path="schemaRef.contentType", hint="Which form of the schema is meant."
        )
        yield Static(Content("Files"), classes="form-heading")
        yield FieldRow(
            "Persisted",
            self.persisted,
            path="fileDescription.persisted",
            hint="Exports need yes, so that the union view is kept.",
        )
        yield FieldRow(
            "Container format",
            self.container_format,
            path="fileDescription.containerFormat",
            hint="Format of the batch's files.",
        )
        yield FieldRow("Format", self.file_format, path="fileDescription.format", hint="Format of the data.")
        yield Static(Content("Other"), classes="form-heading")
        yield FieldRow("Aspect", self.aspect, path="aspect", hint="Older organizations know production; may be empty.")
        yield FieldRow(
            "Tags", self.tags, path="tags", hint="NAME=VALUE with commas between; adobe/… belongs to the platform."
        )

    def compose_place(self) -> Iterable[Widget]:
        """Lay out the form, and what follows it once the dataset is there."""
        yield from super().compose_place()
        with Vertical(id="dataset-made"):
            yield Static(id="dataset-made-text", markup=False)
            with Vertical(id="dataset-made-buttons"):
                yield Button(Content("Use it in a new job"), id="dataset-use", compact=True)
                yield Button(Content(f"Copy the id ({self.key_of('form.copy')})"), id="dataset-copy", compact=True)
                yield Button(Content("Back (esc)"), id="dataset-back", compact=True)

    # What was entered

    def request(self) -> DatasetRequest:
        """Return the request as entered; what is blank is left out."""
        return DatasetRequest(
            name=self.dataset_name.text or "",
            description=self.description.text or "",
            schema_id=self.schema_id.text or "",
            content_type=self.content_type.text or "",
            persisted=self.persisted.value,
            container_format=self.container_format.text or "",
            format=self.file_format.text or "",
            aspect=self.aspect.text,
            tags=read_tags(self.tags.value)[0],
        )

    def body(self) -> JsonObject:
        """Return what would be sent."""
        return self.request().to_body()

    def state(self) -> object:
        """Return all that was entered."""
        return self.request(), self.tags.text

    def check(self) -> tuple[Finding, ...]:
        """Return what the pure rules find, and tags that are none."""
        odd = (
            Finding("tags", f"{part!r} is not a tag.", "Write NAME=VALUE.") for part in read_tags(self.tags.value)[1]
        )
        return (*self.request().check(), *odd)

    # Sending

    async def send(self) -> None:
        """Ask, create; then hand the id over, or show it."""
        request = self.request()
        self.wait_for("Looking for datasets of this name…")
        namesakes = await self.engine.datasets.named(request.name)
        findings = (*self.check(), *map(_namesake, namesakes))
        if not await self.agreed(findings, f"Creates dataset {request.name!r} in this sandbox."):
            return
        self.wait_for("Creating the dataset…")
        dataset_id = await self.engine.datasets.create(request)
        self.say(f"Dataset {shortened(request.name)!r} created: {dataset_id}.")
        if self._for_job:
            self.dismiss(dataset_id)
            return
        self._made = dataset_id
        self.wait_for("")
        self._show_made("being made…")
        self._learn_table()
        self.add_class("-made")
        self.show_keys()
        self.query_one("#dataset-use").focus()

    def _show_made(self, table: str) -> None:
        said = f"Dataset {shortened(self.request().name)!r} was created.\nid     {self._made}\ntable  {table}"
        self.query_one("#dataset-made-text", Static).update(Content(safe_text(said, lines=True)))

    @work(group="table")
    async def _learn_table(self) -> None:
        """Show the name that queries know the dataset by, once the platform has made it."""
        name = await self.engine.datasets.table_name(self._made or "")
        self._show_made(name or f"not made yet: aepx datasets show {self._made} tells it later")

    @property
    def is_closed(self) -> bool:
        """Closed while it is sent, and once it was."""
        return super().is_closed or self._made is not None

    @property
    def is_dirty(self) -> bool:
        """Nothing would be lost once the dataset is there."""
        return self._made is None and super().is_dirty

    def action_form_copy(self) -> None:
        """Copy the id once there is one, before that the preview."""
        if self._made is None:
            super().action_form_copy()
            return
        self.app.copy_to_clipboard(self._made)
        self.say(f"Copied {self._made}.")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the buttons of the result; the base takes those of the form."""
        if event.button.id == "dataset-use":
            self.dismiss(self._made)
        elif event.button.id == "dataset-copy":
            self.action_form_copy()
        elif event.button.id == "dataset-back":
            self.action_back()


def _namesake(dataset: Dataset) -> Finding:
    return Finding(
        "name",
        f"A dataset of this name exists ({dataset.dataset_id}, created {absolute(dataset.created_ms)}).",
        "Create another only if two are meant.",
        "warning",
    )


def read_tags(text: str) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the tags in a text, values of the same name together, and the parts that are no tags."""
    tags: dict[str, tuple[str, ...]] = {}
    odd = []
    for part in filter(None, (one.strip() for one in re.split(r"[,\n]", text))):
        name, equals, value = (one.strip() for one in part.partition("="))
        if name and equals and value:
            tags[name] = (*tags.get(name, ()), value)
        else:
            odd.append(part)
    return tags, tuple(odd)
