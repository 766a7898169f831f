"""Owns what each lookup is: how it is read from the platform, what tells its items apart, how history keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from tui_app.models.audience import Audience
from tui_app.models.catalog import PROFILE_UNION, Dataset, Sandbox
from tui_app.models.field_paths import EVENT_UNION, FieldPath
from tui_app.models.list_page import ListPage
from tui_app.models.merge_policy import MergePolicy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from tui_app.api.client import AepClient

T = TypeVar("T")
Row: TypeAlias = tuple[str, str, dict[str, Any]]
"""Id, name and JSON, as history keeps them."""
_PAGE: Final = 100
_FIELDS_A_ROW: Final = 250


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """One kind of things to choose from.

    Attributes:
        kind: what history calls them.
        what: what could not be done should reading them fail, without a full stop.
        pages: reads them from the platform.
        key: what tells one from the others.
        name: what people call one, "" for none.
        rows: what history keeps of a page.
        items: the items of a row of history; raises ValueError, TypeError or LookupError if it is none of ours.
        keeps_names: whether history keeps those that the platform no longer lists: jobs of the past go by them.
        is_in_order: whether the platform's order means something; else they are ordered by name. History gives rows
            back by the second of their texts.
    """

    kind: str
    what: str
    pages: Callable[[AepClient], AsyncGenerator[ListPage[T], None]]
    key: Callable[[T], str]
    name: Callable[[T], str]
    rows: Callable[[Sequence[T]], list[Row]]
    items: Callable[[Row], Sequence[T]]
    keeps_names: bool = False
    is_in_order: bool = False


async def dataset_pages(client: AepClient, *, limit: int | None = None) -> AsyncGenerator[ListPage[Dataset], None]:
    """Walk the datasets of Catalog, newest first, all of them unless `limit` says how many (API reference 3.2).

    Raises:
        ApiError: not permitted, or the platform could not be asked.
    """
    found: set[str] = set()
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        page = await client.catalog.list_datasets(limit=size, start=len(found))
        before = len(found)
        found.update(one.dataset_id for one in page)
        yield ListPage(items=page)
        if len(page) < size or len(found) == before:
            return


def datasets() -> Offer[Dataset]:
    """Return the offer of datasets."""
    return Offer(
        kind="dataset",
        what="The datasets could not be read",
        pages=dataset_pages,
        key=lambda one: one.dataset_id,
        name=lambda one: one.name or "",
        rows=lambda page: [(one.dataset_id, one.name or "", one.raw) for one in page],
        # One that jobs name and Catalog does not know is kept without a record.
        items=lambda row: (Dataset.parse(row[0], row[2]),) if row[2] else (),
        keeps_names=True,
    )


def audiences() -> Offer[Audience]:
    """Return the offer of audiences, segment definitions among them."""
    return Offer(
        kind="audience",
        what="The audiences could not be read",
        pages=lambda client: client.audiences.pages(),
        key=lambda one: one.audience_id,
        name=lambda one: one.name,
        rows=lambda page: [(one.audience_id, one.name, one.raw) for one in page],
        items=lambda row: (Audience.parse(row[2]),),
    )


def merge_policies() -> Offer[MergePolicy]:
    """Return the offer of merge policies."""
    return Offer(
        kind="merge_policy",
        what="The merge policies could not be read",
        pages=lambda client: client.merge_policies.pages(),
        key=lambda one: one.policy_id,
        name=lambda one: one.name,
        rows=lambda page: [(one.policy_id, one.name, one.raw) for one in page],
        items=lambda row: (MergePolicy.parse(row[2]),),
    )


def profile_fields() -> Offer[FieldPath]:
    """Return the offer of the fields that a profile can have."""
    return _fields("profile_field", PROFILE_UNION, "The fields of profiles could not be read")


def event_fields() -> Offer[FieldPath]:
    """Return the offer of the fields that an event can have."""
    return _fields("event_field", EVENT_UNION, "The fields of events could not be read")


def sandboxes() -> Offer[Sandbox]:
    """Return the offer of the sandboxes that the credential may use."""
    return Offer(
        kind="sandbox",
        what="The list of sandboxes could not be read",
        pages=_sandbox_pages,
        key=lambda one: one.name,
        name=lambda one: one.name,
        rows=lambda page: [(one.name, f"{place:06}", _sandbox_raw(one)) for place, one in enumerate(page)],
        items=lambda row: (Sandbox.parse(row[2]),),
        is_in_order=True,
    )


def _fields(kind: str, schema_id: str, what: str) -> Offer[FieldPath]:
    return Offer(
        kind=kind,
        what=what,
        pages=partial(_field_pages, schema_id=schema_id),
        key=lambda one: one.path,
        name=lambda one: one.path,
        rows=_field_rows,
        items=lambda row: [FieldPath(*field) for field in row[2]["fields"]],
        is_in_order=True,
    )


def _field_rows(fields: Sequence[FieldPath]) -> list[Row]:
    """Return many fields a row: they come all at once, and ten thousand rows would take ten times as long to read."""
    values = [
        (one.path, one.type, one.title, one.description, one.is_array, one.has_children, one.depth) for one in fields
    ]
    return [
        (f"{start:06}", f"{start:06}", {"fields": values[start : start + _FIELDS_A_ROW]})
        for start in range(0, len(values), _FIELDS_A_ROW)
    ]


def _sandbox_raw(one: Sandbox) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "state": one.state,
        "type": one.type,
        "isDefault": one.is_default,
        "region": one.region,
    }


async def _field_pages(client: AepClient, *, schema_id: str) -> AsyncGenerator[ListPage[FieldPath], None]:
    yield ListPage(items=await client.unions.fields(schema_id))


async def _sandbox_pages(client: AepClient) -> AsyncGenerator[ListPage[Sandbox], None]:
    yield ListPage(items=await client.sandboxes.list())
