"""Template files: read and written whole, named safely, and never losing anything."""

from __future__ import annotations

import os
import stat
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples import create_body
from tui_app.config.templates import NAME_MOST, NameTakenError, TemplateError, Templates, name_fault
from tui_app.config.toml_text import to_toml

if TYPE_CHECKING:
    from pathlib import Path

BODY = create_body()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return Templates.beside(tmp_path / "config.toml")


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_whatever_is_written_reads_back_unchanged(document: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(document)) == document


def test_a_file_is_written_for_people(templates: Templates) -> None:
    templates.save("Weekly", BODY, description="Every Monday")
    text = (templates.folder / "Weekly.toml").read_text(encoding="utf-8")
    assert text.startswith('description = "Every Monday"\n')
    assert "\n[destination]\n" in text
    assert "\n[[filter.segments]]\n" in text
    assert "\\u001b" in to_toml({"x": "\x1b[31m"})


def test_a_template_is_saved_and_read(templates: Templates) -> None:
    assert templates.names() == ()
    entry = templates.save(" Weekly ", BODY, description="Every Monday")
    assert (entry.name, entry.description, entry.fault) == ("Weekly", "Every Monday", "")
    found = templates.read("Weekly")
    assert found.body == BODY
    assert templates.names() == (entry,)
    if os.name != "nt":
        assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600
    assert [one.name for one in templates.folder.iterdir()] == ["Weekly.toml"]


def test_a_name_is_taken_whatever_its_capitals_until_it_may_be_replaced(templates: Templates) -> None:
    templates.save("Weekly", BODY)
    with pytest.raises(NameTakenError):
        templates.save("weekly", {"fields": "b"})
    assert templates.read("WEEKLY").body == BODY
    templates.save("weekly", {"fields": "b"}, replace=True)
    assert [one.name for one in templates.names()] == ["Weekly"]
    assert templates.read("Weekly").body == {"fields": "b"}


def test_a_name_taken_by_somebody_else_meanwhile_is_not_overwritten(
    templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates.save("Weekly", BODY)
    monkeypatch.setattr(Templates, "_paths", lambda _: [])
    with pytest.raises(NameTakenError):
        templates.save("Weekly", {"fields": "b"})
    monkeypatch.undo()
    assert templates.read("Weekly").body == BODY
    assert len([*templates.folder.iterdir()]) == 1


def test_a_file_that_cannot_be_put_in_place_leaves_the_old_one(
    templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates.save("Weekly", BODY)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TemplateError, match="No space left on device"):
        templates.save("Weekly", {"fields": "b"}, replace=True)
    assert templates.read("Weekly").body == BODY
    assert len([*templates.folder.iterdir()]) == 1


def test_a_link_to_a_file_elsewhere_stays_a_link(templates: Templates, tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles.toml"
    elsewhere.write_text('fields = "a"\n', encoding="utf-8")
    templates.folder.mkdir()
    (templates.folder / "Linked.toml").symlink_to(elsewhere)
    templates.save("Linked", {"fields": "b"}, replace=True)
    assert (templates.folder / "Linked.toml").is_symlink()
    assert tomllib.loads(elsewhere.read_text(encoding="utf-8")) == {"fields": "b"}


def test_a_template_is_deleted(templates: Templates) -> None:
    templates.save("Weekly", BODY)
    templates.delete("Weekly")
    assert templates.names() == ()
    with pytest.raises(TemplateError, match="none of that name"):
        templates.delete("Weekly")


def test_a_missing_name_is_told_with_the_nearest(templates: Templates) -> None:
    templates.save("Weekly", BODY)
    with pytest.raises(TemplateError, match=r"Did you mean Weekly\?"):
        templates.read("Weakly")
    with pytest.raises(TemplateError, match="aepx templates list"):
        templates.read("x" * 10_000)


@pytest.mark.parametrize(
    "name",
    [
        "", "  ", ".hidden", "..", "a/b", "../up", "a\\b", "a\x00b", "a\x1b[31m", "a\nb", "a\u202eb", "a\u200bb",
        "x" * (NAME_MOST + 1), "x" * 10_000, "輸" * 90, "CON", "nul.txt", "COM1", "end.", "a:b", "a?", "a\ud800", "\t",
    ],
)  # fmt: skip
def test_a_name_that_no_file_can_have_is_refused(templates: Templates, name: str) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.save(name, BODY)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    assert not templates.folder.exists()
    for call in (templates.read, templates.delete):
        with pytest.raises(TemplateError):
            call(name)


@pytest.mark.parametrize("name", ["Weekly", "a b-c_d", "輸出", "v1.2", "Größe (neu)", "🎉", "console", "x" * NAME_MOST])
def test_a_name_that_a_file_can_have_is_taken(templates: Templates, name: str) -> None:
    assert name_fault(name) == ""
    templates.save(name, BODY)
    assert [one.name for one in templates.names()] == [name]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"a": {"b": None}}, "a.b is null"),
        ({"a": [1, None]}, "a[1] is null"),
        ({"a": float("inf")}, "cannot hold"),
        ({"a": "\ud800"}, "half a character"),
        ({"\ud800": 1}, "half a character"),
        ({"description": "mine"}, "description of its own"),
        ({"fields": "x" * 1_000_001}, "1,000,000"),
    ],
)
def test_what_a_template_cannot_hold_is_refused_before_anything_is_written(
    templates: Templates, body: dict[str, Any], said: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.save("Weekly", body)
    assert said in str(caught.value)
    assert not templates.folder.exists()


def test_a_body_nested_without_end_is_refused(templates: Templates) -> None:
    body: dict[str, Any] = {}
    for _ in range(5_000):
        body = {"a": body}
    for deep in (body, {"a": [[body]]}):
        with pytest.raises(TemplateError, match="nested too deeply"):
            templates.save("Deep", deep)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"fields = ", "line 1"),
        (b'fields = "a"\nfields = "b"', "line 2"),
        (b"\xff", "UTF-8"),
        (b"description = 1", "description"),
        (b"x = 12:00:00", "time without a day"),
        (b"x = nan", "JSON"),
        (b"x = " + b"9" * 5_000, "digits"),
        (b"x = " + b"[" * 5_000, "too deeply"),
        (b".".join([b"a"] * 5_000) + b" = 1", "too deeply"),
        (b"#" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_file_that_cannot_be_used_is_listed_with_its_fault(templates: Templates, content: bytes, said: str) -> None:
    templates.save("Good", BODY)
    (templates.folder / "Bad.toml").write_bytes(content)
    bad, good = templates.names()
    assert said in bad.fault
    assert len(bad.fault) < 400
    assert good.fault == ""
    with pytest.raises(TemplateError, match=r"Template Bad cannot be used"):
        templates.read("Bad")
    templates.delete("Bad")
    assert [one.name for one in templates.names()] == ["Good"]


def test_moments_of_toml_become_their_text(templates: Templates) -> None:
    templates.folder.mkdir()
    (templates.folder / "T.toml").write_text(
        "a = 2026-01-02T03:04:05Z\nb = 2026-01-02\nc = [2026-01-02T03:04:05+01:00]\n", encoding="utf-8"
    )
    assert templates.read("T").body == {
        "a": "2026-01-02T03:04:05Z",
        "b": "2026-01-02",
        "c": ["2026-01-02T03:04:05+01:00"],
    }


def test_a_key_is_found_on_its_line(templates: Templates) -> None:
    templates.folder.mkdir()
    path = templates.folder / "T.toml"
    path.write_text(
        '[filter]\nfrom = 1\n\n[[filter.segments]]\nsegmentId = "a"\n\n[[filter.segments]]\nstauts = ["x"]\n',
        encoding="utf-8",
    )
    found = templates.read("T")
    assert found.where("filter.from") == f"{path}:2"
    assert found.where("filter.segments[1].stauts") == f"{path}:8"
    assert found.where("nothing") == str(path)


def test_what_is_no_template_is_not_listed_or_waits_for_nobody(templates: Templates) -> None:
    templates.save("Good", BODY)
    (templates.folder / "notes.txt").write_text("x", encoding="utf-8")
    (templates.folder / ".half.toml").write_text("x", encoding="utf-8")
    (templates.folder / "Folder.toml").mkdir()
    (templates.folder / "Gone.toml").symlink_to(templates.folder / "nowhere")
    os.mkfifo(templates.folder / "Pipe.toml")
    found = {one.name: one.fault for one in templates.names()}
    assert found == {"Good": "", "Folder": "It is no file.", "Gone": "It is no file.", "Pipe": "It is no file."}


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("a file", encoding="utf-8")
    with pytest.raises(TemplateError, match="Templates cannot be listed: Not a directory"):
        Templates(tmp_path / "templates").names()
    with pytest.raises(TemplateError):
        Templates(tmp_path / "templates").save("x", BODY)


def test_a_description_is_one_short_text(templates: Templates) -> None:
    for description in ("x" * 501, "\ud800"):
        with pytest.raises(TemplateError):
            templates.save("x", BODY, description=description)
