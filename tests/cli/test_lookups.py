"""`aepx audiences|merge-policies|fields|sandboxes list`: what the platform has to choose from, also from history."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tui_app.emulator.faults.connection import Lose
from tui_app.emulator.faults.instead import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator
    from tui_app.emulator.faults.faults import Fault

    Aepx = Callable[..., Result]

KINDS = [("audiences",), ("merge-policies",), ("fields",), ("fields", "--events"), ("sandboxes",)]
AUDIENCES = "/data/core/ups/audiences*"
DEFINITIONS = "/data/core/ups/segment/definitions*"


def listed(aepx: Aepx, kind: tuple[str, ...], *more: str) -> Result:
    command, *options = kind
    return aepx(command, "list", *options, *more)


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_has_the_same_things(aepx: Aepx, platform: ServedEmulator, kind: tuple[str, ...]) -> None:
    values: list[dict[str, Any]] = listed(aepx, kind, "--json").document
    assert values
    # From history: the platform's own counts and times go on between two questions.
    assert [json.loads(line) for line in listed(aepx, kind, "--offline", "--ndjson").out.splitlines()] == values
    rows = list(csv.DictReader(io.StringIO(listed(aepx, kind, "--csv").out)))
    assert len(rows) == len(values)
    assert set(rows[0]) <= set(values[0])
    assert len(listed(aepx, kind).out.splitlines()) == len(values) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_offline_shows_what_was_read_with_its_age_and_asks_nobody(
    aepx: Aepx, platform: ServedEmulator, calls: Fault, kind: tuple[str, ...]
) -> None:
    before = listed(aepx, kind, "--offline", "--json")
    assert (before.code, before.document) == (0, [])
    assert "Run the command without --offline once." in before.err
    assert calls.met == 0
    online = listed(aepx, kind, "--json")
    asked = calls.met
    offline = listed(aepx, kind, "--offline", "--json")
    assert offline.document == online.document
    assert f"{len(online.document):,} " in offline.err
    assert " of sandbox prod, read " in offline.err
    assert calls.met == asked


def test_an_audience_says_how_an_export_names_it(aepx: Aepx, platform: ServedEmulator) -> None:
    truth = {one.platform_id: one for one in platform.emulator.world.sandboxes["prod"].room.audiences}
    found = aepx("audiences", "list", "--json").document
    assert {(one["id"], one["segment_id"], one["segment_ns"]) for one in found} == {
        (one.platform_id, one.segment_id, one.segment_ns) for one in truth.values()
    }
    assert [one["name"] for one in found] == sorted((one["name"] for one in found), key=str.casefold)


def test_a_table_takes_no_orders_from_names(aepx: Aepx, platform: ServedEmulator) -> None:
    out = aepx("audiences", "list").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[/x]" in out


def test_policies_by_dataset_name_their_datasets(aepx: Aepx, platform: ServedEmulator) -> None:
    by_dataset = [
        one
        for one in aepx("merge-policies", "list", "--json").document
        if one["attribute_merge"] == "dataSetPrecedence"
    ]
    truth = {one.policy_id: one for one in platform.emulator.world.sandboxes["prod"].room.policies}
    assert [tuple(one["dataset_order"]) for one in by_dataset] == [truth[one["id"]].order for one in by_dataset]
    assert by_dataset[0]["dataset_order"]


def test_fields_are_searched_by_every_word_in_path_or_title(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("fields", "list", "--search", "EMAIL address", "--json").document
    assert "personalEmail.address" in {one["path"] for one in found}
    assert all("email" in f"{one['path']} {one['title']}".lower() for one in found)
    nothing = aepx("fields", "list", "--search", "no such thing")
    assert (nothing.code, len(nothing.out.splitlines())) == (0, 1)
    assert "None of " in nothing.err


@pytest.mark.parametrize(("kind", "word"), [(("audiences",), "audience"), (("merge-policies",), "merge polic")])
def test_an_account_without_rights_is_told_what_it_lacks(
    aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch, kind: tuple[str, ...], word: str
) -> None:
    account = platform.emulator.credentials.limited
    monkeypatch.setenv("AEPX_CLIENT_ID", account.client_id)
    monkeypatch.setenv("AEPX_CLIENT_SECRET", account.client_secret)
    found = listed(aepx, kind, "--json")
    assert (found.code, found.out) == (4, "")
    assert word in found.err
    assert "permission" in found.err.lower()


def test_definitions_stand_in_and_say_what_is_missing(aepx: Aepx, platform: ServedEmulator) -> None:
    whole = aepx("audiences", "list", "--json").document
    platform.disturb(Status(403), path=AUDIENCES)
    found = aepx("audiences", "list", "--json")
    assert 0 < len(found.document) < len(whole)
    assert {one["kind"] for one in found.document} == {"segment"}
    assert "only segment definitions can be read" in found.err


@pytest.mark.usefixtures("hasty")
def test_a_line_that_drops_is_exit_3_and_what_was_known_stays(aepx: Aepx, platform: ServedEmulator) -> None:
    known = aepx("audiences", "list", "--json").document
    fault = platform.disturb(Lose(), path=AUDIENCES)
    broken = aepx("audiences", "list", "--json")
    assert (broken.code, broken.out) == (3, "")
    assert f"What is known of them from before is shown with --offline: {len(known):,}." in broken.err
    assert fault.met > 0
    assert aepx("audiences", "list", "--offline", "--json").document == known


def test_sandboxes_are_kept_only_for_one_that_exists(aepx: Aepx, platform: ServedEmulator, clean_home: Path) -> None:
    assert [one["name"] for one in aepx("sandboxes", "list", "--json").document] == ["prod", "dev", "stage", "empty"]
    found = aepx("--sandbox", "mistyped", "sandboxes", "list", "--json")
    assert found.code == 0
    assert {one["name"] for one in found.document} == set(platform.emulator.world.sandboxes)
    assert not list(clean_home.rglob("*mistyped*"))


def test_an_empty_sandbox_says_so(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("--sandbox", "empty", "audiences", "list")
    assert found.code == 0
    assert "Sandbox empty has no audience." in found.err


def test_progress_is_told_on_stderr_while_pages_come_in(
    aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowd(world: Any) -> None:
        room = world.sandboxes["prod"].room
        first = room.audiences[0]
        many = [replace(first, segment_id=f"s{one}", platform_id=f"s{one}", name=f"A {one}") for one in range(950)]
        object.__setattr__(room, "audiences", tuple(many))

    platform.steer(crowd)
    shown: list[str] = []
    monkeypatch.setattr("tui_app.cli.progress.ProgressLine.show", lambda _, text, **__: shown.append(text))
    assert len(aepx("audiences", "list", "--json").document) == 950
    assert [text for text in shown if "Reading audiences: 500 so far" in text]
