"""`aepx datasets` and `aepx sandboxes`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tui_app.models.catalog import PROFILE_UNION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator

    Aepx = Callable[..., Result]


def test_create_prints_the_id_and_with_json_an_object(aepx: Aepx, platform: ServedEmulator) -> None:
    created = aepx("datasets", "create", "--name", "X", "--json")
    assert created.code == 0
    assert set(created.document) == {"dataset_id"}
    plain = aepx("datasets", "create", "--name", "Y", "--description", "why", "--tag", "team=a", "--tag", "team=b")
    shown = aepx("datasets", "show", plain.out.strip(), "--json").document
    assert (shown["name"], shown["description"], shown["profile_union"]) == ("Y", "why", True)
    assert shown["tags"]["team"] == ["a", "b"]


def test_a_name_in_use_is_told_on_stderr_and_does_not_stop_a_script(aepx: Aepx, platform: ServedEmulator) -> None:
    first = aepx("datasets", "create", "--name", "Twin", "--yes")
    assert "exists" not in first.err
    second = aepx("datasets", "create", "--name", "Twin", "--yes")
    assert second.code == 0
    assert f"Warning: a dataset of this name exists: {first.out.strip()}, created " in second.err
    assert second.out.strip() not in ("", first.out.strip())


def test_every_option_finds_its_place_and_a_dry_run_sends_nothing(aepx: Aepx, tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"name": "from file", "aspect": "production", "own": True}))
    options = ("--description", "D", "--schema-id", PROFILE_UNION, "--content-type", "t/x", "--no-persisted")
    found = aepx("datasets", "create", "--file", str(path), "--name", "N", "--aspect", "", *options, "--dry-run")
    assert found.code == 0
    assert found.document == {
        "name": "N",
        "description": "D",
        "schemaRef": {"id": PROFILE_UNION, "contentType": "t/x"},
        "fileDescription": {"persisted": False, "containerFormat": "parquet", "format": "parquet"},
        "own": True,
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [((), "no name"), (("--name", "N", "--tag", "x"), "no tag"), (("--name", "N", "--tag", "adobe/x=1"), "reserved")],
)
def test_what_is_wrong_is_exit_2(aepx: Aepx, options: tuple[str, ...], said: str) -> None:
    found = aepx("datasets", "create", *options)
    assert found.code == 2
    assert said in found.err


def test_list_in_every_form(aepx: Aepx, platform: ServedEmulator) -> None:
    every = aepx("datasets", "list", "--json").document
    union = aepx("datasets", "list", "--union-only", "--ndjson").out.splitlines()
    assert 0 < len(union) < len(every)
    assert len(aepx("datasets", "list", "--csv").out.splitlines()) == len(every) + 1
    table = aepx("datasets", "list").out.splitlines()
    assert table[0].split() == ["ID", "NAME", "UNION", "CREATED", "TABLE"]
    assert len(table) == len(every) + 1


def test_an_empty_sandbox_names_the_next_step(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("--sandbox", "empty", "datasets", "list")
    assert found.code == 0
    assert "aepx datasets create" in found.err


def test_show_as_text_and_raw_and_unknown(aepx: Aepx, dataset: str) -> None:
    assert "exports can be written to it" in aepx("datasets", "show", dataset).out
    assert aepx("datasets", "show", dataset, "--raw").document["name"] == "Target"
    unknown = aepx("datasets", "show", "f" * 24)
    assert unknown.code == 1
    assert "f" * 24 in unknown.err


def test_sandboxes_need_no_sandbox(aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEPX_SANDBOX")
    found = aepx("sandboxes", "list", "--json").document
    assert [one["name"] for one in found] == ["prod", "dev", "stage", "empty"]
    assert aepx("sandboxes", "list").out.startswith("NAME")
    assert aepx("--demo", "sandboxes", "list", "--ndjson").code == 0
    assert aepx("sandboxes", "list", "--csv").out.startswith("name,")
