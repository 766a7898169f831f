"""Owns merge policies: whose value of an attribute wins in an export, and which datasets have no say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from tui_app.models.base import JsonObject, MalformedRecord, flag, integer, mapping, moment_ms, text, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_app.models.catalog import Dataset

BY_DATASET: Final = "dataSetPrecedence"
BY_TIME: Final = "timestampOrdered"


@dataclass(frozen=True, slots=True)
class MergePolicy:
    """A merge policy (API reference 7); texts are "" where nothing was told, `updated_ms` is epoch milliseconds.

    Attributes:
        attribute_merge: `timestampOrdered`, `dataSetPrecedence`, or another word of the platform.
        dataset_order: ids of datasets, the strongest first; only with `dataSetPrecedence`.
        identity_graph: `pdg` or `none`: whether identities of one person are put together.
        schema_name: the class of profile it is for.
        raw: the very object that was parsed.
    """

    policy_id: str
    name: str = ""
    version: int | None = None
    is_default: bool = False
    attribute_merge: str = ""
    dataset_order: tuple[str, ...] = ()
    identity_graph: str = ""
    schema_name: str = ""
    updated_ms: int | None = None
    raw: JsonObject = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_by_dataset(self) -> bool:
        """Whether datasets that it does not list are left out of the merge."""
        return self.attribute_merge.lower() == BY_DATASET.lower()

    def left_out(self, datasets: Iterable[Dataset]) -> tuple[Dataset, ...]:
        """Return those of these datasets that feed profiles and whose values this policy keeps out of an export.

        That is what makes attributes "missing" (API reference 11).
        """
        if not self.is_by_dataset:
            return ()
        listed = frozenset(self.dataset_order)
        return tuple(one for one in datasets if feeds_profile(one) and one.dataset_id not in listed)

    @classmethod
    def parse(cls, raw: object) -> Self:
        """Return the policy that a decoded JSON value describes; only the id is required.

        Raises:
            MalformedRecord: the value is not an object, or has no usable id.
        """
        record = mapping(raw)
        policy_id = text(record.get("id"))
        if policy_id is None:
            raise MalformedRecord("A merge policy must be an object with an id.")
        merge = mapping(record.get("attributeMerge"))
        return cls(
            policy_id=policy_id,
            name=text(record.get("name")) or "",
            version=integer(record.get("version")),
            is_default=flag(record.get("default")) or False,
            attribute_merge=text(merge.get("type")) or "",
            dataset_order=words(merge.get("order")),
            identity_graph=text(mapping(record.get("identityGraph")).get("type")) or "",
            schema_name=text(mapping(record.get("schema")).get("name")) or "",
            updated_ms=moment_ms(record.get("updateEpoch")),
            raw=record,
        )


def feeds_profile(dataset: Dataset) -> bool:
    """Tell whether what is ingested into a dataset becomes part of profiles."""
    return any(value.replace(" ", "").lower() == "enabled:true" for value in dataset.tags.get("unifiedProfile", ()))
