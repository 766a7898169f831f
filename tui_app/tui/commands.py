"""Owns what a person can do: one record a command; keys, footer, palette, help and README's table come from it.

It draws nothing and needs no framework, so that `aepx config check` can ask it too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tui_app.present.keymap import Keymap, make_keymap, show_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LIST: Final = "job list"
DETAIL: Final = "job detail"
SEARCH: Final = "raw search"
FORM: Final = "form"
DOWNLOADS: Final = "downloads"
DATA: Final = "data"
ANYWHERE: Final = (LIST, DETAIL, FORM, DOWNLOADS, DATA)
JOBS: Final = (LIST, DETAIL)
OVER: Final = {DETAIL: SEARCH}
"""The place that lies over another: its commands have the keys for as long as they can be used."""


@dataclass(frozen=True, slots=True)
class Context:
    """What decides whether a command can be used now; made afresh by the screen, cheaply."""

    has_job: bool = False
    """A job is under the cursor or open."""
    ended: bool = False
    """That job, or every marked one, has ended."""
    has_data: bool = False
    """The job under the cursor or open has succeeded."""
    read_only: bool = False
    marked: int = 0
    has_failure: bool = False
    job_form: bool = False
    """The form is that of a job, which takes a dataset and segments."""
    form_closed: bool = False
    """The form is being sent, or was."""
    unsaved: bool = False
    """Leaving would lose what was entered."""
    has_matches: bool = False
    """A search in the raw record found something."""
    download: str = ""
    """The state of the download under the cursor."""
    has_rows: bool = False
    """There are rows of data to be seen."""
    has_tables: bool = False
    """There are downloaded files that SQL can be asked of."""
    is_running: bool = False
    """A statement is at work."""


def _always(_: Context) -> str | None:
    return None


def _needs_job(context: Context) -> str | None:
    return None if context.has_job else "no job is selected"


def _needs_data(context: Context) -> str | None:
    if context.has_data:
        return None
    return _needs_job(context) or "there is data to download once the job is SUCCEEDED"


def _needs_running_job(context: Context) -> str | None:
    if not context.has_job:
        return "no job is selected"
    if context.ended:
        return "the job has ended"
    return "this sandbox is read-only here" if context.read_only else None


def _needs_following(context: Context) -> str | None:
    if not context.has_job:
        return "no job is selected"
    return "the job has ended" if context.ended else None


def _needs_writable(context: Context) -> str | None:
    return "this sandbox is read-only here" if context.read_only else None


def _needs_open_form(context: Context) -> str | None:
    return "the form is being sent, or was" if context.form_closed else None


def _needs_sendable_form(context: Context) -> str | None:
    return _needs_open_form(context) or _needs_writable(context)


def _needs_job_form(context: Context) -> str | None:
    return _needs_open_form(context) if context.job_form else "only in the form of a job"


def _needs_writable_job_form(context: Context) -> str | None:
    return _needs_job_form(context) or _needs_writable(context)


def _needs_nothing_unsaved(context: Context) -> str | None:
    return "what you entered would be lost: send it or leave it first" if context.unsaved else None


def _needs_clone(context: Context) -> str | None:
    return _needs_job(context) or _needs_writable(context)


def _needs_marks(context: Context) -> str | None:
    return None if context.marked else "nothing is marked"


def _needs_failure(context: Context) -> str | None:
    return None if context.has_failure else "nothing failed"


def _needs_download(context: Context) -> str | None:
    return None if context.download else "there is no download"


def _needs_unfinished(context: Context) -> str | None:
    if not context.download:
        return "there is no download"
    return "it is complete" if context.download == "done" else None


def _needs_done(context: Context) -> str | None:
    if not context.download:
        return "there is no download"
    return None if context.download == "done" else "it is not complete"


def _needs_rows(context: Context) -> str | None:
    return None if context.has_rows else "there are no rows"


def _needs_tables(context: Context) -> str | None:
    return None if context.has_tables else "SQL needs the files here: D in the job downloads them"


def _needs_matches(context: Context) -> str | None:
    return None if context.has_matches else "nothing was searched for, or found"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can do."""

    id: str
    """Stable name, `noun.verb`; what the configuration remaps by."""
    keys: str
    """Comma separated, in the framework's spelling."""
    label: str
    """For the footer and the palette, sentence case."""
    help: str
    """One sentence for help and README."""
    places: tuple[str, ...]
    footer: bool = False
    unavailable: Callable[[Context], str | None] = field(default=_always)
    """Why it cannot be used now, None when it can."""
    instead: tuple[str, str] | None = None
    """The command to name when this one cannot be used, and what it does: `("job.clone", "clones it")`."""
    calls: str = ""
    """The framework's action where it is not named as the command, as for several commands that share one."""
    series: str = ""
    """Of commands that differ by their digit alone, the id of the first: lists of keys show them as one."""

    @property
    def action(self) -> str:
        """The framework's action: `job.cancel` is `job_cancel`."""
        return self.calls or self.id.replace(".", "_")


_FIRST_VIEW: Final = "view.1"

COMMANDS: Final[tuple[Command, ...]] = (
    Command("job.open", "enter", "Open", "Open the job under the cursor.", (LIST,), True, _needs_job),
    Command("job.describe", "d", "Describe", "Show the overview of the job.", JOBS, False, _needs_job),
    Command("job.raw", "y", "Raw JSON", "Show the job as the platform sent it.", JOBS, False, _needs_job),
    Command(
        "filter.edit",
        "slash",
        "Filter",
        "Filter by any text and by fields: status:failed age<7d stuck:yes; f2 there explains the language.",
        (LIST,),
        True,
    ),
    Command("job.new", "n", "New job", "Create an export job.", JOBS, True, _needs_writable),
    Command(
        "dataset.new", "N", "New dataset", "Create a dataset that an export can go into.", JOBS, False, _needs_writable
    ),
    Command(
        "job.cancel",
        "x",
        "Cancel job",
        "Ask the platform to cancel the job; always asks first.",
        JOBS,
        True,
        _needs_running_job,
        instead=("job.clone", "clones it"),
    ),
    Command("job.clone", "t", "Clone", "Start a new job from this one.", JOBS, True, _needs_clone),
    Command("job.watch", "w", "Watch", "Notify when the job ends; again to stop.", JOBS, False, _needs_following),
    Command("job.copy_id", "c", "Copy id", "Copy the job's id.", JOBS, False, _needs_job),
    Command(
        "job.copy",
        "C",
        "Copy…",
        "Choose what to copy: id, dataset, batches, error, request, JSON.",
        JOBS,
        False,
        _needs_job,
    ),
    Command(
        "job.rows",
        "P",
        "Rows",
        "Look at the exported rows: of the downloaded files, else the first ones from the platform.",
        JOBS,
        False,
        _needs_job,
    ),
    Command("job.query", "Q", "SQL", "Ask SQL of the job's downloaded files.", JOBS, False, _needs_job),
    Command("job.download", "D", "Download", "Download the exported files of the job.", JOBS, True, _needs_data),
    Command(
        "job.link",
        "W",
        "Web link",
        "Show the address of the job's dataset in the platform's web page.",
        JOBS,
        False,
        _needs_job,
    ),
    Command(
        "psql.open",
        "O",
        "psql",
        "Open your own psql on the platform's Query Service; the app comes back when it ends.",
        (*JOBS, DATA),
        False,
    ),
    Command("downloads.open", "L", "Downloads", "Show the downloads and how far they are.", (*JOBS, DATA), False),
    Command("mark.toggle", "space", "Mark", "Mark or unmark the job and go down.", (LIST,), False, _needs_job),
    Command("mark.range", "v", "Mark range", "Mark from the last mark to the cursor.", (LIST,), False, _needs_job),
    Command("mark.clear", "u", "Clear marks", "Clear all marks.", (LIST,), False, _needs_marks),
    Command("list.sort", "s", "Sort…", "Choose the column to sort by.", (LIST,), False),
    Command("list.flip", "S", "Flip sort", "Turn the order round.", (LIST,), False),
    Command("columns.choose", "o", "Columns…", "Choose the columns and their order.", (LIST,), False),
    Command("view.open", "V", "Views…", "Show, save, name or remove views: filter, order and columns.", (LIST,), False),
    *(
        Command(
            f"view.{digit}",
            str(digit),
            f"View {digit}",
            "Show the saved view that has this digit.",
            (LIST,),
            calls=f"view_saved('{digit}')",
            series=_FIRST_VIEW,
        )
        for digit in range(1, 10)
    ),
    Command("view.reset", "0", "Reset view", "Show all jobs, the newest first, in the usual columns.", (LIST,), False),
    Command("list.statistics", "i", "Statistics", "Show figures of the jobs that the list shows.", (LIST,), False),
    Command(
        "list.export", "e", "Export…", "Write the jobs shown, or those marked, to a file.", (LIST,), False, _needs_job
    ),
    Command("refresh", "r", "Refresh", "Ask the platform now.", JOBS, True),
    Command("refresh.all", "R", "Refresh all", "Ask again for every job that runs, and for names.", (LIST,), False),
    Command("live.pause", "p", "Pause", "Freeze the rows and stop asking the platform; again to go on.", JOBS, False),
    Command("time.style", "T", "Time style", "Switch between ages and times.", JOBS, False),
    Command(
        "failure.show",
        "exclamation_mark,f4",
        "Last failure",
        "Show all of the last failure.",
        ANYWHERE,
        False,
        _needs_failure,
    ),
    Command("pane.1", "1", "Overview", "Show the overview.", (DETAIL,), False),
    Command("pane.2", "2", "Errors", "Show the errors.", (DETAIL,), False),
    Command("pane.3", "3", "Request", "Show what was asked for.", (DETAIL,), False),
    Command("pane.4", "4", "Batches", "Show the batches.", (DETAIL,), False),
    Command("pane.5", "5", "Raw", "Show the job as the platform sent it.", (DETAIL,), False),
    Command("raw.search", "slash", "Search", "Search the raw JSON.", (DETAIL,), False),
    Command("raw.next", "n", "Next match", "Go to the next match.", (SEARCH,), True, _needs_matches),
    Command("raw.previous", "N", "Previous match", "Go to the previous match.", (SEARCH,), True, _needs_matches),
    Command("pane.full", "f", "Full screen", "Give the pane the whole screen; again to go back.", (DETAIL,), False),
    Command("form.submit", "ctrl+j,f5", "Submit", "Check and send.", (FORM,), True, _needs_sendable_form),
    Command(
        "form.pick",
        "ctrl+l,f9",
        "Pick",
        "Choose from a list for the field with the cursor: dataset, audiences, merge policy, fields.",
        (FORM,),
        True,
        _needs_job_form,
    ),
    Command(
        "form.preview",
        "ctrl+t,f6",
        "Preview",
        "Switch the preview between JSON, curl and Python.",
        (FORM,),
        True,
        _needs_open_form,
    ),
    Command("form.copy", "ctrl+y,f7", "Copy preview", "Copy the preview; it holds no secret.", (FORM,), False),
    Command(
        "form.dataset",
        "ctrl+n,f8",
        "New dataset",
        "Create the dataset and come back with its id.",
        (FORM,),
        True,
        _needs_writable_job_form,
    ),
    Command(
        "form.segment_add",
        "ctrl+g,f2",
        "Add segment",
        "Add a segment after the one with the cursor.",
        (FORM,),
        False,
        _needs_job_form,
    ),
    Command(
        "form.segment_remove",
        "ctrl+r,f3",
        "Remove segment",
        "Remove the segment with the cursor.",
        (FORM,),
        False,
        _needs_job_form,
    ),
    Command(
        "form.start",
        "ctrl+f,f10",
        "Begin from",
        "Begin from a template, or paste a JSON body or curl command.",
        (FORM,),
        False,
        _needs_job_form,
    ),
    Command(
        "form.save",
        "f12,alt+s",
        "Save as template",
        "Keep the request under a name to begin others from.",
        (FORM,),
        False,
        _needs_job_form,
    ),
    Command("download.open", "enter", "Rows", "Look at the rows of the files.", (DOWNLOADS,), True, _needs_done),
    Command(
        "download.pause", "p", "Pause", "Pause the download; again to go on.", (DOWNLOADS,), True, _needs_unfinished
    ),
    Command(
        "download.cancel",
        "x",
        "Stop",
        "Stop the download; what is here stays, and going on with it begins there.",
        (DOWNLOADS,),
        True,
        _needs_unfinished,
    ),
    Command(
        "download.verify",
        "v",
        "Verify",
        "Read the files again and compare size and checksum with the manifest.",
        (DOWNLOADS,),
        True,
        _needs_done,
    ),
    Command("download.limit", "l", "Limit rate", "Limit the bytes a second of all downloads.", (DOWNLOADS,), True),
    Command(
        "download.earlier",
        "r",
        "Go on with earlier",
        "Go on with the downloads that an earlier run left unfinished.",
        (DOWNLOADS,),
        False,
    ),
    Command("download.copy", "c", "Copy folder", "Copy the folder's path.", (DOWNLOADS,), False, _needs_download),
    Command("data.run", "ctrl+j,f5", "Run", "Run the statement.", (DATA,), True, _needs_tables),
    Command("data.edit", "slash,s", "Edit SQL", "Go to the statement.", (DATA,), True, _needs_tables),
    Command("data.history", "h,ctrl+r", "History", "Choose an earlier statement.", (DATA,), False, _needs_tables),
    Command("data.tables", "t", "Tables", "Choose a table to look at.", (DATA,), False, _needs_tables),
    Command("data.row", "enter", "Row", "Open the row with its nested values.", (DATA,), True, _needs_rows),
    Command("data.columns", "o", "Columns…", "Choose the columns to show.", (DATA,), False, _needs_rows),
    Command(
        "data.statistics",
        "i",
        "Statistics",
        "Show type, share of nulls and distinct values of each column.",
        (DATA,),
        True,
        _needs_rows,
    ),
    Command("data.export", "e", "Export…", "Write the rows to a CSV or parquet file.", (DATA,), True, _needs_rows),
    Command("data.copy", "c", "Copy row", "Copy the row as JSON.", (DATA,), False, _needs_rows),
    Command(
        "connection.switch",
        "ctrl+o",
        "Connections",
        "Switch connection or sandbox.",
        ANYWHERE,
        False,
        _needs_nothing_unsaved,
    ),
    Command("palette", "colon,ctrl+p", "Palette", "Search every command.", ANYWHERE, False),
    Command("help", "question_mark,f1", "Keys", "Show all keys of this place.", ANYWHERE, True),
    Command(
        "back",
        "escape",
        "Back",
        "Go back; in the list: stop an export, clear the filter, then the marks.",
        ANYWHERE,
        False,
    ),
    Command("leave", "q", "Back", "Go back.", (DETAIL, DOWNLOADS, DATA), True),
    Command("quit", "q", "Quit", "Leave aepx; jobs run on.", (LIST,), True),
)

BY_ACTION: Final = {command.action: command for command in COMMANDS}
BY_ID: Final = {command.id: command for command in COMMANDS}
OPENS_FORM: Final = frozenset({"job.new", "job.clone", "dataset.new"})
"""Commands that end in a form, or in a question on the way to it; what is typed behind them is for that."""


@dataclass(frozen=True, slots=True)
class Move:
    """Keys that move and belong to the widget with the focus: they are told of, and cannot be changed."""

    keys: tuple[str, ...]
    """Each group, comma separated, goes one way."""
    help: str
    does: str
    """The same for a message: `j` moves the cursor."""
    places: tuple[str, ...]

    @property
    def shown_keys(self) -> str:
        """The keys as a person reads them."""
        return " / ".join(" ".join(map(show_key, group.split(","))) for group in self.keys)


MOVES: Final = (
    Move(("up,k", "down,j"), "Move by a row.", "moves the cursor", (LIST, DOWNLOADS, DATA)),
    Move(("up,k", "down,j"), "Scroll by a line.", "scrolls", (DETAIL,)),
    Move(("pageup", "pagedown"), "Move by a page.", "moves by a page", ANYWHERE),
    Move(("home,g", "end,G"), "Go to the first or the last row.", "moves the cursor", (LIST, DOWNLOADS, DATA)),
    Move(("left", "right"), "Show columns further left or right.", "moves sideways", (DATA,)),
    Move(("home,g", "end,G"), "Go to the first or the last line.", "scrolls", (DETAIL,)),
    Move(("enter",), "", "opens the job under the cursor", (LIST,)),
    Move(("up", "down,enter"), "Go to the previous or the next field.", "moves between fields", (FORM,)),
    Move(("left", "right"), "Move in a text, or to another choice.", "moves in a field", (FORM,)),
    Move(("space",), "Take the choice.", "takes a choice", (FORM,)),
    Move(("shift+tab", "tab"), "Go to the previous or the next part of the screen.", "moves the focus", ANYWHERE),
    Move(
        ("home,end,backspace,delete,ctrl+a,ctrl+d,ctrl+e,ctrl+f,ctrl+k,ctrl+u,ctrl+v,ctrl+w,ctrl+x",),
        "",
        "edits a field",
        (FORM,),
    ),
)
"""What moves, place by place; those without help are said elsewhere or are everybody's."""


def series_of(command: Command) -> tuple[Command, ...]:
    """Return the commands that a list of keys shows as one with this, itself included."""
    return tuple(one for one in COMMANDS if one.series == command.series) if command.series else (command,)


def joined_keys(shown: Sequence[str]) -> str:
    """Return the keys of a series as a person reads them: `1-9`, or one by one where they are not its digits."""
    digits = [str(digit) for digit in range(1, len(shown) + 1)]
    return f"{shown[0]}-{shown[-1]}" if len(shown) > 1 and list(shown) == digits else " ".join(filter(None, shown))


def commands_of(place: str) -> tuple[Command, ...]:
    """Return the commands that exist in a place, in the order of the registry."""
    return tuple(command for command in COMMANDS if place in command.places)


def reachable(place: str) -> tuple[tuple[Command, str], ...]:
    """Return the commands whose keys count in a place, first those of what lies over it, each with its own place."""
    over = OVER.get(place, "")
    return (
        *((command, over) for command in commands_of(over)),
        *((command, place) for command in commands_of(place)),
    )


def effective_keymap(remaps: Mapping[str, str]) -> Keymap:
    """Return the keys in force under the remaps of the configuration, keys by command id."""
    fixed: dict[str, dict[str, str]] = {}
    for move in MOVES:
        for place in (*move.places, *(OVER[one] for one in move.places if one in OVER)):
            for group in move.keys:
                fixed.setdefault(place, {}).update(dict.fromkeys(group.split(","), move.does))
    return make_keymap(COMMANDS, remaps, fixed=fixed, typing=(FORM,))


def usable(place: str, context: Context, keymap: Keymap) -> Iterator[tuple[Command, tuple[str, ...]]]:
    """Yield the commands that can be used now, each with the keys that reach it."""
    taken: set[str] = set()
    for command, own in reachable(place):
        if command.unavailable(context) is None:
            keys = tuple(key for key in keymap.keys(command.id, own) if key not in taken)
            taken.update(keys)
            yield command, keys


def key_table() -> str:
    """Return the table of keys for README, in Markdown."""
    lines = ["| Key | Command | Where | What it does |", "| --- | --- | --- | --- |"]
    for command in COMMANDS:
        if command.series not in ("", command.id):
            continue
        where = "everywhere" if command.places == ANYWHERE else ", ".join(command.places)
        members = series_of(command)
        keys = [show_key(key) for key in command.keys.split(",")]
        name = f"`{command.id}`"
        if len(members) > 1:
            keys = [joined_keys([show_key(one.keys) for one in members])]
            name = f"{name} to `{members[-1].id}`"
        lines.append(f"| {' '.join(f'`{key}`' for key in keys)} | {name} | {where} | {command.help} |")
    return "\n".join(lines)
