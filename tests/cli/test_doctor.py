"""`aepx doctor`: each point with its remedy, and an exit code that says of what kind the first fault is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_app.cli.doctor import terminal
from tui_app.emulator.faults.faults import Fault
from tui_app.emulator.faults.instead import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Result
    from tests.support.served_emulator import ServedEmulator

    Aepx = Callable[..., Result]


def test_all_is_well(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("doctor", "--json")
    assert found.code == 0
    assert found.document["ok"] is True
    points = {one["point"] for one in found.document["points"]}
    assert {"configuration", "sign-in", "clock", "sandbox prod", "terminal"} <= points
    shown = aepx("doctor").out
    assert "+ ok      sign-in" in shown
    assert "-         terminal  " in shown


def test_no_connection_is_exit_2(aepx: Aepx) -> None:
    found = aepx("doctor")
    assert found.code == 2
    assert "aepx demo" in found.out


def test_a_broken_configuration_is_exit_2_with_its_place(aepx: Aepx, clean_home: Path) -> None:
    path = clean_home / "c.toml"
    path.write_text("[connections.a\n")
    path.chmod(0o600)
    found = aepx("--config", str(path), "doctor")
    assert found.code == 2
    assert f"{path}:1" in found.out


def test_a_wrong_secret_is_exit_4_and_named(
    aepx: Aepx, platform: ServedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEPX_CLIENT_SECRET", "wrong-secret")
    found = aepx("doctor")
    assert found.code == 4
    assert "! FAILED  sign-in" in found.out
    assert "AEPX_CLIENT_SECRET" in found.out


def test_an_unreachable_platform_is_exit_3(aepx: Aepx, platform: ServedEmulator, hasty: None) -> None:
    platform.stop()
    found = aepx("doctor", "--json")
    assert found.code == 3
    assert found.document["ok"] is False


def test_a_sandbox_one_may_not_use_is_exit_4_and_names_the_others(aepx: Aepx, platform: ServedEmulator) -> None:
    found = aepx("--sandbox", "nosuch", "doctor")
    assert found.code == 4
    assert "dev, empty, prod" in found.out


def test_a_missing_permission_locks_one_point_only(aepx: Aepx, platform: ServedEmulator) -> None:
    platform.emulator.faults.add(Fault(Status(403, body={"title": "Forbidden"}), path="*/dataSets", times=1))
    found = aepx("doctor", "--json")
    assert found.code == 4
    failing = [one for one in found.document["points"] if not one["ok"]]
    assert [one["point"] for one in failing] == ["datasets in prod"]
    assert failing[0]["remedy"]


class Tty:
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_terminal_is_looked_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_app.cli.doctor.sys.stdin", Tty())
    monkeypatch.setattr("tui_app.cli.doctor.sys.stdout", Tty())
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("LINES", "10")
    points = {one.name: one for one in terminal({"TERM": "xterm-256color", "TMUX": "1"})}
    assert not points["terminal size"].is_well
    assert points["colours"].said == "256"
    assert "set-clipboard" in points["clipboard"].remedy
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "40")
    points = {one.name: one for one in terminal({"TERM": "screen", "NO_COLOR": "1"})}
    assert all(one.is_well for one in points.values())
    assert points["colours"].said.startswith("off")
