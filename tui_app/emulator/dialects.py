"""Owns the table of what documents disagree on and a server decides (API reference 13), and who speaks which way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from tui_app.emulator.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DIALECT_NAMES = ("seed", "openapi", "newest", "mixed")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to spell answers: a field for each choice, its type lists the choices, its default is the tutorial's.

    The numbers are rows of API reference 13; rows without a field are the client's to decide, or no choice at all
    (tests/emulator/test_dialects.py says which and why). A field changes how a fact is told, never the fact.
    """

    name: str = "seed"
    # Export jobs
    capital_dataset_id: Literal["per segment", "outside lists", "never"] = "per segment"  # 1: where it is `dataSetId`
    lists_old_style: bool = True  # 2.3.1: list items of a single batch leave `segmentPerBatch` out
    batches_as_object: bool = False  # 2: where there is but one
    batches_beside_id: bool = False  # 2: also for a single batch, which `batchId` names too
    failed_batch_id: Literal["empty", "token", "missing"] = "empty"  # 3
    batch_status_as_text: bool = False  # 4: where there is but one
    cancels_silently: bool = True  # 5: 204 and no body, else 200 and a message
    job_id_as: Literal["integer", "float", "text"] = "integer"  # 7
    says_queued: bool = False  # 8: QUEUED for the later half of the wait
    says_cancelling: bool = True  # 8: else the job looks as before until it is cancelled
    cancelled_word: Literal["CANCELLED", "CANCELED"] = "CANCELLED"  # 8
    forgets_cancelled: bool = False  # 2.7: 404, and no longer listed
    filters_by_status: bool = True  # 9: else the parameter is ignored
    list_end: Literal["empty", "missing", "null", "string", "no link"] = "empty"  # 11
    list_key: Literal["records", "children"] = "records"  # 12
    page_size_is_limit: bool = False  # 13
    times_in_seconds: bool = False  # 14: creation and update; timers say milliseconds in their names
    has_write_stage: bool = True  # 15
    has_counters: bool = False  # 15
    names_push_job: bool = True  # 16
    new_compute_ids: Literal["none", "empty"] = "none"  # 16: `{}` or `{"exportJob": ""}` before the export starts
    echoes_request: bool = False  # 17
    swaps_merge_policy: bool = False  # 18: the platform takes its default policy, whichever was asked for
    request_id_changes: bool = True  # 19
    request_id_as: Literal["either", "uuid"] = "either"  # 19: else letters and digits for some jobs
    existing_by_default: bool = True  # 20: a segment without statuses means `existing` too, not `realized` only
    shouts_segment_ns: bool = False  # 22: `UPS`
    errors_on_success: bool = False  # 25: on some succeeded jobs
    create_status: Literal[200, 201] = 200  # 28
    # Catalog
    dataset_reference: Literal["@/datasets/", "@/dataSets/"] = "@/datasets/"  # 30
    batch_done: Literal["success", "active"] = "success"  # 32
    batch_failed: Literal["failed", "failure", "aborted", "abandoned"] = "failed"  # 33
    batch_rows_key: Literal["recordsWritten", "recordsRead", ""] = "recordsWritten"  # 34
    # Data Access
    file_numbers_as_text: bool = True  # 36
    file_is_valid: bool = False  # 38
    hrefs_name_port: bool = True  # 4.1: `:443` even where it is the scheme's own
    # Gateway, IMS, profile
    token_life_in_ms: bool = False  # 40
    old_gateway_words: bool = False  # 42, 43: no full stop in 403010, and 403023 for 403025
    ups_code_as_text: bool = False  # 46
    ups_problem_inside: bool = False  # 1.4c: type, title and status inside `errors`
    audience_next_as_text: bool = False  # 47
    external_audience_type: Literal["ExternalSegment", "ExternalAudience"] = "ExternalSegment"  # 48
    policy_page_counts: bool = False  # 50: `{count, next}` instead of `{totalCount, pageSize}`
    booleans_as_text: bool = False  # 51
    # Sandboxes, Query Service
    iso_sandbox_dates: bool = False  # 52: also `etag` for `eTag`
    sandbox_page: Literal[50, 20] = 50  # 53
    websocket_key: Literal["websocketHost", "websoketHost"] = "websocketHost"  # 54
    query_start_is_offset: bool = False  # 55

    @property
    def default_statuses(self) -> tuple[str, ...]:
        """What a segment of the filter means that names no statuses (row 20)."""
        return ("realized", "existing") if self.existing_by_default else ("realized",)


# What one answer says about these binds the next one, so `mixed` draws them once for the world and not for each
# answer: a cancelled job is gone for all callers or for none, and a cursor must mean what it meant when it was given.
LASTING = frozenset({"forgets_cancelled", "existing_by_default", "query_start_is_offset"})

SPOKEN: dict[str, Dialect] = {
    "seed": Dialect(),
    # SEG-OAS, PROF-OAS, CAT-OAS, SBX-OAS, QS-OAS: schemas and their examples.
    "openapi": Dialect(
        name="openapi",
        capital_dataset_id="never",
        lists_old_style=False,
        batches_as_object=True,
        batches_beside_id=True,
        cancels_silently=False,
        job_id_as="float",
        says_cancelling=False,
        forgets_cancelled=True,
        echoes_request=True,
        request_id_changes=False,
        request_id_as="uuid",
        dataset_reference="@/dataSets/",
        file_is_valid=True,
        hrefs_name_port=False,
        external_audience_type="ExternalAudience",
        policy_page_counts=True,
        iso_sandbox_dates=True,
        sandbox_page=20,
        websocket_key="websoketHost",
    ),
    # SEG-DOC, SEG-DOC-NEW and the guides of the other services, as of 2022 and later.
    "newest": Dialect(
        name="newest",
        lists_old_style=False,
        failed_batch_id="token",
        batch_status_as_text=True,
        says_queued=True,
        cancelled_word="CANCELED",
        page_size_is_limit=True,
        has_write_stage=False,
        has_counters=True,
        names_push_job=False,
        new_compute_ids="empty",
        echoes_request=True,
        request_id_changes=False,
        request_id_as="uuid",
        existing_by_default=False,
        errors_on_success=True,
        dataset_reference="@/dataSets/",
        audience_next_as_text=True,
        booleans_as_text=True,
    ),
}


@cache
def choices() -> Mapping[str, tuple[Any, ...]]:
    """Return the values that each field may have, read from its type; `name` is no choice."""
    hints = get_type_hints(Dialect)
    del hints["name"]
    return {field: (False, True) if kind is bool else get_args(kind) for field, kind in hints.items()}


def speaker(name: str, *, seed: int) -> Callable[[], Dialect]:
    """Return what to ask for each answer's dialect.

    `mixed` draws every field anew for each answer, also what no single document shows; the n-th draw of a seed is
    always the same. What binds later answers (`LASTING`) is drawn once.

    Raises:
        ValueError: `name` is none of `DIALECT_NAMES`.
    """
    if name in SPOKEN:
        return lambda: SPOKEN[name]
    if name != "mixed":
        raise ValueError(f"Unknown dialect {name!r}: choose one of {', '.join(DIALECT_NAMES)}.")
    return _Mixed(seed)


class _Mixed:
    """Draws a dialect for each answer."""

    def __init__(self, seed: int) -> None:
        chance = Chance(seed, "dialect")
        self._seed = seed
        self._base = Dialect(
            name="mixed", **{field: chance.pick(values) for field, values in choices().items() if field in LASTING}
        )
        self._answers = 0

    def __call__(self) -> Dialect:
        self._answers += 1
        chance = Chance(self._seed, "dialect", self._answers)
        drawn = {field: chance.pick(values) for field, values in choices().items() if field not in LASTING}
        return replace(self._base, **drawn)
