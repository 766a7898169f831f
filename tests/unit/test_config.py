"""Configuration: sources and their order, faults with their lines, secrets and their sources."""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tui_app.config import (
    VARIABLES,
    ConfigError,
    Connection,
    Loaded,
    NoConnectionError,
    Settings,
    choose_connection,
    command_secret,
    data_directory,
    entries,
    example_toml,
    load,
    log_path,
    resolve_secret,
    secret_faults,
    write_example,
)
from tui_app.config.lines import UnreadableError, dotted, key_lines, line_of, read_document

CANARY = "canary-p8e-9f2c"
ORG = "0123456789ABCDEF01234567@AdobeOrg"

ACME = f"""\
[connections.acme]
org_id = "{ORG}"
client_id = "acme-id"
sandbox = "prod"
"""
BETA = ACME.replace("acme", "beta")


@pytest.fixture(autouse=True)
def no_configuration_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))


def loaded_from(tmp_path: Path, text: str, environ: dict[str, str] | None = None, **flags: str) -> Loaded:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return load({"config": str(path), **flags}, environ or {})


def value_of(loaded: Loaded, key: str) -> tuple[Any, str]:
    entry = next(entry for entry in entries(loaded) if entry.key == key)
    return entry.value, entry.origin.kind


@dataclass(frozen=True)
class Case:
    """One combination of sources and the value and origin that come of it."""

    name: str
    key: str
    expected: tuple[Any, str]
    file: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)


SANDBOX = "connections.acme.sandbox"
CASES = (
    Case("default", "poll.list_seconds", (15.0, "default")),
    Case("default", "history.keep_days", (0, "default")),
    Case("file over default", "history.keep_mib", (500, "file"), "[history]\nkeep_mib = 500\n"),
    Case("file over default", "poll.list_seconds", (20.0, "file"), "[poll]\nlist_seconds = 20\n"),
    Case("file", SANDBOX, ("prod", "file"), ACME),
    Case("environment over file", SANDBOX, ("dev", "environment"), ACME, {"AEPX_SANDBOX": "dev"}),
    Case("flag over file", SANDBOX, ("qa", "flag"), ACME, {}, {"sandbox": "qa"}),
    Case("flag over all", SANDBOX, ("qa", "flag"), ACME, {"AEPX_SANDBOX": "dev"}, {"sandbox": "qa"}),
    Case("empty variable is none", SANDBOX, ("prod", "file"), ACME, {"AEPX_SANDBOX": ""}),
    Case("log level default", "log_level", ("INFO", "default")),
    Case("log level file", "log_level", ("WARNING", "file"), 'log_level = "warning"'),
    Case("log level environment", "log_level", ("ERROR", "environment"), "", {"AEPX_LOG_LEVEL": "error"}),
    Case(
        "log level flag",
        "log_level",
        ("DEBUG", "flag"),
        'log_level = "warning"',
        {"AEPX_LOG_LEVEL": "error"},
        {"log_level": "debug"},
    ),
    Case("read-only file", "read_only", (True, "file"), "read_only = true"),
    Case("read-only environment", "read_only", (True, "environment"), "", {"AEPX_READ_ONLY": "1"}),
    Case("read-only flag", "read_only", (True, "flag"), "read_only = false", {}, {"read_only": "true"}),
    Case(
        "a bad variable uncovers the file",
        "read_only",
        (True, "file"),
        "read_only = true",
        {"AEPX_READ_ONLY": "maybe"},
    ),
    Case("the only connection", "default_connection", ("acme", "default"), ACME.replace("prod", "dev"), {}, {}),
    Case("default connection", "default_connection", ("beta", "file"), 'default_connection="beta"\n' + BETA),
    Case(
        "connection variable",
        "default_connection",
        ("acme", "environment"),
        'default_connection="beta"\n' + ACME + BETA,
        {"AEPX_CONNECTION": "acme"},
    ),
    Case(
        "connection flag",
        "default_connection",
        ("beta", "flag"),
        ACME + BETA,
        {"AEPX_CONNECTION": "acme"},
        {"connection": "beta"},
    ),
    Case("scopes as a list", "connections.acme.scopes", ("a,b", "file"), ACME + 'scopes = ["a", "b"]'),
    Case("key map", 'keys."job.cancel"', ("X", "file"), '[keys]\n"job.cancel" = "X"'),
    Case(
        "policy",
        "connections.acme.sandboxes.prod.policy",
        ("read-only", "file"),
        ACME + '[connections.acme.sandboxes.prod]\npolicy = "read-only"',
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_source_overrides_those_below_it_and_is_named(case: Case, tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, case.file, case.environ, **case.flags)
    assert value_of(loaded, case.key) == case.expected


def test_the_environment_alone_makes_a_connection() -> None:
    environ = {
        "AEPX_ORG_ID": ORG,
        "AEPX_CLIENT_ID": "id",
        "AEPX_CLIENT_SECRET": CANARY,
        "AEPX_BASE_URL": "http://127.0.0.1:8787/",
        "AEPX_IMS_URL": "http://localhost:8787",
        "AEPX_SCOPES": "openid",
        "AEPX_SANDBOX": "prod",
        "AEPX_CONFIG": "",
        "HOME": "/nonexistent",
    }
    loaded = load({}, environ)
    connection = choose_connection(loaded)
    assert not loaded.faults
    assert (connection.name, connection.org_id, connection.sandbox) == ("environment", ORG, "prod")
    assert connection.base_url == "http://127.0.0.1:8787"
    assert connection.is_loopback
    assert value_of(loaded, "connections.environment.client_secret") == ("***", "environment")
    assert CANARY not in repr(loaded)


def test_a_file_names_the_line_of_each_value(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, "# x\n\n" + ACME)
    assert loaded.origins["connections.acme.client_id"].detail == f"{tmp_path / 'config.toml'}:5"


def test_environment_secrets_belong_to_the_connection_in_force_only(tmp_path: Path) -> None:
    environ = {"AEPX_CLIENT_SECRET": CANARY, "AEPX_CONNECTION": "acme"}
    loaded = loaded_from(tmp_path, ACME + BETA, environ)
    secrets = resolve_secret(choose_connection(loaded), environ)
    assert secrets.client_secret is not None
    assert secrets.client_secret.get_secret_value() == CANARY
    with pytest.raises(ConfigError, match=r"Connection beta has no secret.*Add client_secret_env"):
        resolve_secret(choose_connection(loaded, "beta"), environ)


def test_the_environment_connection_can_be_asked_for_beside_a_file(tmp_path: Path) -> None:
    environ = {"AEPX_ORG_ID": ORG, "AEPX_CLIENT_ID": "id"}
    assert (
        choose_connection(loaded_from(tmp_path, ACME + BETA, {**environ, "AEPX_CONNECTION": "environment"})).client_id
        == "id"
    )
    assert choose_connection(loaded_from(tmp_path, ACME + BETA, environ)).name == "environment"
    assert choose_connection(loaded_from(tmp_path, ACME, environ)).name == "acme"


def test_without_any_connection_the_next_step_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoConnectionError, match="aepx demo"):
        choose_connection(loaded_from(tmp_path, ""))


def test_several_connections_and_no_choice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"acme, beta.*--connection"):
        choose_connection(loaded_from(tmp_path, ACME + BETA))


def test_an_unknown_connection_is_named_with_the_known_ones(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, ACME, connection="acmee")
    with pytest.raises(ConfigError, match="Did you mean acme"):
        choose_connection(loaded)
    assert choose_connection(loaded, "acme").name == "acme"
    with pytest.raises(ConfigError, match=r"no connection 'x'\. Configured: acme"):
        choose_connection(loaded_from(tmp_path, ACME), "x")


POLICY = "[connections.acme.sandboxes.p]\n"
COMMAND = "connections.acme.client_secret_command"
FAULTS = (
    # text, line, key, part of the cause, part of the remedy, severity
    ("a = \n", 1, "", "TOML syntax", "Correct this line", "error"),
    ("[poll]\nlist_seconds = 3\n[poll]\n", 3, "", "TOML syntax", "", "error"),
    ("x = [1,\n2\n", 2, "", "TOML syntax", "", "error"),
    ("[poll]\nlist_second = 3\n", 2, "poll.list_second", "not a known key", "mean list_seconds?", "warning"),
    ("\nreadonly = true\n", 2, "readonly", "not a known key", "Did you mean read_only?", "warning"),
    ("[foo]\nx = 1\n", 1, "foo", "not a known key", "Keys of the top level", "warning"),
    ("[poll]\n\nlist_seconds = 0\n", 3, "poll.list_seconds", "greater than or equal to 1", "", "error"),
    ("[limits]\nburst = 'many'\n", 2, "limits.burst", "'many'", "remove it", "error"),
    ("[history]\nkeep_days = -1\n", 2, "history.keep_days", "number of days", "0 to keep everything", "error"),
    ("[history]\nkeep_days = true\n", 2, "history.keep_days", "number of days", "1 to 36,500", "error"),
    ("[history]\nkeep_days = 36501\n", 2, "history.keep_days", "number of days", "1 to 36,500", "error"),
    ("[history]\nkeep_mib = 7.5\n", 2, "history.keep_mib", "number of MiB", "0 to keep everything", "error"),
    ("[history]\nkeep_mib = nan\n", 2, "history.keep_mib", "number of MiB", "1 to 1,048,576", "error"),
    ("[history]\nkeep_mib = '9'\n", 2, "history.keep_mib", "number of MiB", "1 to 1,048,576", "error"),
    ("[history]\nkeep_mb = 9\n", 2, "history.keep_mb", "not a known key", "mean keep_mib?", "warning"),
    ("history = 9\n", 1, "history", "9: should be", "", "error"),
    ("log_level = 'loud'\n", 1, "log_level", "not a log level", "DEBUG, INFO", "error"),
    ("connections = 5\n", 1, "connections", "valid dictionary", "", "error"),
    ("default_connection = 'x'\n", 1, "default_connection", "does not exist: 'x'", "config init", "error"),
    ("[connections.a]\nclient_id = 'x'\n", 1, "connections.a.org_id", "is missing", "Add org_id", "error"),
    ("keys = { 'job.cancel' = 3 }\n", 1, 'keys."job.cancel"', "valid string", "", "error"),
    ("[connections]\na = 5\n", 2, "connections.a", "5: should be", "", "error"),
    ("[connections]\na = 5\nb = 6\n", 2, "connections.a", "5: should be", "", "error"),
    (ACME + "base_url = 'http://10.0.0.1'\n", 5, "connections.acme.base_url", "unencrypted", "https", "error"),
    (ACME + "base_url = 'ftp://x'\n", 5, "connections.acme.base_url", "not an https:// URL", "", "error"),
    (ACME + "base_url = 'https://h/p'\n", 5, "connections.acme.base_url", "after the host", "", "error"),
    (ACME + "base_url = 'https://h:99999'\n", 5, "connections.acme.base_url", "not a URL", "", "error"),
    (ACME + "ims_url = 'https://u:p@h'\n", 5, "connections.acme.ims_url", "password", "", "error"),
    (ACME + "ca_bundle = 'no.pem'\n", 5, "connections.acme.ca_bundle", "not there", "", "error"),
    (ACME + "client_secret_command = 'pass x'\n", 5, COMMAND, "one string", "", "error"),
    (ACME + "client_secret_command = [\n1]\n", 5, COMMAND, "not a list", "", "error"),
    (ACME + POLICY + "policy = 'readonly'\n", 6, "connections.acme.sandboxes.p.policy", "'readonly'", "", "error"),
    (ACME + "sandboxes = {p={polcy='x'}}\n", 5, "connections.acme.sandboxes.p.polcy", "not a kn", "policy", "warning"),
    ('text = """\n[poll]\n"""\n[ui]\ntheme = 1\n', 5, "ui.theme", "valid string", "", "error"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "cause", "remedy", "severity"), FAULTS)
def test_a_fault_has_its_line_key_cause_and_remedy(
    tmp_path: Path, *, text: str, line: int, key: str, cause: str, remedy: str, severity: str
) -> None:
    loaded = loaded_from(tmp_path, text)
    fault = next(fault for fault in loaded.faults if (fault.line, fault.key) == (line, key))
    assert cause in fault.cause
    assert remedy in fault.remedy
    assert fault.severity == severity
    assert str(fault).startswith(f"{tmp_path / 'config.toml'}:{line}: {severity}: ")


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    text = "red_only = 1\n[poll]\nlist_seconds = 0\nrunning_seconds = 'x'\n[ui]\ntime_style = 'old'\n"
    loaded = loaded_from(tmp_path, text)
    assert [fault.line for fault in loaded.faults] == [1, 3, 4, 6]
    assert loaded.settings == Settings()


def test_faults_elsewhere_do_not_stop_a_connection(tmp_path: Path) -> None:
    text = ACME + "[connections.beta]\nbase_url = 'http://far'\n[poll]\nlist_seconds = 0\n"
    assert choose_connection(loaded_from(tmp_path, text), "acme").name == "acme"
    with pytest.raises(ConfigError, match=r"connections\.beta\.base_url would send"):
        choose_connection(loaded_from(tmp_path, text), "beta")


def test_a_misread_protection_stops_every_connection(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="AEPX_READ_ONLY"):
        choose_connection(loaded_from(tmp_path, ACME, {"AEPX_READ_ONLY": "maybe"}))
    policy = ACME + "[connections.acme.sandboxes.prod]\npolicy = 'readonly'\n"
    with pytest.raises(ConfigError, match=r"sandboxes\.prod\.policy"):
        choose_connection(loaded_from(tmp_path, policy))


def test_faults_of_the_environment_name_the_variable() -> None:
    environ = {"AEPX_BASE_URL": "http://example.com", "AEPX_ORG_ID": "a b", "AEPX_CLIENTSECRET": "x"}
    faults = {fault.key: fault for fault in load({}, {"AEPX_CONFIG": "", **environ}).faults}
    assert faults["AEPX_BASE_URL"].where == "environment"
    assert "space" in faults["AEPX_ORG_ID"].cause
    assert faults["AEPX_CLIENT_ID"].cause == "is missing"
    assert faults["AEPX_CLIENTSECRET"].remedy == "Did you mean AEPX_CLIENT_SECRET?"


@pytest.mark.parametrize(
    ("prepare", "cause"),
    [
        (lambda _: None, "does not exist"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b"x = 1\n\xff"), "not UTF-8"),
        (lambda path: path.write_bytes(b"#" * 1_100_000), "larger than 1 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault_and_stops(tmp_path: Path, prepare: Any, cause: str) -> None:
    path = tmp_path / "named.toml"
    prepare(path)
    loaded = load({}, {"AEPX_CONFIG": str(path), "AEPX_ORG_ID": ORG, "AEPX_CLIENT_ID": "x"})
    assert cause in loaded.faults[0].cause
    with pytest.raises(ConfigError, match=cause):
        choose_connection(loaded)


def test_windows_line_ends_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbf" + ACME.replace("\n", "\r\n").encode())
    loaded = load({"config": str(path)}, {})
    assert not loaded.faults
    assert loaded.settings.connections["acme"].sandbox == "prod"


def test_a_hostile_name_is_refused_and_shown_escaped(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, '[connections."a\\u001b[2J"]\norg_id = "x"\n')
    assert "not a usable name" in loaded.faults[0].cause
    assert "\x1b" not in str(loaded.faults[0])
    assert not loaded.settings.connections


def test_paths_in_the_file_start_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    loaded = loaded_from(tmp_path, 'data_dir = "data"\n' + ACME + 'ca_bundle = "ca.pem"\n')
    assert not loaded.faults
    assert data_directory(loaded.settings) == tmp_path / "data"
    assert log_path(loaded.settings) == tmp_path / "data" / "aepx.log"
    assert loaded.settings.connections["acme"].ca_bundle == tmp_path / "ca.pem"


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["connections", "poll", "keys", "ui", "sandboxes", "acme", "org_id", "read_only", "é"])


def toml(table: Any) -> str:
    if isinstance(table, dict):
        return "{" + ", ".join(f"{dotted((key,))} = {toml(value)}" for key, value in table.items()) + "}"
    if isinstance(table, list):
        return "[" + ", ".join(map(toml, table)) + "]"
    if isinstance(table, bool):
        return str(table).lower()
    return str(table) if isinstance(table, int) else '"' + ascii(str(table))[1:-1].replace("\\", "/") + '"'


VALUES = st.sampled_from(["", "environment", "acme", "http://far", "https://h", "a b", "1", "\x1b"])


@settings(max_examples=500, deadline=None)
@given(
    document=st.dictionaries(KEYS, st.dictionaries(KEYS, JSON_LIKE, max_size=3) | JSON_LIKE, max_size=4),
    environ=st.dictionaries(st.sampled_from(sorted(VARIABLES - {"AEPX_CONFIG"})), VALUES, max_size=4),
    flags=st.dictionaries(st.sampled_from(["connection", "sandbox", "read_only", "log_level"]), VALUES, max_size=2),
)
def test_load_never_raises_on_any_content(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], environ: dict[str, str], flags: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("\n".join(f"{dotted((k,))} = {toml(v)}" for k, v in document.items()), encoding="utf-8")
    loaded = load({"config": str(path), **flags}, environ)
    assert isinstance(loaded.settings, Settings)
    assert all(fault.cause and fault.remedy and "\x1b" not in str(fault) for fault in loaded.faults)
    assert len(entries(loaded)) == len(loaded.origins)


def test_lines_are_found_past_values_of_many_lines() -> None:
    text = 'a = """\nb = 1\n"""\nb = [\n  1, # ]\n  2,\n]\n"q.r".s = 1\n[t . "u v"]\nc = \'\'\'x\ny\'\'\'\nd = 1\n'
    lines = key_lines(text)
    tomllib.loads(text)
    assert lines == {
        ("a",): 1,
        ("b",): 4,
        ("q.r", "s"): 8,
        ("t", "u v"): 9,
        ("t", "u v", "c"): 10,
        ("t", "u v", "d"): 12,
    }
    assert line_of(lines, ("t", "u v", "c", "deeper")) == 10
    assert line_of(lines, ("z",)) is None


def test_tables_of_an_array_are_told_apart_by_their_number() -> None:
    text = """\
[[fault]]
kind = "a"
[fault.headers]
X = "1"

[[ fault ]]
names = [
  "a", # ]
  "b",
]
"k.2" = 1
[[fault.inner]]
x = 1
[[fault.inner]]
x = 2
[[job]]
stages = { queue = 1 }
[[job]]
"""
    tomllib.loads(text)
    lines = key_lines(text)
    assert lines == {
        ("fault", "1"): 1,
        ("fault", "1", "kind"): 2,
        ("fault", "1", "headers"): 3,
        ("fault", "1", "headers", "X"): 4,
        ("fault", "2"): 6,
        ("fault", "2", "names"): 7,
        ("fault", "2", "k.2"): 11,
        ("fault", "2", "inner", "1"): 12,
        ("fault", "2", "inner", "1", "x"): 13,
        ("fault", "2", "inner", "2"): 14,
        ("fault", "2", "inner", "2", "x"): 15,
        ("job", "1"): 16,
        ("job", "1", "stages"): 17,
        ("job", "2"): 18,
    }
    assert line_of(lines, ("fault",)) == 1
    assert line_of(lines, ("fault", "2", "kind")) == 6
    assert line_of(lines, ("job", "1", "stages", "queue")) == 17
    assert line_of(lines, ("job", "2", "outcome")) == 18


def test_the_lines_of_a_long_text_are_counted_quickly() -> None:
    body = "x = 1\n" * 10_000
    lines = key_lines(f'[[fault]]\nbody = """\n{body}"""\nstatus = 1\n')
    assert lines == {("fault", "1"): 1, ("fault", "1", "body"): 2, ("fault", "1", "status"): 10_004}


@pytest.mark.parametrize(
    ("content", "line", "cause"),
    [
        (b"\xef\xbb\xbfa = 1\r\nb = \r\n", 2, "TOML syntax: Invalid value"),
        (b"a = 1\n\xff", 2, "is not UTF-8 text"),
        (b"#" * 1_000_001, None, "is larger than 1 MB"),
    ],
)
def test_a_document_that_cannot_be_read_says_why_and_where(
    tmp_path: Path, content: bytes, line: int | None, cause: str
) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as caught:
        read_document(path)
    assert (caught.value.line, caught.value.cause) == (line, cause)
    assert caught.value.remedy


def test_a_document_that_can_be_read_comes_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    document, text = read_document(path)
    assert document == {"a": 1, "b": 2}
    assert key_lines(text) == {("a",): 1, ("b",): 2}
    with pytest.raises(UnreadableError, match="does not exist"):
        read_document(tmp_path / "g.toml")
    with pytest.raises(UnreadableError, match="cannot be read: embedded null byte"):
        read_document(Path("a\0b"))


# Secrets


def connection(**changes: Any) -> Connection:
    return Connection.model_validate({"name": "acme", "org_id": ORG, "client_id": "id", **changes})


def printing(text: str) -> list[str]:
    return [sys.executable, "-c", f"print({text!r})"]


def private(path: Path, text: str = CANARY + "\n", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def secret(subject: Connection, environ: dict[str, str]) -> tuple[str | None, str | None, str]:
    found = resolve_secret(subject, environ)
    assert CANARY not in repr(found)
    client, token = found.client_secret, found.access_token
    return (
        client.get_secret_value() if client else None,
        token.get_secret_value() if token else None,
        found.origin,
    )


def test_the_order_of_secret_sources(tmp_path: Path) -> None:
    everything = {
        "client_secret_env": "ACME_SECRET",
        "client_secret_command": printing("from-command"),
        "client_secret_file": private(tmp_path / "s", "from-file\n"),
        "client_secret": SecretStr("inline"),
    }
    subject = connection(**everything)
    both = {"AEPX_CLIENT_SECRET": "ours", "ACME_SECRET": "named"}
    assert secret(subject, both) == ("ours", None, "AEPX_CLIENT_SECRET")
    assert secret(subject, {"ACME_SECRET": "named"}) == ("named", None, "ACME_SECRET")
    assert secret(subject, {})[0] == "from-command"
    del everything["client_secret_command"]
    assert secret(connection(**everything), {})[0] == "from-file"
    del everything["client_secret_file"]
    assert secret(connection(**everything), {})[0] == "inline"


def test_an_access_token_is_used_as_it_is(tmp_path: Path) -> None:
    subject = connection(client_secret_command=["/nonexistent"], access_token_env="TOKEN")
    assert secret(subject, {"AEPX_ACCESS_TOKEN": "t"}) == (None, "t", "AEPX_ACCESS_TOKEN")
    assert secret(subject, {"TOKEN": "t2"}) == (None, "t2", "TOKEN")
    environ = {"AEPX_ACCESS_TOKEN": "t", "AEPX_CLIENT_SECRET": "s"}
    assert secret(subject, environ) == ("s", "t", "AEPX_ACCESS_TOKEN, AEPX_CLIENT_SECRET")


def test_no_source_names_what_to_set() -> None:
    with pytest.raises(ConfigError, match="Set AEPX_CLIENT_SECRET"):
        resolve_secret(connection(), {})
    with pytest.raises(ConfigError, match="ACME_SECRET is not set"):
        resolve_secret(connection(client_secret_env="ACME_SECRET"), {})


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o660])
def test_a_secret_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "secret", mode=mode)
    with pytest.raises(ConfigError, match=rf"mode {mode:04o}.*chmod 600 {path}") as caught:
        resolve_secret(connection(client_secret_file=path), {})
    assert CANARY not in str(caught.value)
    path.chmod(0o400)
    assert secret(connection(client_secret_file=path), {})[0] == CANARY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_secret_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path / "secret")
    os.chown(path, 12345, -1)
    with pytest.raises(ConfigError, match="belongs to user 12345"):
        resolve_secret(connection(client_secret_file=path), {})


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("\n\n", "is empty"), ("a b", "holds a space"), ("sé", "character"), ("x" * 70_000, "64 KB")],
)
def test_a_secret_that_cannot_be_one_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = private(tmp_path / "secret", text)
    with pytest.raises(ConfigError, match=message):
        resolve_secret(connection(client_secret_file=path), {})


def test_a_missing_secret_file_and_a_pipe_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        resolve_secret(connection(client_secret_file=tmp_path / "no"), {})
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="is empty"):
        resolve_secret(connection(client_secret_file=tmp_path / "pipe"), {})


def test_a_command_gives_its_first_line_and_sees_no_secret_of_ours() -> None:
    script = "import os; print('one' if 'AEPX_CLIENT_SECRET' not in os.environ else 'leak'); print('two')"
    found = command_secret((sys.executable, "-c", script), {"AEPX_CLIENT_SECRET": CANARY, "PATH": ""})
    assert found.get_secret_value() == "one"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.stderr.write('no \\x1b[2Jkey'); sys.exit(3)", r"exit code 3, saying 'no \\x1b\[2Jkey'"),
        ("while True: print('x' * 1000)", "more than 64 KB"),
        ("pass", "is empty"),
        ("import sys; sys.stderr.write('e' * 300000); print('two words')", "holds a space"),
    ],
)
def test_a_command_that_fails_says_why(script: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        command_secret((sys.executable, "-c", script), {})
    assert "\x1b" not in str(caught.value)


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(ConfigError, match=r"did not finish within 0\.2 s"):
        command_secret((sys.executable, "-c", "import signal; signal.pause()"), {}, timeout_s=0.2)  # fmt: skip


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="did not start: No such file"):
        command_secret(("/nonexistent/pass",), {})


def test_a_missing_keyring_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match=r"pip install 'aepx\[keyring\]'"):
        resolve_secret(connection(client_secret_keyring="aepx-acme"), {})


def test_the_keyring_is_asked_for_service_and_client_id(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring  # noqa: PLC0415 - slow, and only here
    from keyring.backend import KeyringBackend  # noqa: PLC0415 - as above

    class Memory(KeyringBackend):
        priority = 1

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

        def get_password(self, service: str, username: str) -> str | None:
            return CANARY if (service, username) == ("aepx-acme", "id") else None

    before = keyring.get_keyring()
    try:
        keyring.set_keyring(Memory())  # type: ignore[no-untyped-call]  # keyring is partly typed
        assert secret(connection(client_secret_keyring="aepx-acme"), {})[0] == CANARY
        with pytest.raises(ConfigError, match="keyring set other id"):
            resolve_secret(connection(client_secret_keyring="other"), {})
    finally:
        keyring.set_keyring(before)


def test_an_inline_secret_needs_a_private_file(tmp_path: Path) -> None:
    text = ACME + f'client_secret = "{CANARY}"\n'
    loaded = loaded_from(tmp_path, text)
    assert not loaded.faults
    assert secret(choose_connection(loaded), {})[0] == CANARY
    assert value_of(loaded, "connections.acme.client_secret") == ("***", "file")
    loaded.path.chmod(0o644)
    opened = load({"config": str(loaded.path)}, {})
    assert (opened.faults[0].line, opened.faults[0].key) == (5, "connections.acme.client_secret")
    assert "chmod 600" in opened.faults[0].remedy
    assert opened.settings.connections["acme"].client_secret is None
    for shown in (repr(loaded), repr(opened), str(opened.faults), str(entries(loaded))):
        assert CANARY not in shown


@pytest.mark.parametrize(
    "line",
    [
        f"client_secret_env = '{CANARY}'",
        f"client_secret_command = '{CANARY}'",
        f"client_secret_command = ['echo', '{CANARY}']",
        f"base_url = 'https://u:{CANARY}@h'",
        f"client_secret = ['{CANARY}']",
        f"client_secret = '{CANARY}",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path, line: str) -> None:
    loaded = loaded_from(tmp_path, ACME + line)
    shown = f"{[str(fault) for fault in loaded.faults]} {entries(loaded)}"
    assert CANARY not in shown


def test_unusable_secrets_are_found_without_running_anything(tmp_path: Path) -> None:
    path = private(tmp_path / "s", mode=0o644)
    text = ACME + f"client_secret_file = '{path}'\n" + BETA + "client_secret_command = ['/nonexistent']\n"
    faults = secret_faults(loaded_from(tmp_path, text), {})
    assert [fault.key for fault in faults] == ["connections.acme"]
    assert "chmod 600" in faults[0].remedy


# The example


def uncommented(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in lines)


def test_the_example_in_the_repository_is_the_one_that_is_written() -> None:
    example = Path(__file__).parents[2] / "config.example.toml"
    assert example.read_text(encoding="utf-8") == example_toml()


def test_the_example_changes_nothing_until_it_is_uncommented(tmp_path: Path) -> None:
    (tmp_path / "company-ca.pem").write_text("x")
    loaded = loaded_from(tmp_path, example_toml())
    assert loaded.settings == Settings()
    full = loaded_from(tmp_path, uncommented(example_toml()))
    assert not full.faults
    missing = set(Connection.model_fields) - {"name", "takes_environment", "client_secret", "sandboxes"}
    assert missing <= full.settings.connections["acme"].model_fields_set
    assert full.settings.poll == Settings().poll
    assert full.settings.history == Settings().history
    assert full.settings.model_fields_set == set(Settings.model_fields)


def test_init_writes_a_private_file_and_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    write_example(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        write_example(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_every_variable_of_the_product_is_read(variable: str, tmp_path: Path) -> None:
    value = {
        "AEPX_BASE_URL": "https://h",
        "AEPX_IMS_URL": "https://h",
        "AEPX_LOG_LEVEL": "ERROR",
        "AEPX_READ_ONLY": "yes",
        "AEPX_CONFIG": str(tmp_path / "none.toml"),
    }.get(variable, "value")
    before = load({}, {"AEPX_ORG_ID": ORG, "HOME": str(tmp_path)})
    after = load({}, {"AEPX_ORG_ID": ORG, "HOME": str(tmp_path), variable: value})
    assert (before.settings, before.origins, before.path) != (after.settings, after.origins, after.path)
