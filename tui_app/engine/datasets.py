"""Owns what can be done to datasets and sandboxes: create, look up, name, and check that one can take an export."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tui_app.api.errors import ApiError, NotFoundError
from tui_app.clock import now_ms
from tui_app.engine.failures import explained
from tui_app.engine.offers import dataset_pages
from tui_app.engine.session import Topic
from tui_app.history.database import HistoryError
from tui_app.models.catalog import Dataset, Sandbox
from tui_app.models.failure import Failure, FailureError, Finding
from tui_app.text import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_app.engine.core import Core
    from tui_app.models.base import JsonObject
    from tui_app.models.catalog import DatasetRequest

_log = logging.getLogger(__name__)
_PAGE: Final = 100
_KIND: Final = "dataset"
_LISTED_FOR_NAMES: Final = 500
_CLOCK_SLACK_MS: Final = 5_000
_TABLE_TRIES: Final = 10
_TABLE_EVERY_S: Final = 3.0


class DatasetsService:
    """Use cases on Catalog datasets and on the sandboxes of the credential."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._listed_for_names = False

    async def create(self, request: DatasetRequest) -> str:
        """Create a dataset and return its id; the platform is let check it first.

        When the answer is lost, a dataset of this name made since is taken for it: it is the same to whoever
        wanted one.

        Raises:
            FailureError: nothing was created, or the platform may have created it: the next step then says to look
                for it first.
        """
        core = self._core
        core.require_writable("The dataset")
        body = request.to_body()
        asked = now_ms(core.clock)
        with core.activity.busy(), explained(f"Dataset {shortened(request.name)!r} was not created", core.clock):
            dataset_id = await self._made_by_check(body, asked)
            if dataset_id is None:
                dataset_id = await self._made(body, asked)
            await self._keep((Dataset.parse(dataset_id, body),))
            return dataset_id

    async def _made_by_check(self, body: JsonObject, asked_ms: int) -> str | None:
        """Let the platform check a dataset; return its id if a service made one instead, which none should."""
        try:
            return await self._core.client.catalog.validate_dataset(body)
        except ApiError as error:
            if not error.ambiguous:
                raise
            _log.info("a dataset could not be checked before its creation: %s", error)
            return await self._made_since(str(body["name"]), asked_ms)

    async def _made(self, body: JsonObject, asked_ms: int) -> str:
        try:
            return await self._core.client.catalog.create_dataset(body)
        except ApiError as error:
            found = await self._made_since(str(body["name"]), asked_ms) if error.ambiguous else None
            if found is None:
                raise
            return found

    async def table_name(self, dataset_id: str) -> str | None:
        """Wait until the platform has made a dataset's table for queries, and return its name.

        None when there is none after half a minute, or nobody can be asked: it is there to be told, nothing needs it.
        """
        for _ in range(_TABLE_TRIES):
            try:
                dataset = await self._core.client.catalog.get_dataset(dataset_id)
            except ApiError as error:
                _log.info("the table of a dataset is not known: %s", error)
                return None
            if dataset.table_name is not None:
                await self._keep((dataset,))
                return dataset.table_name
            await self._core.clock.sleep(_TABLE_EVERY_S)
        return None

    async def get(self, dataset_id: str) -> Dataset:
        """Fetch one dataset.

        Raises:
            FailureError: unknown, not permitted, or the platform could not be asked.
        """
        core = self._core
        with core.activity.busy(), explained(f"Dataset {shortened(dataset_id)} could not be read", core.clock):
            dataset = await core.client.catalog.get_dataset(dataset_id)
            await self._keep((dataset,))
            return dataset

    async def list(self, *, limit: int | None = None) -> tuple[Dataset, ...]:
        """Fetch the sandbox's datasets, all of them unless `limit` says how many.

        Raises:
            FailureError: not permitted, or the platform could not be asked.
        """
        core = self._core
        found: dict[str, Dataset] = {}
        with core.activity.busy(), explained("The list of datasets could not be read", core.clock):
            async for page in dataset_pages(core.client, limit=limit):
                found.update((one.dataset_id, one) for one in page.items)
            await self._keep(tuple(found.values()))
        return tuple(found.values())

    async def known(self) -> tuple[Dataset, ...]:
        """Return the datasets seen so far, from history, by name.

        Raises:
            FailureError: history cannot be read.
        """
        with explained("The datasets seen so far cannot be read", self._core.clock):
            rows = await self._core.history.lookups.all(_KIND)
        return tuple(Dataset.parse(dataset_id, raw) for dataset_id, _, _, raw in rows)

    async def names(self) -> dict[str, str]:
        """Return the names of the datasets seen so far, by id.

        Raises:
            FailureError: history cannot be read.
        """
        return {one.dataset_id: one.name for one in await self.known() if one.name}

    async def named(self, name: str) -> tuple[Dataset, ...]:
        """Return the datasets of exactly this name: names need not be unique (API reference 3.1).

        Catalog is asked. Where it cannot be, those seen so far stand in: this is for a warning, not for a decision.

        Raises:
            FailureError: neither Catalog nor history could be read.
        """
        core = self._core
        try:
            with core.activity.busy():
                found = await core.client.catalog.list_datasets(limit=_PAGE, name=name)
        except ApiError as error:
            _log.info("Catalog cannot be asked for datasets by name: %s", error)
            found = await self.known()
        return tuple(one for one in found if one.name == name)

    async def check_target(self, dataset_id: str) -> Finding | None:
        """Tell why an export into this dataset would fail, None when nothing speaks against it.

        A dataset that cannot be looked up for lack of permission or network is not held against the person: the
        platform decides then.
        """
        try:
            with self._core.activity.busy():
                dataset = await self._core.client.catalog.get_dataset(dataset_id)
        except NotFoundError:
            return Finding(
                field="destination.datasetId",
                cause=f"Dataset {shortened(dataset_id)} does not exist in sandbox {self._core.session.sandbox_name}.",
                remedy="Check the id and the sandbox, or create a dataset.",
                severity="error",
            )
        except ApiError as error:
            return Finding(
                field="destination.datasetId",
                cause=f"Dataset {shortened(dataset_id)} could not be checked: {error.cause or error.what}",
                remedy=f"{error.next_step} Submit anyway if you are sure; the platform decides.".lstrip(),
                severity="warning",
            )
        await self._keep((dataset,))
        if dataset.is_union:
            return None
        name, schema = shortened(dataset.name or dataset_id), dataset.schema_id or "no schema"
        return Finding(
            field="destination.datasetId",
            cause=f"Dataset {name} is not based on the profile union schema ({schema}).",
            remedy="Choose another dataset, or create one that is.",
            severity="error",
        )

    async def learn_names(self) -> bool:
        """Look up the names of datasets that jobs in history refer to; at most 15 requests.

        Returns:
            Whether the platform told; failures are only logged.
        """
        core = self._core
        try:
            with explained("The names of datasets could not be read", core.clock):
                missing = await core.history.jobs.dataset_ids_without_name()
                if not missing:
                    return True
                if len(missing) > 3 and not self._listed_for_names:  # noqa: PLR2004 - a few single gets cost less
                    await self.list(limit=_LISTED_FOR_NAMES)
                    self._listed_for_names = True
                    missing = await core.history.jobs.dataset_ids_without_name()
                for dataset_id in missing[:10]:
                    await self._learn(dataset_id)
        except FailureError as error:
            _log.info("dataset names are not known yet: %s", error.failure.cause)
            return False
        core.bulletin.publish(Topic.LOOKUPS)
        return True

    async def learn_names_of(self, dataset_ids: Sequence[str]) -> Failure | None:
        """Look up those of these datasets whose names are not known yet, however many.

        Returns:
            What went wrong, None when the names of all that exist are known now.
        """
        core = self._core
        try:
            with core.activity.busy(), explained("The names of datasets could not be read", core.clock):
                missing = await self._without_name(dataset_ids)
                if len(missing) > 3 and not self._listed_for_names:  # noqa: PLR2004 - a few single gets cost less
                    await self.list()
                    self._listed_for_names = True
                    missing = await self._without_name(missing)
                for dataset_id in missing:
                    await self._learn(dataset_id)
        except FailureError as error:
            return error.failure
        return None

    async def _without_name(self, dataset_ids: Sequence[str]) -> Sequence[str]:
        known = {one for one, *_ in await self._core.history.lookups.all(_KIND)}
        return [one for one in dataset_ids if one not in known]

    async def sandboxes(self) -> tuple[Sandbox, ...]:
        """Fetch the sandboxes this credential may use; empty means it may use none.

        Raises:
            FailureError: the platform could not be asked, or refuses the sign-in.
        """
        core = self._core
        with core.activity.busy(), explained("The list of sandboxes could not be read", core.clock):
            return await core.client.sandboxes.list()

    async def _learn(self, dataset_id: str) -> None:
        try:
            dataset = await self._core.client.catalog.get_dataset(dataset_id)
        except NotFoundError:
            # Remembered as nameless, so that a deleted dataset is not asked for at every start.
            dataset = Dataset.parse(dataset_id, {})
        await self._core.history.lookups.put(
            _KIND, [(dataset_id, dataset.name or "", dataset.raw)], at_ms=now_ms(self._core.clock)
        )

    async def _keep(self, datasets: Sequence[Dataset]) -> None:
        """Remember datasets by name; an answer is worth having also when history cannot keep it."""
        if not datasets:
            return
        try:
            await self._core.history.lookups.put(
                _KIND,
                [(one.dataset_id, one.name or "", one.raw) for one in datasets],
                at_ms=now_ms(self._core.clock),
            )
        except HistoryError as error:
            _log.warning("datasets are not remembered: %s", error)
        self._core.bulletin.publish(Topic.LOOKUPS)

    async def _made_since(self, name: str, asked_ms: int) -> str | None:
        """Return the one dataset of this name that was created since; None when there is none, or several."""
        client = self._core.client
        try:
            found = await client.catalog.list_datasets(limit=_PAGE, name=name)
        except ApiError:
            return None
        since = asked_ms + round((client.server_clock_skew_s or 0.0) * 1000) - _CLOCK_SLACK_MS
        made = [one.dataset_id for one in found if one.name == name and (one.created_ms or 0) >= since]
        return made[0] if len(made) == 1 else None
