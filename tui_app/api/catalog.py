"""Owns the calls on datasets and batches (API reference 3.1 to 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.api.answer import read_json
from tui_app.api.errors import ApiError, BadAnswerError, NotFoundError
from tui_app.api.origin import path_segment
from tui_app.models.base import MalformedRecord
from tui_app.models.batch import parse_batches
from tui_app.models.catalog import Dataset, dataset_id_from_reference, parse_datasets
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.api.session import Session
    from tui_app.models.base import JsonObject
    from tui_app.models.batch import Batch

_PATH = "/data/foundation/catalog/dataSets"
_BATCHES = "/data/foundation/catalog/batches"
_CREATED = 201
# Enough for a list and for the union check; without a choice the answers can have gigabytes.
LISTED = (
    "name",
    "description",
    "schemaRef",
    "tags",
    "created",
    "updated",
    "lastBatchId",
    "lastBatchStatus",
)


class Catalog:
    """Create, list and get datasets; list and get batches."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create_dataset(self, body: JsonObject) -> str:
        """Create a dataset and return its id (API reference 3.1).

        Raises:
            ApiError: when `ambiguous`, the dataset may exist; look for it before sending again.
        """
        what = "The dataset was not confirmed."
        raw = await self._session.fetch("POST", _PATH, what=what, body=body)
        try:
            return dataset_id_from_reference(raw)
        except MalformedRecord as error:
            cause = safe_text(str(error))
        raise BadAnswerError(
            what,
            cause=f"The platform accepted it, but did not answer with its id. {cause}",
            next_step="Look for it among the datasets before you create it again.",
            ambiguous=True,
        )

    async def validate_dataset(self, body: JsonObject) -> str | None:
        """Let the platform check a creation without making anything (API reference 3.1, `Pragma: validate-only`).

        Returns:
            None; or, from a service that did not heed the header, the id of the dataset it has made.

        Raises:
            ApiError: it would be refused; or, when `ambiguous`, the check itself got no answer.
        """
        answer = await self._session.send(
            "POST", _PATH, what="The dataset was not created.", body=body, more_headers={"Pragma": "validate-only"}
        )
        if answer.status != _CREATED:
            return None
        try:
            return dataset_id_from_reference(read_json(answer, what="The check is unread.", mutating=False))
        except (ApiError, MalformedRecord):
            return None

    async def list_datasets(
        self,
        *,
        limit: int = 100,
        start: int = 0,
        properties: Sequence[str] = LISTED,
        name: str | None = None,
    ) -> tuple[Dataset, ...]:
        """Return one page, newest datasets first; entries that are no dataset are left out (API reference 3.2).

        Args:
            limit: 1 to 100; fewer datasets than that mean the last page.
            start: datasets to skip.
            properties: top-level fields to ask for; all others are None or empty in the answer.
            name: only datasets of exactly this name.

        Raises:
            ApiError: see `errors`.
        """
        what = "The datasets could not be listed."
        query = [
            ("limit", str(limit)),
            ("start", str(start)),
            ("orderBy", "desc:created"),
            ("properties", ",".join(properties)),
        ]
        if name is not None:
            query.append(("property", "name==" + name.replace("*", "**")))  # a single star would match anything
        raw = await self._session.fetch("GET", _PATH, what=what, query=query)
        return _parsed(raw, what)

    async def get_dataset(self, dataset_id: str) -> Dataset:
        """Return one dataset (API reference 3.3).

        Raises:
            NotFoundError: there is no such dataset in this sandbox.
            ApiError: see `errors`.
        """
        what = f"Dataset {safe_text(dataset_id)} could not be read."
        raw = await self._session.fetch("GET", f"{_PATH}/{path_segment(dataset_id)}", what=what)
        found = _parsed(raw, what)
        named = [dataset for dataset in found if dataset.dataset_id == dataset_id] or list(found)
        if not raw:
            raise NotFoundError(
                what,
                status=404,
                cause="The platform answered with no dataset.",
                next_step="Check the id, and that it belongs to this sandbox.",
            )
        if len(named) != 1:
            raise _not_keyed_by_id(what, "It does not hold the one dataset that was asked for.")
        return named[0]

    async def get_batch(self, batch_id: str) -> Batch:
        """Return one batch (API reference 3.4).

        Raises:
            NotFoundError: there is no such batch in this sandbox.
            ApiError: see `errors`.
        """
        what = f"Batch {safe_text(batch_id)} could not be read."
        raw = await self._session.fetch("GET", f"{_BATCHES}/{path_segment(batch_id)}", what=what)
        found = _parsed_batches(raw, what)
        named = [one for one in found if one.batch_id == batch_id] or list(found)
        if not raw:
            raise NotFoundError(
                what,
                status=404,
                cause="The platform answered with no batch.",
                next_step="Check the id, and that it belongs to this sandbox.",
            )
        if len(named) != 1:
            raise _not_keyed_by_id(what, "It does not hold the one batch that was asked for.")
        return named[0]

    async def list_batches(
        self, *, dataset_id: str, created_from_ms: int, limit: int = 100, start: int = 0
    ) -> tuple[Batch, ...]:
        """Return one page of a dataset's batches, the oldest first (API reference 3.4).

        Args:
            dataset_id: whose batches.
            created_from_ms: only those created then or later, epoch milliseconds.
            limit: 1 to 100; fewer batches than that mean the last page.
            start: batches to skip.

        Raises:
            ApiError: see `errors`.
        """
        what = "The batches could not be listed."
        query = [
            ("dataSet", dataset_id),
            ("createdAfter", str(created_from_ms - 1)),
            ("orderBy", "asc:created"),
            ("limit", str(limit)),
            ("start", str(start)),
        ]
        return _parsed_batches(await self._session.fetch("GET", _BATCHES, what=what, query=query), what)


def _parsed(raw: object, what: str) -> tuple[Dataset, ...]:
    try:
        return parse_datasets(raw)
    except MalformedRecord as error:
        cause = safe_text(str(error))
    raise _not_keyed_by_id(what, cause)


def _parsed_batches(raw: object, what: str) -> tuple[Batch, ...]:
    try:
        return parse_batches(raw)
    except MalformedRecord as error:
        cause = safe_text(str(error))
    raise _not_keyed_by_id(what, cause)


def _not_keyed_by_id(what: str, cause: str) -> BadAnswerError:
    return BadAnswerError(
        what,
        cause=f"The answer has another form than it should. {cause}",
        next_step="Check base_url, and look at the log.",
    )
