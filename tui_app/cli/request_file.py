"""Owns reading a request from a file or standard input: a JSON body, or a curl command without its secrets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tui_app.cli.output import Output

if TYPE_CHECKING:
    from tui_app.models.curl_text import Pasted

_BYTES_A_CHARACTER: Final = 4


def read_request(source: str, *, path: str | None = None) -> Pasted:
    """Return the request in a file, `-` being standard input; what was left out of it is told on stderr.

    Args:
        source: the file's path.
        path: of the call that is wanted; None is the creation of an export job.

    Raises:
        click.UsageError: it cannot be read or holds something else; the message says what and where.
    """
    from tui_app.models.curl_text import EXPORT_JOBS_PATH, LONGEST, read_request_text  # noqa: PLC0415 - only files
    from tui_app.models.request_json import PasteError  # noqa: PLC0415 - as above

    shown = "standard input" if source == "-" else source
    most = LONGEST * _BYTES_A_CHARACTER + 1
    try:
        if source == "-":
            content = sys.stdin.buffer.read(most)
        else:
            with Path(source).open("rb") as file:
                content = file.read(most)
    except OSError as error:
        raise click.UsageError(f"--file {shown} cannot be read: {error.strerror}.") from None
    except ValueError:  # a path with a null character in it
        raise click.UsageError(f"--file {shown} is no name that a file can have.") from None
    try:
        found = read_request_text(content.decode("utf-8-sig"), path=path or EXPORT_JOBS_PATH)
    except UnicodeDecodeError:
        raise click.UsageError(f"--file {shown} is not UTF-8 text. Save it as UTF-8.") from None
    except PasteError as error:
        raise click.UsageError(f"--file {shown}: {error}") from None
    output = Output()
    for told in (found.dropped_text, *(f"Warning: {remark}" for remark in found.remarks)):
        if told:
            output.narrate(told)
    return found
