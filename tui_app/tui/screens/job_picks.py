"""Owns what the form of a job can choose from: lists read in the background, names beside ids, and the pickers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from textual import work

from tui_app.engine.lookups import Known
from tui_app.models.export_job import Segment
from tui_app.present.offers import (
    audience_detail,
    audience_item,
    dataset_detail,
    dataset_items,
    policy_detail,
    policy_item,
    state_text,
)
from tui_app.tui.screens.field_picker import FieldPicker
from tui_app.tui.screens.job_form import JobForm
from tui_app.tui.screens.picker import Picker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_app.engine.lookups import Lookup
    from tui_app.models.audience import Audience
    from tui_app.models.catalog import Dataset
    from tui_app.models.field_paths import FieldPath
    from tui_app.models.merge_policy import MergePolicy
    from tui_app.present.picking import PickItem
    from tui_app.tui.bridge import LookupsChanged
    from tui_app.tui.widgets.form import TextField
    from tui_app.tui.widgets.segment_rows import SegmentRow

_T = TypeVar("_T")
_FRESH_S: Final = 900.0
"""Lists read so lately are not read again for a form that opens."""


class _Source(Generic[_T]):
    """What a picker is given to show: one lookup of the engine."""

    def __init__(self, form: JobPicks, lookup: Lookup[_T], things: str) -> None:
        self._form, self._lookup, self._things = form, lookup, things
        self._known: Known[_T] = Known()

    async def known(self) -> tuple[_T, ...]:
        self._known = await self._lookup.known()
        return self._known.items

    def state(self) -> str:
        """Say how far what was shown last can be relied on."""
        known = self._known
        return state_text(
            things=self._things,
            count=len(known.items),
            now_ms=self._form.now_ms(),
            fetched_ms=known.fetched_ms,
            is_complete=known.is_complete,
            read=known.read if known.is_reading else None,
            failure=known.failure,
            locked=known.locked,
            remark=known.remark,
        )

    async def refresh(self) -> None:
        """Read the list anew."""
        await self._lookup.refresh()


class _Items(_Source[_T]):
    """A lookup as lines to choose from."""

    def __init__(
        self,
        form: JobPicks,
        lookup: Lookup[_T],
        things: str,
        *,
        key: Callable[[_T], str],
        shown: Callable[[Sequence[_T]], Sequence[PickItem]],
        detail: Callable[[_T], str],
    ) -> None:
        super().__init__(form, lookup, things)
        self._key, self._shown, self._detail = key, shown, detail
        self._by_key: dict[str, _T] = {}

    async def items(self) -> Sequence[PickItem]:
        """Return the lines as they are known now."""
        known = await self.known()
        self._by_key = {self._key(one): one for one in known}
        return self._shown(known)

    def detail(self, key: str) -> str:
        """Return what else is known of one."""
        found = self._by_key.get(key)
        return self._detail(found) if found is not None else ""


class _Fields(_Source["FieldPath"]):
    """A lookup of fields as a tree."""

    async def fields(self) -> Sequence[FieldPath]:
        """Return the fields as they are known now, in the order of the tree."""
        return await self.known()


class JobPicks(JobForm):
    """The form of a job with all that it can choose from."""

    def __init__(self, **given: Any) -> None:
        """Make the form; see `JobForm`."""
        super().__init__(**given)
        self._datasets: dict[str, Dataset] = {}
        self._policies: dict[str, MergePolicy] = {}
        self._audiences: dict[tuple[str, str], Audience] = {}

    def on_mount(self) -> None:
        """Take names from history, and bring what may be old up to date in the background."""
        self._learn_names()
        self._freshen()

    @work(group="freshen")
    async def _freshen(self) -> None:
        lookups = self.engine.lookups
        # One after the other: this is for names and for a picker that may be opened, nothing waits for it.
        await lookups.merge_policies.refresh_if_older(_FRESH_S)
        await lookups.datasets.refresh_if_older(_FRESH_S)
        await lookups.audiences.refresh_if_older(_FRESH_S)
        await lookups.profile_fields.refresh_if_older(_FRESH_S)
        await lookups.event_fields.refresh_if_older(_FRESH_S)

    # Names beside ids

    def on_lookups_changed(self, event: LookupsChanged) -> None:
        """Read names again."""
        self._learn_names()

    @work(group="names", exclusive=True)
    async def _learn_names(self) -> None:
        lookups = self.engine.lookups
        self._datasets = {one.dataset_id: one for one in (await lookups.datasets.known()).items}
        self._policies = {one.policy_id: one for one in (await lookups.merge_policies.known()).items}
        audiences = (await lookups.audiences.known()).items
        self._audiences = {(one.segment_id, one.segment_ns.casefold()): one for one in audiences}
        if self.is_attached:
            self.show_names()

    def show_names(self) -> None:
        """Say beside each id what it is called."""
        dataset = self._datasets.get(self.dataset.text or "")
        self.say_beside("destination.datasetId", _described(dataset) if dataset is not None else "")
        policy = self._policies.get(self.policy.text or "")
        self.say_beside("mergePolicy.id", (policy.name or "unnamed") if policy is not None else "")
        for row in self.segments.rows:
            audience = self._audience_of(row)
            row.status_row.say_beside((audience.name or "unnamed") if audience is not None else "")

    def changed(self) -> None:
        """Follow what is entered with the names."""
        self.show_names()
        super().changed()

    def name_of_dataset(self, dataset_id: str) -> str:
        """Return what a dataset is called, "" where that is not known."""
        known = self._datasets.get(dataset_id)
        return (known.name or "") if known is not None else ""

    def _audience_of(self, row: SegmentRow) -> Audience | None:
        said = row.segment
        return self._audiences.get((said.segment_id, (said.segment_ns or "ups").casefold()))

    # Pickers

    @work(group="pick", exclusive=True)
    async def action_form_pick(self) -> None:
        """Choose from a list for the field with the cursor."""
        focused = self.focused
        segment = self.segments.row_around(focused)
        if segment is not None:
            await self._pick_audiences(segment)
        elif focused in (self.policy, self.version):
            await self._pick_policy()
        elif focused is self.fields:
            await self._pick_fields(self.fields, self.engine.lookups.profile_fields, "profile fields")
        elif focused is self.event_fields:
            await self._pick_fields(self.event_fields, self.engine.lookups.event_fields, "event fields")
        elif focused is self.dataset:
            await self._pick_dataset()
        else:
            self.say("Nothing to pick here: put the cursor on a dataset, segment, merge policy or fields.")

    async def _pick_dataset(self) -> None:
        source = _Items(
            self,
            self.engine.lookups.datasets,
            "datasets",
            key=lambda one: one.dataset_id,
            shown=dataset_items,
            detail=dataset_detail,
        )
        picked = await self.app.push_screen_wait(
            Picker(
                "Dataset to export into",
                source,
                chosen=tuple(filter(None, (self.dataset.text,))),
                noun="dataset id",
                new_label="create one",
            )
        )
        if picked is not None and picked.is_new:
            self.action_form_dataset()
        elif picked is not None and picked.keys:
            self.take_dataset(picked.keys[0])

    async def _pick_audiences(self, row: SegmentRow) -> None:
        taken = {one.audience_id for one in map(self._audience_of, self.segments.rows) if one is not None}

        source = _Items(
            self,
            self.engine.lookups.audiences,
            "audiences",
            key=lambda one: one.audience_id,
            shown=lambda known: [audience_item(one, is_taken=one.audience_id in taken) for one in known],
            detail=lambda one: audience_detail(one, policy_name=self._name_of_policy(one.merge_policy_id)),
        )
        picked = await self.app.push_screen_wait(Picker("Audiences to export", source, several=True, noun="segment id"))
        if picked is None or not picked.keys:
            return
        by_id = {one.audience_id: one for one in self._audiences.values()}
        await self.segments.add_all([_segment(by_id.get(key), key) for key in picked.keys], row)

    async def _pick_policy(self) -> None:
        datasets = tuple(self._datasets.values())
        source = _Items(
            self,
            self.engine.lookups.merge_policies,
            "merge policies",
            key=lambda one: one.policy_id,
            shown=lambda known: [policy_item(one) for one in known],
            detail=lambda one: policy_detail(one, datasets),
        )
        picked = await self.app.push_screen_wait(
            Picker("Merge policy", source, chosen=tuple(filter(None, (self.policy.text,))), noun="merge policy id")
        )
        if picked is not None and picked.keys:
            self.policy.value = picked.keys[0]
            self.policy.focus()

    async def _pick_fields(self, field: TextField, lookup: Lookup[FieldPath], things: str) -> None:
        chosen = [path.strip() for path in field.value.split(",") if path.strip()]
        answer = await self.app.push_screen_wait(
            FieldPicker(f"{things.capitalize()} to export", _Fields(self, lookup, things), chosen=chosen)
        )
        if answer is not None:
            field.value = ",".join(answer)
            field.focus()

    def _name_of_policy(self, policy_id: str | None) -> str:
        known = self._policies.get(policy_id or "")
        return known.name if known is not None else ""

    @work(group="dataset")
    async def action_form_dataset(self) -> None:
        """Create a dataset and take its id."""
        from tui_app.tui.screens.new_dataset import NewDatasetScreen  # noqa: PLC0415 - only when it is wanted

        dataset_id = await self.app.push_screen_wait(NewDatasetScreen(for_job=True))
        if dataset_id:
            self.take_dataset(dataset_id)

    def take_dataset(self, dataset_id: str) -> None:
        """Write the id of a dataset into the form and go on to the segments."""
        self.dataset.value = dataset_id
        self.segments.rows[0].id_field.focus()


def _described(dataset: Dataset) -> str:
    name = dataset.name or "unnamed"
    return name if dataset.is_union or dataset.schema_id is None else f"{name} (not on the profile union)"


def _segment(audience: Audience | None, typed: str) -> Segment:
    """Return an audience as an export names it; an id that was typed as it stands."""
    if audience is None:
        return Segment(typed)
    return Segment(audience.segment_id, audience.segment_ns)
