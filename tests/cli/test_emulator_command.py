"""`aepx emulator` as other programs meet it, and the commands one gives in the second shell."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.emulators import running_emulator
from tests.support.terminal import environment
from tui_app.cli import emulator as command
from tui_app.emulator.app import Emulator
from tui_app.emulator.dialects import DIALECT_NAMES
from tui_app.emulator.faults.document import steering
from tui_app.emulator.faults.faults import Fault, Faults
from tui_app.emulator.faults.kinds import KINDS
from tui_app.emulator.world.lifecycle import OUTCOMES, STAGES
from tui_app.text import cell_width

JOBS = "/data/core/ups/export/jobs"

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result
    from tests.support.emulators import EmulatorProcess


@pytest.fixture
def help_text(aepx: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    return aepx("emulator", "--help").out


def test_the_help_names_every_outcome_kind_and_dialect(help_text: str) -> None:
    assert all(f"\n    {name} " in help_text for name in OUTCOMES if name != "ok")
    kinds = [f"    {kind.kind:<10}  {kind.says}" for kind in KINDS.values()]
    assert "\n".join(kinds) in help_text
    assert all(f" {name}" in help_text for name in (*Fault.keys, *STAGES))
    assert "curl" in help_text
    assert command.DIALECTS == DIALECT_NAMES


def test_what_the_help_uses_in_commands_it_has_set_before(help_text: str) -> None:
    used = set(re.findall(r"\$(\w+)", help_text))
    assert {"ACCESS_TOKEN", "CONTROL_URL", "CONTROL_TOKEN"} < used
    assert all(f"{name}=…" in help_text.partition(f"${name}")[0] for name in used)


def test_the_help_of_faults_explains_every_key_of_every_kind(aepx: Callable[..., Result], help_text: str) -> None:
    page = aepx("emulator", "--help-faults")
    assert (page.code, page.err) == (0, "")
    assert max(map(len, page.out.splitlines())) <= 80
    assert "--help-faults" in help_text
    flat = " ".join(page.out.split())
    for kind in KINDS.values():
        assert f"{kind.kind} {kind.says}" in flat
        part = page.out.partition(f"\n  {kind.kind:<12}")[2].partition("\n\n")[0]
        assert part
        for name, key in kind.keys.items():
            told = " ".join(part.partition(f"\n    {name} ")[2].split())
            assert told.startswith(key.says), (kind.kind, name)
            assert key.allowed in told
    for name, key in Fault.keys.items():
        assert f" {name} {key.says}" in flat
    assert all(f" {name} " in page.out for name in ("outcome", "stages", "dataset", "segment", "times"))
    assert " ".join(Faults.together.split()) in flat


def test_the_help_fits_a_terminal_and_its_example_is_right(help_text: str) -> None:
    assert max(map(len, help_text.splitlines())) <= 80
    example = textwrap.dedent(help_text[help_text.index("    [[fault]]") : help_text.index("  A fault needs")])
    asked = steering(tomllib.loads(example))
    assert [one.effect.kind for one in asked.faults] == ["throttle", "status"]
    assert asked.scripts[0].outcome == "fail-write"


@pytest.mark.parametrize(
    "options",
    [
        ("--host", "example.org"),
        ("--speed", "0"),
        ("--speed", "0.0005"),
        ("--speed", "1000001"),
        ("--speed", "nan"),
        ("--jobs", "-1"),
        ("--rows", "-1"),
        ("--dialect", "old"),
        ("--default-sandbox", "nowhere"),
        ("--token-life", "0"),
        ("--faults", "/nowhere/f.toml"),
    ],
)
def test_what_cannot_be_served_is_exit_2(aepx: Callable[..., Result], options: tuple[str, str]) -> None:
    refused = aepx("emulator", *options)
    assert refused.code == 2
    assert refused.out == ""
    assert options[1] in refused.err or options[0] in refused.err


SLIPS: list[tuple[bytes, str]] = [
    (
        b"[[fault]]\nkind = 'html'\n\n[[fault]]\nkind = 'status'\nstatus = 'x'\n",
        ":6: error: [[fault]] number 2, key status: ",
    ),
    (
        b"[[fault]]\nkind = 'html'\nstatsu = 404\n",
        ":3: error: [[fault]] number 1, key statsu: is not a key of html (did you mean",
    ),
    (b"[[fault]]\nkind = 'html'\n\n[[fault]]\n", ":4: error: [[fault]] number 2, key kind: is missing"),
    (b"[[job]]\nstages = { queue = 1, rite = 2 }\n", ":2: error: [[job]] number 1, key stages.rite: is not a stage"),
    (b"[fault]\nkind = 'html'\n", ":1: error: fault: must be an array of tables"),
    (b"# x\n\nfaults = []\n", ":3: error: faults: is not a known table"),
    (b"[[fault]]\nkind = \n", ":2: error: TOML syntax: Invalid value, in 'kind ='. Correct this line."),
    (b"[[fault]]\nkind = 'x\x1b[31m\n", ":2: error: TOML syntax: "),
    (b"[[job]]\n", ":1: error: [[job]] number 1: asks for nothing; give it outcome or stages"),
    (b"[[fault]]\nkind = '\xff'\n", ":2: error: is not UTF-8 text"),
    (b"\x7fELF\x00\x01", ":1: error: TOML syntax: "),
    (b"a = 1\n" + b"#" * 1_100_000, ": error: is larger than 1 MB"),
    (b"a = " + b"9" * 5_000, ": error: cannot be read: a number has thousands of digits"),
    (b"a = " + b"[" * 50_000, ": error: cannot be read: it is nested too deeply"),
    (b"[[fault]]\nkind = 'status'\nstatus = 0x" + b"f" * 9_000, ":3: error: [[fault]] number 1, key status: "),
    (b'[[fault]]\nkind = "\\u001b[31m"\n', ":2: error: [[fault]] number 1, key kind: must be one of "),
]


@pytest.mark.parametrize(("content", "said"), SLIPS)
def test_a_slip_in_a_file_of_faults_is_named_by_its_line(
    aepx: Callable[..., Result], tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(content)
    refused = aepx("emulator", "--faults", str(path))
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"Error: {path}{said}")
    assert refused.err.count("\n") == 1
    assert refused.err.strip().isprintable()


def test_every_slip_in_a_file_of_faults_has_a_line(aepx: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text("[[fault]]\nkind = 'html'\nstatsu = 1\ntimes = 0\n\n[[fault]]\nkind = 'wait'\n\n[jobs]\nx = 1\n")
    refused = aepx("emulator", "--faults", str(path))
    assert (refused.code, refused.out) == (2, "")
    lines = refused.err.removeprefix("Error: ").splitlines()
    begins = [
        ":3: error: [[fault]] number 1, key statsu: is not a key",
        ":4: error: [[fault]] number 1, key times: must be a whole number",
        ":6: error: [[fault]] number 2, key seconds: is missing",
        ":9: error: jobs: is not a known table",
    ]
    assert [line[: len(f"{path}{begin}")] for line, begin in zip(lines, begins, strict=True)] == [
        f"{path}{begin}" for begin in begins
    ]
    assert all(line.endswith("aepx emulator --help-faults explains every key.") for line in lines)


def test_a_file_that_is_nothing_but_slips_is_not_told_without_end(aepx: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text("[[fault]]\nkind = 'x'\n" * 500)
    lines = aepx("emulator", "--faults", str(path)).err.splitlines()
    assert (len(lines), lines[-1]) == (51, f"{path}: 450 more mistakes are not shown.")


@pytest.mark.parametrize("line", ["kind = " + "界" * 80, "x" * 500])
def test_the_line_of_a_syntax_error_is_cut(aepx: Callable[..., Result], tmp_path: Path, line: str) -> None:
    path = tmp_path / "f.toml"
    path.write_text(f"{line}\n", encoding="utf-8")
    told = aepx("emulator", "--faults", str(path)).err
    shown = told.partition(", in '")[2].partition("'. Correct")[0]
    assert shown.startswith(line[:20])
    assert cell_width(shown) <= 60
    assert shown.endswith("…")


def test_a_folder_is_no_file_of_faults(aepx: Callable[..., Result], tmp_path: Path) -> None:
    refused = aepx("emulator", "--faults", str(tmp_path))
    assert (refused.code, refused.out) == (2, "")
    assert "Is a directory" in refused.err


def test_the_ready_line_is_the_only_data(emulator_process: EmulatorProcess) -> None:
    keys = {"base_url", "ims_url", "org_id", "client_id", "client_secret", "access_token", "sandboxes", "limited"}
    assert set(emulator_process.ready) == keys
    assert emulator_process.ready["base_url"].startswith("http://127.0.0.1:")


FAULTS = """
[[fault]]
kind = "status"
status = 418
path = "/tea"

[[job]]
outcome = "empty"
times = 2
"""


def test_everything_can_be_asked_for_at_once_and_nothing_stays_behind(tmp_path: Path) -> None:
    rooms, file = tmp_path / "rooms", tmp_path / "f.toml"
    rooms.mkdir()
    file.write_text(FAULTS)
    options = (
        "--jobs 60 --rows 500 --dialect newest --default-sandbox dev --token-life 60 --late-dataset-check --control"
    )
    with running_emulator(tmp_path, *options.split(), "--faults", str(file), TMPDIR=str(rooms)) as running:
        ready = running.ready
        assert ready["control"]["url"] == f"{ready['base_url']}/emulator"
        with httpx.Client(headers={"Authorization": f"Bearer {ready['control']['token']}"}) as operator:
            state = operator.get(f"{ready['control']['url']}/state").json()
        assert (state["scripts"], [one["kind"] for one in state["faults"]]) == (1, ["status"])
        headers = {
            "Authorization": f"Bearer {ready['access_token']}",
            "x-api-key": ready["client_id"],
            "x-gw-ims-org-id": ready["org_id"],
        }
        with httpx.Client(base_url=ready["base_url"], headers=headers) as stranger:
            assert stranger.get("/tea").status_code == 418
            jobs = stranger.get("/data/core/ups/export/jobs", params={"status": "SUCCEEDED"}).json()["records"]
            batch = next(one["destination"]["batchId"] for one in jobs if "batchId" in one["destination"])
            listed = stranger.get(f"/data/foundation/export/batches/{batch}/files").json()["data"]
            parts = stranger.get(httpx.URL(listed[0]["_links"]["self"]["href"]).path).json()["data"]
            assert stranger.get(httpx.URL(parts[0]["_links"]["self"]["href"]).raw_path.decode()).content[:4] == b"PAR1"
        assert list(rooms.iterdir())
        begun = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(5) == 0
        assert time.monotonic() - begun < 1.0
    assert not list(rooms.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_within_a_second_when_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with running_emulator(tmp_path, "--jobs", "10") as running:
        begun = time.monotonic()
        running.process.send_signal(number)
        assert running.process.wait(5) == 0
        assert time.monotonic() - begun < 1.0
        assert running.process.stdout is not None
        assert running.process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_in_silence_while_files_are_made_for_those_who_read_on(tmp_path: Path, number: signal.Signals) -> None:
    rooms, errors = tmp_path / "rooms", tmp_path / "errors"
    rooms.mkdir()
    options = ("--jobs", "60", "--rows", "2000000", "--speed", "1000000")
    with (
        running_emulator(tmp_path, *options, errors=errors, TMPDIR=str(rooms)) as running,
        httpx.Client(base_url=running.ready["base_url"], headers=_headers(running.ready), timeout=10) as stranger,
    ):
        listing = _listing(stranger)

        def read_on() -> None:
            with contextlib.suppress(httpx.HTTPError):
                while True:
                    stranger.get(listing)
                    stranger.get(JOBS)

        readers = [threading.Thread(target=read_on) for _ in range(3)]
        for each in readers:
            each.start()
        while not list(rooms.rglob("*.tmp")):
            assert stranger.get(JOBS).status_code == 200
        running.process.send_signal(number)
        assert running.process.wait(5) == 0
        for each in readers:
            each.join(5)
    assert not list(rooms.iterdir())
    (told,) = errors.read_text().splitlines()
    assert told.startswith("Serving at ")


def _headers(ready: dict[str, Any]) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {ready['access_token']}",
        "x-api-key": ready["client_id"],
        "x-gw-ims-org-id": ready["org_id"],
        "x-sandbox-name": "prod",
    }


def _listing(stranger: httpx.Client) -> str:
    """Return the path of a listing whose parts take a while to make: of a job that exports everything of everybody."""
    schema = {"id": "https://ns.adobe.com/xdm/context/profile__union", "contentType": "application/json"}
    made = stranger.post("/data/foundation/catalog/dataSets", json={"name": "X", "schemaRef": schema})
    dataset = made.json()[0].rpartition("/")[2]
    body = {"destination": {"datasetId": dataset}, "schema": {"name": "_xdm.context.profile"}, "filter": {}}
    job = stranger.post(JOBS, json=body).json()["id"]
    while (found := stranger.get(f"{JOBS}/{job}").json())["status"] != "SUCCEEDED":
        assert found["status"] in {"NEW", "PROCESSING"}
    files = stranger.get(f"/data/foundation/export/batches/{found['destination']['batchId']}/files").json()["data"]
    return httpx.URL(files[0]["_links"]["self"]["href"]).path


def test_a_port_that_is_taken_is_exit_2_and_named(tmp_path: Path, aepx: Callable[..., Result]) -> None:
    with running_emulator(tmp_path, "--jobs", "10") as running:
        port = running.ready["base_url"].rpartition(":")[2]
        refused = aepx("emulator", "--port", port)
    assert refused.code == 2
    assert port in refused.err
    assert "Errno" not in refused.err


def test_the_demo_closes_its_platform(aepx: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Emulator] = []
    close = Emulator.close

    def noticed(emulator: Emulator) -> None:
        closed.append(emulator)
        close(emulator)

    monkeypatch.setattr(Emulator, "close", noticed)
    assert aepx("--demo", "jobs", "list", "--limit", "1").code == 0
    assert len(closed) == 1


def test_the_second_shell(emulator_process: EmulatorProcess, tmp_path: Path) -> None:
    shell = environment(tmp_path, **emulator_process.variables())

    def aepx(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tui_app", *arguments],
            capture_output=True,
            text=True,
            env=shell,
            check=False,
            timeout=30,
        )
        return done.returncode, done.stdout, done.stderr

    def document(*arguments: str) -> Any:
        return json.loads(aepx(*arguments)[1])

    dataset = document("datasets", "create", "--name", "X", "--json")["dataset_id"]
    code, out, _ = aepx("jobs", "create", "--dataset", dataset, "--segment", "seg-1", "--wait", "--json")
    assert (code, json.loads(out)["status"]) == (0, "SUCCEEDED")
    failing = document("jobs", "create", "--dataset", dataset, "--segment", "weekly-fail-write", "--json")["id"]
    code, out, err = aepx("jobs", "watch", failing)
    assert code == 1
    assert "FAILED" in out
    assert failing in err
    failed = document("jobs", "list", "--status", "FAILED", "--json")
    assert failing in [job["id"] for job in failed]
    assert {job["status"] for job in failed} == {"FAILED"}
    code, out, err = aepx("--read-only", "jobs", "cancel", failing, "--yes")
    assert (code, out) == (4, "")
    assert "read-only" in err
