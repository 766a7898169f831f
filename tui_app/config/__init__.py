"""Owns the configuration: what it is made of, where each value came from, and where the secrets are."""

from tui_app.config.credentials import Secrets, command_secret, resolve_secret, secret_faults
from tui_app.config.example import example_toml, write_example
from tui_app.config.faults import ConfigError, ConfigFault, NoConnectionError
from tui_app.config.load import Entry, Loaded, choose_connection, entries, load
from tui_app.config.paths import config_path, data_directory, log_path, state_directory
from tui_app.config.settings import (
    DEFAULT_SCOPES,
    Connection,
    HistorySettings,
    LimitSettings,
    PollSettings,
    SandboxSettings,
    Settings,
    UiSettings,
    is_loopback_host,
)
from tui_app.config.sources import VARIABLES, Origin

__all__ = [
    "DEFAULT_SCOPES",
    "VARIABLES",
    "ConfigError",
    "ConfigFault",
    "Connection",
    "Entry",
    "HistorySettings",
    "LimitSettings",
    "Loaded",
    "NoConnectionError",
    "Origin",
    "PollSettings",
    "SandboxSettings",
    "Secrets",
    "Settings",
    "UiSettings",
    "choose_connection",
    "command_secret",
    "config_path",
    "data_directory",
    "entries",
    "example_toml",
    "is_loopback_host",
    "load",
    "log_path",
    "resolve_secret",
    "secret_faults",
    "state_directory",
    "write_example",
]
