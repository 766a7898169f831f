"""The log: private, bounded, silent, and free of secrets and control characters."""

from __future__ import annotations

import logging
import stat
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app import logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "canary/secret+9f2c=="
logger = logging.getLogger("tui_app.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root, ours = logging.getLogger().level, logging.getLogger("tui_app").level
    yield
    logs.close()
    logging.getLogger().setLevel(root)
    logging.getLogger("tui_app").setLevel(ours)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "aepx.log"
    assert logs.configure(path, "debug")
    return path


def test_the_log_is_private_and_so_is_its_directory(log: Path) -> None:
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    assert logs.current_path() == log


def test_a_log_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "aepx.log"
    path.write_text("old\n")
    path.chmod(0o644)
    logs.configure(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "old\n"


def test_nothing_goes_to_the_terminal(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logger.error("one")
    logging.getLogger("other").error("two")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("three", stacklevel=1)
    assert capfd.readouterr() == ("", "")
    assert [line.split(": ", 1)[1] for line in log.read_text().splitlines()[:2]] == ["one", "two"]
    assert "three" in log.read_text()


def test_levels_count_for_ours_and_warnings_for_others(log: Path) -> None:
    logger.debug("ours")
    logging.getLogger("httpcore").debug("headers")
    logging.getLogger("httpcore").info("headers")
    assert log.read_text().count("\n") == 1
    logs.configure(log, "WARNING")
    logger.info("quiet")
    assert "quiet" not in log.read_text()


def test_times_are_utc_with_milliseconds() -> None:
    record = logging.makeLogRecord({"name": "n", "msg": "m", "levelname": "INFO", "created": 0.25, "msecs": 250})
    assert logs.RedactingFormatter().format(record) == "1970-01-01T00:00:00.250Z INFO n: m"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"(b'Authorization', b'Bearer {CANARY}')",
        f"authorization=bearer%20{CANARY}",
        f"client_secret={CANARY}&grant_type=client_credentials",
        f'{{"client_secret": "{CANARY}", "x": 1}}',
        f'{{\\"access_token\\": \\"{CANARY}\\"}}',
        f"{{'refresh_token': '{CANARY}'}}",
        f"https://user:{CANARY.replace('/', '')}@host/path",
    ],
)
def test_shapes_of_secrets_are_masked_without_being_registered(text: str) -> None:
    assert "9f2c" not in logs.redact(text)
    assert "***" in logs.redact(text)


def test_a_web_token_is_masked_wherever_it_stands() -> None:
    assert logs.redact("got eyJhbGciOiJSUzI1NiJ9.eyJpZCI6IjEifQ.c2lnbmF0dXJl today") == "got *** today"


def test_ordinary_text_is_kept() -> None:
    text = "POST /data/core/ups/export/jobs 200 in 0.4 s; at 12:30, token refreshed, expires_in 86399"
    assert logs.redact(text) == text


def test_registered_secrets_are_masked_in_messages_arguments_and_tracebacks(log: Path) -> None:
    logs.register_secret(CANARY)
    logger.info("plain %s", CANARY)
    logger.info("encoded %s", "canary%2Fsecret%2B9f2c%3D%3D")
    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.exception("failed")
    text = log.read_text()
    assert "9f2c" not in text
    assert text.count("***") == 3
    assert "ValueError: ***" in text


def test_short_values_are_not_registered() -> None:
    logs.register_secret("")
    logs.register_secret("abc")
    assert logs.redact("abc") == "abc"


@given(st.text(max_size=60))
def test_a_line_of_remote_text_can_neither_steer_a_terminal_nor_forge_an_entry(text: str) -> None:
    record = logging.makeLogRecord({"name": "n", "msg": "%s", "args": (text,), "levelname": "INFO"})
    first, *rest = logs.RedactingFormatter().format(record).split("\n")
    assert all(line.startswith("  | ") for line in rest)
    assert all(character.isprintable() or character == " " for character in _ascii(first, rest))


def _ascii(first: str, rest: list[str]) -> str:
    return "".join(character for character in first + "".join(rest) if ord(character) < 0xA0)


def test_controls_are_shown_escaped(log: Path) -> None:
    logger.info("a\x1b]0;x\x07\tb\rc\u202ed\ud800\n2026 forged")
    assert log.read_text().split(": ", 1)[1] == "a\\x1b]0;x\\x07    b\\x0dc\\u202ed\\ud800\n  | 2026 forged\n"


def test_the_log_rotates_and_stays_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MAX_BYTES", 1000)
    path = tmp_path / "aepx.log"
    logs.configure(path)
    for number in range(100):
        logger.warning("entry %d %s", number, "x" * 50)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["aepx.log", "aepx.log.1", "aepx.log.2", "aepx.log.3"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert "entry 99" in path.read_text()


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert not logs.configure(tmp_path / "file" / "aepx.log")
    assert logs.current_path() is None
    logger.error("lost")
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_stops_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    handler = logs.PrivateFileHandler("/dev/full")
    handler.emit(logging.makeLogRecord({"msg": "lost"}))
    handler.close()
    assert capfd.readouterr() == ("", "")


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "aepx.log").symlink_to(target)
    assert not logs.configure(tmp_path / "aepx.log")
    assert target.read_text() == "kept"
