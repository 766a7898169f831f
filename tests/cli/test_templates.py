"""`aepx templates`, and the request that `jobs create --template` starts from."""

from __future__ import annotations

import io
import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from tui_app.cli.main import Globals
from tui_app.cli.output import Output
from tui_app.cli.templates import template_request
from tui_app.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Result

    Aepx = Callable[..., Result]

TOKEN = "eyJ0b2tlbg.sig"
BODY: dict[str, Any] = {
    "filter": {
        "segments": [{"segmentId": "s1", "segmentNs": "ups", "status": ["realized"]}],
        "fromIngestTimestamp": "{-7d}",
    },
    "destination": {"datasetId": "d1", "segmentPerBatch": False},
    "schema": {"name": "_xdm.context.profile"},
}


@pytest.fixture(autouse=True)
def home(clean_home: Path) -> Path:
    return clean_home


@pytest.fixture
def body_file(tmp_path: Path) -> str:
    path = tmp_path / "body.json"
    path.write_text(json.dumps(BODY), encoding="utf-8")
    return str(path)


def folder_of(aepx: Aepx) -> Path:
    return Path(aepx("templates", "path").out.strip())


def put(aepx: Aepx, name: str, text: str) -> Path:
    folder = folder_of(aepx)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_folder_is_beside_the_configuration(aepx: Aepx, tmp_path: Path) -> None:
    config = aepx("config", "path").out.strip()
    assert folder_of(aepx) == Path(config).parent / "templates"
    assert aepx("templates", "path", "--config", str(tmp_path / "other" / "c.toml")).out.strip() == str(
        tmp_path / "other" / "templates"
    )


def test_without_templates_the_next_step_is_named(aepx: Aepx) -> None:
    found = aepx("templates", "list")
    assert found.code == 0
    assert "aepx templates save NAME --file FILE" in found.err
    assert aepx("templates", "list", "--json").document == []


def test_a_body_is_saved_listed_shown_and_deleted(aepx: Aepx, body_file: str) -> None:
    saved = aepx("templates", "save", "Weekly", "--file", body_file, "--description", "Every Monday")
    assert saved.code == 0, saved.err
    path = Path(saved.out.strip())
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {"description": "Every Monday", **BODY}
    assert "aepx jobs create --template 'Weekly'" in saved.err
    listed = aepx("templates", "list")
    assert re.search(r"^Weekly +Every Monday$", listed.out, re.MULTILINE)
    assert aepx("templates", "list", "--json").document == [
        {"name": "Weekly", "description": "Every Monday", "fault": None, "path": str(path)}
    ]
    assert aepx("templates", "list", "--csv").out.startswith("name,description,fault,path\nWeekly,Every Monday,,")
    assert json.loads(aepx("templates", "list", "--ndjson").out)["name"] == "Weekly"
    shown = aepx("templates", "show", "weekly")
    assert tomllib.loads(shown.out)["filter"]["fromIngestTimestamp"] == "{-7d}"
    sent = aepx("templates", "show", "Weekly", "--json").document
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", sent["filter"]["fromIngestTimestamp"])
    refused = aepx("templates", "delete", "Weekly")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert aepx("templates", "delete", "Weekly", "--yes").code == 0
    assert not path.exists()


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 1)])
def test_a_person_is_asked_before_a_template_goes(
    aepx: Aepx, body_file: str, monkeypatch: pytest.MonkeyPatch, *, answer: bool, code: int
) -> None:
    path = Path(aepx("templates", "save", "Weekly", "--file", body_file).out.strip())
    asked: list[str] = []

    def ask(_: Output, question: str) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(Output, "interactive", property(lambda _: True))
    monkeypatch.setattr(Output, "ask", ask)
    assert aepx("templates", "delete", "Weekly").code == code
    assert asked == [f"Delete template 'Weekly' ({path})?"]
    assert path.exists() is not answer


def test_a_name_taken_is_replaced_only_when_that_is_asked_for(aepx: Aepx, body_file: str) -> None:
    assert aepx("templates", "save", "Weekly", "--file", body_file).code == 0
    again = aepx("templates", "save", "weekly", "--file", body_file)
    assert again.code == 2
    assert "add --replace" in again.err
    assert aepx("templates", "save", "weekly", "--file", body_file, "--replace").code == 0


def test_a_curl_command_is_saved_without_its_secrets(
    aepx: Aepx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "curl -X POST https://platform.adobe.io/data/core/ups/export/jobs \\\n"
        f"  -H 'Authorization: Bearer {TOKEN}' \\\n  -d '{json.dumps(BODY)}'"
    )
    (tmp_path / "call.sh").write_text(text, encoding="utf-8")
    saved = aepx("templates", "save", "Weekly", "--file", str(tmp_path / "call.sh"))
    assert saved.code == 0
    assert "Left out: the bearer token" in saved.err
    kept = Path(saved.out.strip()).read_text(encoding="utf-8")
    assert TOKEN not in kept + saved.err + saved.out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert aepx("templates", "save", "Again", "--file", "-").code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "UTF-8"),
        (b'{"filter": [1]}', "filter"),
        (b'{"brandNew": {"x": null}}', "brandNew.x is null"),
        (b"curl x -d @body.json", "from the file body.json"),
        (b"hello", "no curl command"),
    ],
)
def test_a_file_that_is_no_request_is_refused(aepx: Aepx, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    found = aepx("templates", "save", "Weekly", "--file", str(path))
    assert found.code == 2
    assert said in found.err
    assert aepx("templates", "list", "--json").document == []


@pytest.mark.parametrize("source", ["/nowhere/x", "/", "a\x00b"])
def test_a_file_that_cannot_be_read_is_named(aepx: Aepx, source: str) -> None:
    found = aepx("templates", "save", "Weekly", "--file", source)
    assert found.code == 2
    assert "--file" in found.err


def test_a_name_that_will_not_do_is_refused(aepx: Aepx, body_file: str) -> None:
    for name in ("../up", "x" * 10_000, "a\x1b[31m", ".hidden"):
        found = aepx("templates", "save", name, "--file", body_file)
        assert found.code == 2
        assert "Choose another name." in found.err
        assert "\x1b" not in found.err
        assert len(found.err) < 1_000


def test_a_template_that_cannot_be_used_is_listed_and_shown_with_its_fault(aepx: Aepx) -> None:
    path = put(aepx, "Bad", '[destination]\ndatasetId = "{tomorrow}"\n')
    assert "cannot be used: destination.datasetId has the placeholder '{tomorrow}'" in aepx("templates", "list").out
    shown = aepx("templates", "show", "Bad")
    assert shown.code == 2
    assert f"Error: {path}:2: destination.datasetId has the placeholder" in shown.err
    assert "{tomorrow}" in shown.out
    assert aepx("templates", "show", "Bad", "--json").out == ""
    with pytest.raises(click.UsageError, match="'Bad' cannot be used"):
        template_request(Globals(), "Bad")


def test_a_template_with_unknown_keys_works_and_says_so(aepx: Aepx, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(aepx, "Odd", '[destination]\ndatasetId = "d"\nsegmentPerBach = true\n')
    capsys.readouterr()
    request = template_request(Globals(), "Odd")
    assert request.to_body()["destination"] == {"datasetId": "d", "segmentPerBatch": False, "segmentPerBach": True}
    said = capsys.readouterr().err
    assert f"Warning: {path}:3: destination.segmentPerBach is not a key that aepx knows" in said
    assert "Did you mean segmentPerBatch?" in said


def test_of_many_unknown_keys_the_first_are_told(aepx: Aepx, capsys: pytest.CaptureFixture[str]) -> None:
    put(aepx, "Odd", "".join(f"k{number} = 1\n" for number in range(500)))
    capsys.readouterr()
    template_request(Globals(), "Odd")
    said = capsys.readouterr().err
    assert said.count("Warning:") == 20
    assert "And 480 more." in said


@pytest.mark.parametrize("name", ["Nothing", "../up", "", "x" * 10_000, "a\x1b"])
def test_a_template_that_is_not_there_is_told(aepx: Aepx, name: str) -> None:
    for call in (("show", name), ("delete", name, "--yes")):
        found = aepx("templates", *call)
        assert found.code == 2
        assert "none of that name" in found.err
        assert "\x1b" not in found.err
    with pytest.raises(click.UsageError, match="none of that name"):
        template_request(Globals(), name)


def test_hostile_text_of_a_file_is_shown_harmless(aepx: Aepx) -> None:
    put(aepx, "Odd", 'description = "\\u001b[31mred"\nfields = "a\u202eb"\n')
    for call in (("list",), ("show", "Odd"), ("list", "--csv"), ("list", "--json"), ("show", "Odd", "--json")):
        out = aepx("templates", *call).out
        assert safe_text(out, lines=True) == out
