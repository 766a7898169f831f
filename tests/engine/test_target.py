"""Nothing is written outside of the folder that was chosen, whatever a name is and whatever is put in its way."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tui_app.engine.target import Target
from tui_app.models.failure import FailureError
from tui_app.models.file_names import safe_name, safe_names

if TYPE_CHECKING:
    from collections.abc import Callable


_SEEDS = (
    "..", ".", "", "/etc/passwd", "../../x", "..\\..\\x", "C:\\x", "\\\\host\\x", "a/../../b", "~/x", "~root", "-rf",
    "a\0b", "\0", "con", "CON.parquet", "nul.txt", "lpt1", "com9.snappy.parquet", "x" * 4_096, "é" * 2_000, ".hidden",
    "manifest.json", "Manifest.JSON", "a.part", "a.part.json", "a.PART", "%2e%2e%2f", "a:b", "a|b", "a\nb", "\x1b[2J",
    "\u202egpj", "\ud800", "．．／x", "....//", "a.", "a ", " ", "*", "?", "$(x)", "`x`", "a;b", "💥.parquet",
    "..%00", "/", "//", "./.", "x/.",
)  # fmt: skip
NAMES = [
    shape.format(one)
    for one in _SEEDS
    for shape in ("{}", "../{}", "{}/../..", "/{}", "{}.parquet", "part-{}\0.parquet", "{}.csv")
]


def test_there_are_three_hundred_names() -> None:
    assert len(set(NAMES)) >= 300


@pytest.mark.parametrize("name", [*NAMES])
def test_a_name_is_one_plain_component(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= 120
    assert safe == Path(safe).name and not safe.startswith((".", "-")) and not safe.endswith(".")  # noqa: PT018 - one thought
    assert safe.isascii()
    assert safe.split(".")[0].lower() not in {"con", "nul", "lpt1", "com9"}
    assert not safe.lower().endswith((".part", ".part.json"))
    assert safe.lower() != "manifest.json"


def test_no_two_names_become_one() -> None:
    found = safe_names([*NAMES, "A.parquet", "a.parquet", "a_b", "a/b", "a:b"])
    assert len({one.lower() for one in found.values()}) == len(found)


def test_all_of_them_are_written_inside(tmp_path: Path) -> None:
    chosen = tmp_path / "chosen"
    target = Target.open(chosen, "in")
    try:
        for safe in safe_names(NAMES).values():
            target.write(safe, b"x")
    finally:
        target.close()
    assert [one.name for one in (tmp_path).iterdir()] == ["chosen"]
    assert [one.name for one in (chosen).iterdir()] == ["in"]
    assert len([*(chosen / "in").iterdir()]) == len(set(NAMES))


@pytest.mark.parametrize("kind", ["link", "hard link", "folder", "pipe"])
def test_what_is_in_the_way_is_not_written_through(kind: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    target = Target.open(tmp_path / "chosen", "in")
    place = target.path / "a.part"
    put: dict[str, Callable[[], None]] = {
        "link": lambda: place.symlink_to(victim),
        "hard link": lambda: os.link(victim, place),
        "folder": place.mkdir,
        "pipe": lambda: os.mkfifo(place),
    }
    put[kind]()
    try:
        with pytest.raises(OSError):  # noqa: PT011 - each of them another number
            os.close(target.open_file("a.part", write=True))
    finally:
        target.close()
    assert victim.read_bytes() == b"precious"


def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "chosen").mkdir()
    (tmp_path / "chosen" / "in").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FailureError, match="A link or a file has this name"):
        Target.open(tmp_path / "chosen", "in")
    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_links_raced_in_lead_nowhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    victim = elsewhere / "victim"
    victim.write_bytes(b"precious")
    target = Target.open(tmp_path / "chosen", "in")
    over = threading.Event()

    def race() -> None:
        place, batch = target.path / "a.part", target.path / "batch"
        while not over.is_set():
            for link, to in ((place, victim), (batch, elsewhere)):
                try:
                    link.symlink_to(to)
                    link.rename(f"{link}.seen")
                except OSError:
                    continue

    racer = threading.Thread(target=race)
    racer.start()
    refused = 0
    try:
        for _ in range(300):
            try:
                target.write("a", b"ours")
                inner = target.folder("batch")
                inner.write("b", b"ours")
                inner.close()
                inner.path.rename(tmp_path / "chosen" / f"gone{refused}")
            except OSError:
                refused += 1
    finally:
        over.set()
        racer.join()
        target.close()
    assert [one.name for one in (elsewhere).iterdir()] == ["victim"]
    assert victim.read_bytes() == b"precious"


def test_two_downloads_into_one_folder_are_told(tmp_path: Path) -> None:
    first = Target.open(tmp_path, "in")
    try:
        with pytest.raises(FailureError, match="under way"):
            Target.open(tmp_path, "in")
    finally:
        first.close()
    Target.open(tmp_path, "in").close()


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "chosen").write_text("x")
    with pytest.raises(FailureError, match="Nothing can be downloaded into"):
        Target.open(tmp_path / "chosen", "in")
