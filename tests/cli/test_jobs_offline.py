"""The command line without the platform: from history alone, with nobody asked and no secret looked for."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.terminal import environment
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator

    Aepx = Callable[..., Result]

# Whatever would leave this machine or fetch a secret ends the process, from its first import on.
GUARD = """
import sys
def guard(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "subprocess.Popen"} or (
        event == "open" and "the-secret" in str(arguments[0])
    ):
        sys.stderr.write(f"FORBIDDEN {event} {arguments}\\n")
        sys.stderr.flush()
        import os
        os._exit(99)
sys.addaudithook(guard)
from tui_app.cli.main import main
code = main(sys.argv[1:])
print("httpx" in sys.modules, "tui_app.api.client" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def of_home(home: Path) -> dict[str, str]:
    """Return what makes another process find the history that this one wrote."""
    return {name: str(home) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}


@pytest.fixture
def gone(aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch) -> ServedEmulator:
    """A platform that was read once and is not there any more, nor is a secret for it."""
    assert aepx("jobs", "list", "--all").code == 0
    assert aepx("datasets", "list").code == 0
    platform.stop()
    monkeypatch.delenv("AEPX_CLIENT_SECRET")
    return platform


@pytest.mark.parametrize(
    "command",
    [
        ("jobs", "list"),
        ("jobs", "list", "--all", "--json"),
        ("jobs", "list", "--ndjson", "--filter", "loyalty or error:* or dataset:*export*"),
        ("jobs", "list", "--csv", "--sort", "dataset"),
        ("jobs", "show", "FIRST"),
        ("jobs", "show", "FIRST", "--raw"),
    ],
)
def test_offline_makes_no_connection_and_looks_for_no_secret(
    gone: ServedEmulator, clean_home: Path, aepx: Aepx, command: tuple[str, ...]
) -> None:
    first = aepx("jobs", "list", "--offline", "--limit", "1", "--json").document[0]["id"]
    variables = gone.variables() | {"AEPX_CLIENT_SECRET": ""}
    config = clean_home / "guarded.toml"
    config.write_text(
        "[connections.acme]\n"
        f'org_id = "{variables["AEPX_ORG_ID"]}"\nclient_id = "{variables["AEPX_CLIENT_ID"]}"\n'
        f'base_url = "{gone.base_url}"\nims_url = "{gone.base_url}"\nsandbox = "prod"\n'
        'client_secret_command = ["false"]\nclient_secret_file = "the-secret"\n'
    )
    config.chmod(0o600)
    words = [first if one == "FIRST" else one for one in command]
    done = subprocess.run(
        [sys.executable, "-c", GUARD, "--config", str(config), *words, "--offline"],
        capture_output=True,
        text=True,
        env=environment(clean_home, **of_home(clean_home)),
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert first in done.stdout
    assert done.stderr.splitlines()[-1] == "False False"


def test_every_form_is_answered_from_history(gone: ServedEmulator, aepx: Aepx) -> None:
    whole = aepx("jobs", "list", "--offline", "--all", "--json").document
    assert len(whole) == 60
    lines = aepx("jobs", "list", "--offline", "--all", "--ndjson").out.splitlines()
    rows = list(csv.DictReader(io.StringIO(aepx("jobs", "list", "--offline", "--all", "--csv").out)))
    table = aepx("jobs", "list", "--offline", "--all").out.splitlines()
    ids = [job["id"] for job in whole]
    assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in rows] == ids
    assert [line.split()[2] for line in table[1:] if line[1] == " "] == [
        one for one, line in zip(ids, table[1:], strict=True) if line[1] == " "
    ]
    limited = aepx("jobs", "list", "--offline", "--limit", "5", "--json")
    assert [job["id"] for job in limited.document] == ids[:5]
    age, more = limited.err.splitlines()
    assert re.fullmatch(r"As of 20[-\dT:.]+Z, \d+s ago\.", age)
    assert more == "The 5 newest are shown; there are more. Say --limit N or --all for them."
    assert aepx("jobs", "list", "--offline", "--limit", "60", "--json").err.splitlines()[1:] == []


def test_show_offline_is_the_job_as_last_seen(gone: ServedEmulator, aepx: Aepx) -> None:
    job = aepx("jobs", "list", "--offline", "--status", "FAILED", "--limit", "1", "--json").document[0]
    assert aepx("jobs", "show", job["id"], "--offline", "--json").document == job
    assert str(aepx("jobs", "show", job["id"], "--offline", "--raw").document["id"]) == job["id"]
    assert "! FAILED" in aepx("jobs", "show", job["id"], "--offline").out
    unknown = aepx("jobs", "show", "123456789", "--offline")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == (
        "Error: Export job 123456789 is not in the local history of sandbox prod. "
        "Check the id, or leave out --offline to ask the platform.\n"
    )


@pytest.mark.parametrize("form", [(), ("--json",), ("--raw",)])
def test_a_job_that_the_platform_has_forgotten_is_shown_as_last_seen(
    aepx: Aepx, platform: ServedEmulator, form: tuple[str, ...]
) -> None:
    job = aepx("jobs", "list", "--status", "SUCCEEDED", "--limit", "1", "--json").document[0]
    platform.emulator.faults.add(Fault(Status(404, body={"title": "no"}), path="*/export/jobs/*"))
    found = aepx("jobs", "show", job["id"], *form)
    assert found.code == 1
    assert job["id"] in found.out
    assert found.err.startswith(f"Error: Export job {job['id']} could not be read: The platform answered 404")
    assert found.err.endswith("It is shown as it was last seen: the local history keeps what the platform forgets.\n")
    assert [one["id"] for one in aepx("jobs", "list", "--offline", "--filter", "gone:yes", "--json").document] == [
        job["id"]
    ]
    assert aepx("jobs", "show", job["id"], "--offline", *form).code == 0


def test_the_only_sandbox_with_a_history_needs_no_name(
    gone: ServedEmulator, aepx: Aepx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AEPX_SANDBOX", raising=False)
    assert len(aepx("jobs", "list", "--offline", "--json").document) == 60


def test_among_several_one_must_be_named(aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEPX_SANDBOX", raising=False)
    for sandbox in ("prod", "empty"):
        aepx("--sandbox", sandbox, "jobs", "list")
    found = aepx("jobs", "list", "--offline")
    assert (found.code, found.out) == (2, "")
    assert "With a history on this machine: empty, prod." in found.err
    assert "--sandbox NAME" in found.err


def test_a_sandbox_never_read_is_empty_and_begins_no_history(
    gone: ServedEmulator, aepx: Aepx, clean_home: Path
) -> None:
    before = sorted(clean_home.rglob("*.db"))
    found = aepx("--sandbox", "prdo", "jobs", "list", "--offline", "--json")
    assert (found.code, found.document) == (0, [])
    assert found.err == "The local history has no export jobs.\n"
    assert sorted(clean_home.rglob("*.db")) == before


def test_a_reader_that_has_seen_enough_ends_it_quietly(gone: ServedEmulator, clean_home: Path) -> None:
    for form in ("--ndjson", "--csv", "--json"):
        process = subprocess.Popen(
            [sys.executable, "-m", "tui_app", "jobs", "list", "--offline", "--all", form],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(clean_home, **of_home(clean_home), **gone.variables() | {"AEPX_CLIENT_SECRET": ""}),
        )
        assert process.stdout is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr is not None
        told = process.stderr.read()
        process.stderr.close()
        assert process.wait(30) == 0
        assert re.fullmatch(rb"As of [^\n]+ ago\.\n", told)
