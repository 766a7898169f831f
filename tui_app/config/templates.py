"""Owns the files of named export requests: one TOML document each, in a folder beside the configuration."""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import re
import tempfile
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tui_app.config.faults import shown
from tui_app.config.lines import KeyPath, UnreadableError, key_lines, line_of, read_document
from tui_app.config.toml_text import DEEPEST, HIDDEN, to_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = "templates"
NAME_MOST: Final = 100
DESCRIPTION_MOST: Final = 500
_SUFFIX: Final = ".toml"
_BYTES_MOST: Final = 255
"""What file systems take for one name."""
_LARGEST: Final = 1_000_000
"""Bytes of a file that is read back."""
_DESCRIPTION: Final = "description"
_FORBIDDEN: Final = '/\\:*?"<>|'
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


class TemplateError(Exception):
    """What could not be done with a template: `what`, without a full stop; `cause` and `next_step` are sentences."""

    def __init__(self, what: str, cause: str, next_step: str) -> None:
        super().__init__(f"{what}: {cause} {next_step}")
        self.what, self.cause, self.next_step = what, cause, next_step


class NameTakenError(TemplateError):
    """There is a template of that name, which may be replaced if that is wanted."""


@dataclass(frozen=True, slots=True)
class Template:
    """One template as its file says it; `body` has its placeholders still."""

    name: str
    description: str
    body: dict[str, Any]
    path: Path
    text: str = field(default="", repr=False)

    def where(self, field_path: str) -> str:
        """Return `FILE:LINE` of a key of the body, `filter.segments[0].status`; the file alone if it is not found."""
        line = line_of(key_lines(self.text), _key_path(field_path))
        return str(self.path) if line is None else f"{self.path}:{line}"


@dataclass(frozen=True, slots=True)
class TemplateEntry:
    """One template in the list; `fault` is why it cannot be used, "" when it can."""

    name: str
    description: str
    path: Path
    fault: str = ""
    template: Template | None = None


class Templates:
    """The templates in one folder, which need not exist; every method reads or writes files and blocks meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def beside(config_path: Path) -> Templates:
        """Return those that belong to a configuration file."""
        return Templates(config_path.parent / FOLDER)

    def names(self) -> tuple[TemplateEntry, ...]:
        """Return all of them in the order of their names.

        Raises:
            TemplateError: the folder cannot be read.
        """
        return tuple(self._entry(path) for path in self._paths())

    def read(self, name: str) -> Template:
        """Return one template.

        Raises:
            TemplateError: there is none of that name, or its file cannot be read.
        """
        what = f"Template {shown_name(name)} cannot be used"
        return _read(self._find(name, what), what)

    def find(self, name: str) -> TemplateEntry:
        """Return the entry of one template, also of one that cannot be used.

        Raises:
            TemplateError: there is none of that name.
        """
        return self._entry(self._find(name, f"Template {shown_name(name)} cannot be found"))

    def save(
        self, name: str, body: Mapping[str, Any], *, description: str = "", replace: bool = False
    ) -> TemplateEntry:
        """Write a template whole or not at all, and return its entry.

        Args:
            name: see `name_fault`.
            body: of the create call, of JSON's values.
            description: one line.
            replace: whether one of that name, in capitals or not, may be overwritten; it keeps its spelling.

        Raises:
            TemplateError: the name will not do or is taken, TOML cannot hold the body, or the file cannot be written.
        """
        name = unicodedata.normalize("NFC", name.strip())
        what = f"Template {shown_name(name)} cannot be saved"
        if fault := name_fault(name):
            raise TemplateError(what, fault, "Choose another name.")
        if fault := description_fault(description):
            raise TemplateError(what, fault, "Shorten it or leave it out.")
        content = _content(what, description.strip(), body)
        old = next((path for path in self._paths() if _is_same(path, name)), None)
        if old is not None and not replace:
            raise _taken(what)
        target = old or self.folder / f"{name}{_SUFFIX}"
        try:
            _write(target.resolve(), content, replace=replace)
        except FileExistsError:
            raise _taken(what) from None
        except (OSError, RuntimeError) as error:  # the latter of links that lead in a circle
            raise TemplateError(what, _told(error), f"Correct the folder {self.folder}.") from None
        return self._entry(target)

    def delete(self, name: str) -> None:
        """Remove one template.

        Raises:
            TemplateError: there is none of that name, or its file cannot be removed.
        """
        what = f"Template {shown_name(name)} cannot be deleted"
        try:
            self._find(name, what).unlink()
        except OSError as error:
            raise TemplateError(what, _told(error), f"Correct the folder {self.folder}.") from None

    def _paths(self) -> list[Path]:
        try:
            found = [
                one for one in self.folder.iterdir() if one.name.endswith(_SUFFIX) and not one.name.startswith(".")
            ]
        except FileNotFoundError:
            return []
        except OSError as error:
            cause = _told(error)
            raise TemplateError("Templates cannot be listed", cause, f"Correct the folder {self.folder}.") from None
        return sorted(found, key=lambda path: (_name(path).casefold(), path.name))

    def _entry(self, path: Path) -> TemplateEntry:
        name = _name(path)
        try:
            template = _read(path, name)
        except TemplateError as error:
            return TemplateEntry(name, "", path, fault=error.cause)
        return TemplateEntry(name, template.description, path, name_fault(name), template)

    def _find(self, name: str, what: str) -> Path:
        wanted = unicodedata.normalize("NFC", name.strip())
        paths = self._paths()
        exact = [path for path in paths if _name(path) == wanted]
        if found := exact or [path for path in paths if _is_same(path, wanted)]:
            return found[0]
        names = [_name(path) for path in paths]
        near = difflib.get_close_matches(wanted[:NAME_MOST], names, n=1)
        step = f"Did you mean {shown_name(near[0])}?" if near else "See: aepx templates list"
        raise TemplateError(what, f"There is none of that name in {self.folder}.", step)


def name_fault(name: str) -> str:
    """Return as a sentence why a name will not do, "" if it will; what does is safe as a file name on every system."""
    wrong = sorted(set(name) & set(_FORBIDDEN))
    reasons = (
        (not name.strip(), "A template needs a name."),
        (len(name) > NAME_MOST, f"A name has up to {NAME_MOST} characters, not {len(name):,}."),
        (
            any(unicodedata.category(char) in HIDDEN for char in name[:NAME_MOST]),
            "A name has no control or invisible characters.",
        ),
        (bool(wrong), f"A name has none of {' '.join(wrong)}, as it becomes a file name."),
        (
            name != name.strip() or name.startswith(".") or name.endswith("."),
            "A name neither begins nor ends with a dot or a blank.",
        ),
        (_RESERVED.fullmatch(name) is not None, f"The name {name[:NAME_MOST]} belongs to the system on Windows."),
        (
            len(f"{name}{_SUFFIX}".encode(errors="replace")) > _BYTES_MOST,
            "The name is too long for a file name.",
        ),
    )
    return next((said for is_wrong, said in reasons if is_wrong), "")


def description_fault(description: str) -> str:
    """Return as a sentence why a description will not do, "" if it will."""
    if len(description) > DESCRIPTION_MOST:
        return f"A description has up to {DESCRIPTION_MOST} characters, not {len(description):,}."
    if any(unicodedata.category(char) == "Cs" for char in description):
        return "The description holds half a character (a lone surrogate)."
    return ""


def shown_name(name: str) -> str:
    """Return a name for a message: cut, and escaped where a terminal would obey it."""
    cut = name if len(name) <= NAME_MOST else f"{name[:NAME_MOST]}…"
    return cut if cut.isprintable() else shown(cut, limit=NAME_MOST)


def _read(path: Path, what: str) -> Template:
    name = _name(path)
    # A pipe or a device would keep the reader waiting for ever.
    if not path.is_file():
        raise TemplateError(what, "It is no file.", f"Correct {path}.")
    try:
        document, text = read_document(path)
    except UnreadableError as error:
        place = "" if error.line is None else f" (line {error.line})"
        raise TemplateError(what, f"{error.cause}{place}.", f"{error.remedy} The file is {path}") from None
    description = document.pop(_DESCRIPTION, "")
    if not isinstance(description, str):
        raise TemplateError(what, "Its description is no text.", f"Put it in quotes in {path}.")
    try:
        body = {key: _json_value(value, key, 1) for key, value in document.items()}
    except ValueError as error:
        raise TemplateError(what, str(error), f"Correct {path}.") from None
    return Template(name, description, body, path, text)


def _json_value(value: Any, path: str, level: int) -> Any:
    """Return a value of TOML as one of JSON: moments become their text."""
    if level > DEEPEST:
        raise ValueError("It is nested too deeply.")
    if isinstance(value, dict):
        return {key: _json_value(inner, f"{path}.{key}", level + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_json_value(inner, f"{path}[{place}]", level + 1) for place, inner in enumerate(value)]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        raise ValueError(f"{path} is a time without a day.")  # noqa: TRY004 - a fault of the file, not of our call
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{path} is no number that JSON has.")
    return value


def _content(what: str, description: str, body: Mapping[str, Any]) -> bytes:
    if _DESCRIPTION in body:
        raise TemplateError(
            what, "Its body has a key description of its own.", "Remove it: here it is the template's own."
        )
    try:
        text = to_toml({**({_DESCRIPTION: description} if description else {}), **body})
    except ValueError as error:
        raise TemplateError(what, str(error), "Remove or correct it.") from None
    content = text.encode()
    if len(content) > _LARGEST:
        raise TemplateError(what, f"It has {len(content):,} bytes and may have {_LARGEST:,}.", "Name fewer fields.")
    return content


def _write(target: Path, content: bytes, *, replace: bool) -> None:
    """Write a file that is there whole or not at all, and is its owner's alone."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(target)
        else:
            _put_new(Path(temporary), target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()


def _put_new(temporary: Path, target: Path) -> None:
    """Give a file its name unless the name is taken, also by somebody else this very moment."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError from None
        temporary.replace(target)


def _key_path(field_path: str) -> KeyPath:
    """Return `filter.segments[0].status` as `key_lines` has it, where tables of an array are numbered from 1."""
    parts: list[str] = []
    for part in field_path.split("."):
        name, _, rest = part.partition("[")
        parts.append(name)
        parts += [str(int(number) + 1) for number in re.findall(r"(\d+)\]", rest)]
    return tuple(parts)


def _name(path: Path) -> str:
    return unicodedata.normalize("NFC", path.name.removesuffix(_SUFFIX))


def _is_same(path: Path, name: str) -> bool:
    return _name(path).casefold() == name.casefold()


def _taken(what: str) -> NameTakenError:
    return NameTakenError(what, "There is one of that name.", "Choose another name, or replace it.")


def _told(error: OSError | RuntimeError) -> str:
    return f"{getattr(error, 'strerror', None) or error}."
