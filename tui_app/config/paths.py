"""Owns where things are kept: the configuration file, the data directory, the log."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_app.config.settings import Settings

APP = "aepx"


def config_path(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> tuple[Path, bool]:
    """Return the path of the configuration file and whether the user named it (flag, then AEPX_CONFIG)."""
    named = flags.get("config") or environ.get("AEPX_CONFIG")
    if named:
        return Path(named).expanduser(), True
    return platformdirs.user_config_path(APP, appauthor=False) / "config.toml", False


def data_directory(settings: Settings) -> Path:
    """Return where history is kept: `data_dir`, or the platform's data directory. Nothing is created."""
    return settings.data_dir or platformdirs.user_data_path(APP, appauthor=False)


def state_directory(settings: Settings) -> Path:
    """Return where the log is kept: `data_dir`, or the platform's state directory. Nothing is created."""
    return settings.data_dir or platformdirs.user_state_path(APP, appauthor=False)


def log_path(settings: Settings) -> Path:
    """Return the path of the log file."""
    return state_directory(settings) / "aepx.log"


def privacy_fault(status: os.stat_result, path: Path) -> tuple[str, str] | None:
    """Say what lets others read the file at `path`, with the remedy; None when only its owner can.

    Where the platform has no owners and modes (Windows) nothing can be said, and nothing is.
    """
    if os.name == "nt":
        return None
    if status.st_uid != os.geteuid():
        return (
            f"belongs to user {status.st_uid}, not to you ({os.geteuid()})",
            f"Make a copy of your own with: install -m 600 {path} NEW_PATH",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        return f"can be read by others (mode {mode:04o})", f"Close it with: chmod 600 {path}"
    return None
