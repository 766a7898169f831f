"""`aepx config`, the global options, and what becomes of errors: exit codes and words."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import click
import pytest

from tui_app import logs
from tui_app.cli import main as cli
from tui_app.cli.main import Globals, exit_code, global_options, open_configuration
from tui_app.cli.output import Exit, Output
from tui_app.config import ConfigError, choose_connection
from tui_app.models.failure import Failure, FailureError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CANARY = "canary-p8e-9f2c"
ACME = '[connections.acme]\norg_id = "o"\nclient_id = "c"\nsandbox = "prod"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for variable in [name for name in os.environ if name.startswith(("AEPX_", "_AEPX_"))]:
        monkeypatch.delenv(variable)
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    yield tmp_path / "aepx"
    logs.close()


def configured(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    path = home / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def command(body: Callable[[Globals], int | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put `aepx doctor run` in the place of a real command."""

    @click.group()
    @global_options
    def doctor() -> None: ...

    @doctor.command("run")
    @global_options
    @click.pass_obj
    def run(options: Globals) -> int | None:
        return body(options)

    module = ModuleType("probe")
    module.doctor = doctor  # type: ignore[attr-defined]  # a module made for the test
    monkeypatch.setitem(sys.modules, "tui_app.cli.doctor", module)


# config


def test_path_is_printed_whether_it_exists_or_not(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "path"]) == 0
    assert cli.main(["config", "path", "--config", "/tmp/other.toml"]) == 0
    assert capsys.readouterr().out == f"{home / 'config.toml'}\n/tmp/other.toml\n"


def test_init_check_and_init_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "config.toml"
    assert cli.main(["config", "init"]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cli.main(["config", "check"]) == 0
    assert "no connection" in capsys.readouterr().err
    before = path.read_bytes()
    assert cli.main(["config", "init"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_show_names_every_origin_and_no_secret(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configured(home, ACME + f'client_secret = "{CANARY}"\n')
    monkeypatch.setenv("AEPX_ACCESS_TOKEN", CANARY)
    monkeypatch.setenv("AEPX_LOG_LEVEL", "debug")
    assert cli.main(["config", "show", "--sandbox", "dev", "--json"]) == 0
    text = capsys.readouterr().out
    values = json.loads(text)["values"]
    assert values["limits.burst"] == {"value": 6, "origin": "default", "detail": None}
    assert values["connections.acme.org_id"] == {"value": "o", "origin": "file", "detail": f"{path}:2"}
    assert values["log_level"] == {"value": "DEBUG", "origin": "environment", "detail": "AEPX_LOG_LEVEL"}
    assert values["connections.acme.sandbox"] == {"value": "dev", "origin": "flag", "detail": "--sandbox"}
    assert values["connections.acme.client_secret"]["value"] == "***"
    assert values["connections.acme.access_token"]["value"] == "***"
    assert cli.main(["config", "show"]) == 0
    table = capsys.readouterr().out
    assert CANARY not in text + table
    assert f"file {path}:2" in table


def test_check_reports_every_fault_and_exits_2(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = configured(home, ACME + "polcy = 1\n[poll]\nlist_seconds = 0\n")
    assert cli.main(["config", "check"]) == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith(f"{path}:5: warning: connections.acme.polcy ")
    assert lines[1].startswith(f"{path}:7: error: poll.list_seconds ")
    assert "has no usable secret: no source is given. Set AEPX_CLIENT_SECRET" in lines[2]
    assert err == "2 errors, 1 warning.\n"
    assert cli.main(["config", "check", "--json"]) == 2
    assert [fault["line"] for fault in json.loads(capsys.readouterr().out)] == [5, 7, None]


def test_check_judges_the_keys_with_their_lines(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = '"job.cancel" = "n"\n"job.cancle" = "X"\n"job.clone" = "ctrl-b"\n"job.new" = "a"\n'
    path = configured(home, f"{ACME}[keys]\n{keys}")
    # With job.new on another key nothing stands in the way of job.cancel.
    assert cli.main(["config", "check"]) == 2
    said = capsys.readouterr().out
    assert f'{path}:7: error: keys."job.cancle" is no command. Did you mean job.cancel?' in said
    assert f'{path}:8: warning: keys."job.clone" (Clone) has only ctrl-b, which tmux takes as its prefix. Add' in said
    assert "job.new" not in said
    path.write_text(f'{ACME}[keys]\n"job.cancel" = "n"\n')
    assert cli.main(["config", "check"]) == 2
    said = capsys.readouterr().out
    assert f'{path}:6: error: keys."job.cancel" (Cancel job) cannot be n: in the job list and the job detail' in said
    assert "that is job.new (New job). Choose another key, or give job.new another one too." in said


def test_check_needs_no_terminal_framework(home: Path) -> None:
    configured(home, f'{ACME}[keys]\n"job.cancel" = "X"\n')
    code = (
        "import sys; from tui_app.cli.main import main; main(['config', 'check']); "
        "print(*[name for name in ('textual', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_an_unknown_table_has_its_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = configured(home, ACME + "\n[conections.beta]\norg_id = 'o'\n")
    assert cli.main(["config", "check"]) == 2
    assert f"{path}:6: warning: conections is not a known key" in capsys.readouterr().out
    assert cli.main(["config", "show"]) == 0
    assert capsys.readouterr().err == "1 warning. See: aepx config check\n"


def test_check_is_content_with_a_whole_connection(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(home, ACME)
    monkeypatch.setenv("AEPX_CLIENT_SECRET", CANARY)
    assert cli.main(["config", "check"]) == 0
    assert capsys.readouterr() == ("", "No faults. Connection in force: acme.\n")


# Global options


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sandbox", "dev", "--read-only", "doctor", "run"],
        ["doctor", "--sandbox", "dev", "--read-only", "run"],
        ["doctor", "run", "--sandbox", "dev", "--read-only"],
        ["--sandbox", "qa", "--read-only", "doctor", "run", "--sandbox", "dev"],
    ],
)
def test_global_options_count_wherever_they_stand(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Globals] = []
    command(seen.append, monkeypatch)
    assert cli.main(arguments) == 0
    assert seen == [Globals(sandbox="dev", read_only=True)]


def test_the_app_starts_without_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Globals] = []
    module = ModuleType("app")
    module.run = lambda options: seen.append(options) or 3  # type: ignore[attr-defined, func-returns-value]  # a probe
    monkeypatch.setitem(sys.modules, "tui_app.cli.app", module)
    assert cli.main(["--connection", "acme"]) == 3
    assert seen == [Globals(connection="acme")]


def test_a_command_returns_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    command(lambda _: Exit.UNSUCCESSFUL, monkeypatch)
    assert cli.main(["doctor", "run"]) == 1


def test_a_configuration_is_opened_with_its_log_and_its_warnings(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(home, ACME + "[ui]\ntheem = 'x'\n")
    loaded = open_configuration(Globals(sandbox="dev", read_only=True))
    assert choose_connection(loaded).sandbox == "dev"
    assert loaded.settings.read_only
    assert logs.current_path() == home / "aepx.log"
    assert "Did you mean theme?" in capsys.readouterr().err


def test_a_fault_that_stops_nothing_is_told_as_a_warning(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(home, ACME)
    monkeypatch.setenv("AEPX_LOG_LEVEL", "bogus")
    open_configuration(Globals())
    assert capsys.readouterr().err == (
        "environment: warning: AEPX_LOG_LEVEL is not a log level. Use one of DEBUG, INFO, WARNING, ERROR.\n"
    )


def test_secrets_known_at_the_start_are_kept_out_of_the_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(home, ACME + 'client_secret_env = "ACME_SECRET"\nclient_secret = "inline-9f2c"\n')
    monkeypatch.setenv("ACME_SECRET", CANARY + "\n")
    open_configuration(Globals())
    assert logs.redact(f"{CANARY} inline-9f2c") == "*** ***"


# Errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["job"], "Did you mean 'jobs'?"),
        (["config", "show", "--sandbx"], "--sandbox"),
        (["--log-level", "loud"], "'loud' is not one of"),
        (["config", "path", "extra\x1b[2J"], "unexpected extra argument"),
    ],
)
def test_usage_errors_exit_2_and_say_what_would_do(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FailureKind.NETWORK, 3),
        (FailureKind.THROTTLED, 3),
        (FailureKind.SERVICE, 3),
        (FailureKind.BAD_ANSWER, 3),
        (FailureKind.AUTH, 4),
        (FailureKind.PERMISSION, 4),
        (FailureKind.REFUSED, 4),
        (FailureKind.NOT_FOUND, 1),
        (FailureKind.BAD_REQUEST, 2),
        (FailureKind.CONFIG, 2),
        (FailureKind.LOCAL, 2),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(
    kind: FailureKind, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = Failure(kind, "Jobs were not listed", "It said \x1b[2J.", "Press r.", request_id="req-1")

    def fail(_: Globals) -> int:
        raise ExceptionGroup("tasks", [FailureError(failure)])

    command(fail, monkeypatch)
    assert cli.main(["doctor", "run"]) == code == exit_code(failure)
    _, err = capsys.readouterr()
    assert err == "Error: Jobs were not listed: It said \\x1b[2J. Press r.\nRequest id: req-1\n"


def raising(error: BaseException) -> Callable[[Globals], int]:
    def body(_: Globals) -> int:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (click.Abort(), 130, "Interrupted.\n"),
        (ConfigError("Set it."), 2, "Error: Set it.\n"),
        (click.exceptions.Exit(4), 4, ""),
    ],
)
def test_other_ends_have_theirs(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(error), monkeypatch)
    assert cli.main(["doctor", "run"]) == code
    assert capsys.readouterr() == ("", words)


def test_a_defect_is_one_line_and_a_redacted_traceback_in_the_log(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AEPX_CLIENT_SECRET", CANARY)

    def fail(options: Globals) -> int:
        open_configuration(options)
        raise ZeroDivisionError(CANARY)

    command(fail, monkeypatch)
    assert cli.main(["--demo", "doctor", "run"]) == 70
    _, err = capsys.readouterr()
    assert err.splitlines()[-1].startswith(f"Error: a defect in aepx (ZeroDivisionError). The details are in {home}")
    log = (home / "aepx.log").read_text()
    assert "ZeroDivisionError: ***" in log
    assert CANARY not in log + err


# The installed command


def run(*arguments: str, script: str = "") -> subprocess.CompletedProcess[str]:
    words = ["sh", "-c", script] if script else [sys.executable, "-m", "tui_app", *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"]])
def test_version_and_help_import_nothing_slow(arguments: list[str]) -> None:
    script = (
        "import sys; from tui_app.cli.main import main; code = main(sys.argv[1:]); "
        "print(code, sorted({name.split('.')[0] for name in sys.modules} "
        "& {'pydantic', 'textual', 'rich', 'httpx', 'sqlite3', 'starlette', 'asyncio', 'platformdirs'}))"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    assert "aepx" in done.stdout


def test_help_lists_every_command_and_the_exit_codes() -> None:
    text = run("-h").stdout
    assert all(f"  {name} " in text for name in cli.COMMANDS)
    assert "130 interrupted" in text


EVERY_COMMAND = [
    "", "jobs", "jobs list", "jobs show", "jobs create", "jobs clone", "jobs cancel", "jobs watch",
    "datasets", "datasets list", "datasets show", "datasets create", "sandboxes", "sandboxes list",
    "config", "config path", "config show", "config check", "config init", "doctor", "demo", "emulator",
]  # fmt: skip


@pytest.mark.parametrize("words", EVERY_COMMAND)
def test_help_tells_of_the_global_options_last_and_cuts_no_summary(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*words.split(), "--help"]) == 0
    own, _, common = capsys.readouterr().out.partition("\nGlobal options:\n")
    assert "--read-only" in common
    assert "--read-only" not in own
    assert "--help" in own
    assert "..." not in own.partition("Commands:")[2]


def test_completion_knows_the_commands() -> None:
    script = f'COMP_WORDS="aepx da" COMP_CWORD=1 _AEPX_COMPLETE=bash_complete {sys.executable} -m tui_app'
    assert run(script=script).stdout == "plain,datasets\n"


@pytest.mark.parametrize("command_line", ["config show", "--help", "config check --json"])
def test_a_closed_pipe_ends_quietly(command_line: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "tui_app", *command_line.split()]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    os.close(writer)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_full_disk_and_a_missing_stdout_are_not_tracebacks() -> None:
    full = run(script=f"{sys.executable} -m tui_app config show > /dev/full; echo $?")
    assert full.stderr == "Error: Standard output cannot be written: No space left on device.\n"
    assert full.stdout == "2\n"
    assert run(script=f"{sys.executable} -m tui_app config show >&-").stderr == ""


def test_text_outside_the_encoding_comes_out_escaped(home: Path) -> None:
    configured(home, ACME + "[ui]\ntheme = '日本'\n")
    done = run(script=f"PYTHONIOENCODING=ascii {sys.executable} -m tui_app config show")
    assert "\\u65e5\\u672c" in done.stdout
    assert done.returncode == 0


def test_output_is_found_at_the_time_of_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    Output().line("x")
    assert capsys.readouterr().out == "x\n"
