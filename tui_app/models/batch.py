"""Owns a batch as Catalog reports it: whether it can be read, how many records it holds, why it failed (3.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from tui_app.models.base import MalformedRecord, count, items, mapping, moment_ms, text

if TYPE_CHECKING:
    from tui_app.models.base import JsonObject


class BatchState(Enum):
    """What the many words for a batch's status come down to (3.4)."""

    RUNNING = "running"
    STALLED = "stalled"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"


_STATES: Final = {
    **dict.fromkeys(("success", "active"), BatchState.DONE),
    **dict.fromkeys(("failed", "failure", "aborted", "abandoned"), BatchState.FAILED),
    **dict.fromkeys(("inactive", "deleted"), BatchState.GONE),
    "stalled": BatchState.STALLED,
}
# Producers name their counts as they like (13 row 34); the first that is there counts.
_WRITTEN: Final = ("recordsWritten", "outputRecordCount", "recordCount", "rowsWritten")


class BatchError(NamedTuple):
    """One error of a batch; the description may be empty."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch; moments are epoch milliseconds, counts None where the platform does not tell them."""

    batch_id: str
    status: str
    dataset_id: str | None = None
    created_ms: int | None = None
    completed_ms: int | None = None
    written: int | None = None
    """Records in the batch."""
    rejected: int | None = None
    """Records that could not be written."""
    errors: tuple[BatchError, ...] = ()
    raw: JsonObject = field(default_factory=dict, repr=False)

    @property
    def state(self) -> BatchState:
        """What the status means; an unknown word is taken for one that still runs."""
        return _STATES.get(self.status, BatchState.RUNNING)

    @property
    def is_readable(self) -> bool:
        """Whether its files can be fetched."""
        return self.state is BatchState.DONE

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be waited for."""
        return self.state not in (BatchState.RUNNING, BatchState.STALLED)

    @classmethod
    def parse(cls, batch_id: object, raw: object) -> Batch:
        """Return the batch of one entry of a Catalog answer.

        Raises:
            MalformedRecord: the entry is not an object, or its key is blank.
        """
        known = text(batch_id)
        if known is None or not isinstance(raw, dict):
            raise MalformedRecord(f"Batch {known or 'without an id'} must be an object under its id.")
        metrics = mapping(raw.get("metrics"))
        related = (mapping(one) for one in items(raw.get("relatedObjects")))
        return cls(
            batch_id=known,
            status=(text(raw.get("status")) or "").strip().lower(),
            dataset_id=next((text(one.get("id")) for one in related if one.get("type") == "dataSet"), None),
            created_ms=moment_ms(raw.get("created")),
            completed_ms=moment_ms(raw.get("completed")),
            written=_first_count(metrics, _WRITTEN, raw.get("recordCount")),
            rejected=_first_count(metrics, ("recordsFailed",), raw.get("failedRecordCount")),
            errors=tuple(
                BatchError(text(one.get("code")) or "", text(one.get("description")) or "")
                for one in map(mapping, items(raw.get("errors")))
            ),
            raw=raw,
        )


def parse_batches(raw: object) -> tuple[Batch, ...]:
    """Return the batches of a Catalog answer keyed by id; entries that are no objects are left out.

    Raises:
        MalformedRecord: the answer is not an object. An empty list is taken for an empty object.
    """
    if raw == []:
        return ()
    if not isinstance(raw, dict):
        raise MalformedRecord(f"A list of batches must be an object keyed by id, not {type(raw).__name__}.")
    return tuple(Batch.parse(key, one) for key, one in raw.items() if isinstance(one, dict) and text(key) is not None)


def _first_count(metrics: JsonObject, names: tuple[str, ...], otherwise: object) -> int | None:
    found = (count(metrics.get(name)) for name in names)
    return next((one for one in found if one is not None), count(otherwise))
