"""Merge policies, and the datasets that one of them keeps out of an export."""

from __future__ import annotations

from typing import Any

import pytest

from tui_app.models.base import MalformedRecord
from tui_app.models.catalog import Dataset
from tui_app.models.merge_policy import MergePolicy

BY_DATASET: dict[str, Any] = {
    "id": "m1",
    "name": "Records first",
    "schema": {"name": "_xdm.context.profile"},
    "version": "3",
    "identityGraph": {"type": "pdg"},
    "attributeMerge": {"type": "dataSetPrecedence", "order": ["d1", "d2"]},
    "isActiveOnEdge": "false",
    "default": "true",
    "updateEpoch": 1_709_000_000,
}


def dataset(dataset_id: str, *tags: str) -> Dataset:
    return Dataset.parse(dataset_id, {"tags": {"unifiedProfile": list(tags)}})


def test_every_field() -> None:
    one = MergePolicy.parse(BY_DATASET)
    assert (one.policy_id, one.name, one.version, one.is_default) == ("m1", "Records first", 3, True)
    assert (one.attribute_merge, one.dataset_order, one.identity_graph) == ("dataSetPrecedence", ("d1", "d2"), "pdg")
    assert (one.schema_name, one.updated_ms) == ("_xdm.context.profile", 1_709_000_000_000)
    assert MergePolicy.parse(one.raw) == one


def test_little_may_be_told() -> None:
    one = MergePolicy.parse({"id": "m", "attributeMerge": [], "default": "no idea"})
    assert one == MergePolicy("m")
    assert not one.is_by_dataset


@pytest.mark.parametrize("raw", [None, {"name": "x"}, [BY_DATASET]])
def test_without_an_id_it_is_none(raw: object) -> None:
    with pytest.raises(MalformedRecord):
        MergePolicy.parse(raw)


def test_datasets_that_feed_profiles_and_are_not_listed_are_left_out() -> None:
    known = [
        dataset("d1", "enabled:true"),
        dataset("d3", "enabled: true"),
        dataset("d4", "enabled:false"),
        dataset("d5"),
    ]
    left_out = MergePolicy.parse(BY_DATASET).left_out(known)
    assert [one.dataset_id for one in left_out] == ["d3"]
    by_time = MergePolicy.parse(BY_DATASET | {"attributeMerge": {"type": "timestampOrdered"}})
    assert by_time.left_out(known) == ()
