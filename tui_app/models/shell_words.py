"""Owns cutting a pasted text into commands and words as bash, cmd or PowerShell would; nothing is expanded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_CMD: Final = re.compile(r'\^[ \t]*\n|\s(?:-[-\w]+\s+)?\^"')
_CONTINUED: Final = re.compile(r"\\[ \t]*\n")
_BACKTICKED: Final = re.compile(r"`[ \t]*\n")
_PLAIN: Final = re.compile(r"""[^\s'"\\$#;&|<>()`]+""")
_IN_DOUBLE: Final = re.compile(r'[^"\\]+')
_HERE: Final = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1([^\n]*)\n")
_HERE_MOST: Final = 20
"""Documents of `<<` that are read; each costs a copy of the text."""
_BACKSLASHES: Final = re.compile(r"\\+")
_CARET_LINE: Final = re.compile(r"\^[ \t]*\n")
_ANSI_ONE: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_ANSI: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))", re.DOTALL
)
_ANSI_END: Final = re.compile(r"(?:[^'\\]|\\.)*+'", re.DOTALL)


class OpenQuoteError(ValueError):
    """A quote has no end; `line` and `column`, from 1, are where it opens, None where that cannot be told."""

    def __init__(self, text: str = "", at: int | None = None) -> None:
        super().__init__("a quote is never closed")
        self.line = None if at is None else text.count("\n", 0, at) + 1
        self.column = None if at is None else at - text.rfind("\n", 0, at)


@dataclass(slots=True)
class ShellCommand:
    """One command: its words, and the document that `<<` gives it."""

    words: list[str] = field(default_factory=list)
    document: str | None = None


def commands_of(text: str) -> list[ShellCommand]:
    r"""Return the commands of a text, those without words left out.

    A line that begins with an option belongs to the command before it, as people lose the `\` at a line's end.

    Raises:
        OpenQuoteError: a quote has no end.
    """
    if _CMD.search(text) and not _CONTINUED.search(text):
        return [ShellCommand(words) for line in _cmd_lines(text) if (words := _cmd_words(line))]
    if _BACKTICKED.search(text) and not _CONTINUED.search(text):
        text = _BACKTICKED.sub(lambda found: " " * (len(found[0]) - 1) + "\x00", text).replace("\x00", " ")
    return _Shell(text).commands()


class _Shell:
    """A text and the place in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._commands: list[ShellCommand] = [ShellCommand()]
        self._word: list[str] | None = None
        self._documents = 0

    def commands(self) -> list[ShellCommand]:
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in " \t\r":
                self._end_word()
                self._at += 1
            elif char == "\n":
                self._end_line()
            elif char == "#" and self._word is None:
                self._skip_comment()
            elif char in "'\"":
                self._quoted(char)
            elif char == "\\":
                self._backslash()
            elif char == "$" and self._text[self._at + 1 : self._at + 2] in {"'", '"'}:
                self._dollar_quoted()
            elif char in ";&|<>()":
                self._operator(char)
            else:
                found = _PLAIN.match(self._text, self._at)
                piece = found[0] if found else char
                self._add(piece)
                self._at += len(piece)
        self._end_word()
        return [command for command in self._commands if command.words]

    def _add(self, piece: str) -> None:
        if self._word is None:
            self._word = []
        self._word.append(piece)

    def _end_word(self) -> None:
        if self._word is not None:
            self._commands[-1].words.append("".join(self._word))
            self._word = None

    def _end_line(self) -> None:
        self._end_word()
        self._at += 1
        following = self._text[self._at : self._at + 200].lstrip(" \t")
        if not following.startswith("-"):
            self._end_command()

    def _end_command(self) -> None:
        if self._commands[-1].words:
            self._commands.append(ShellCommand())

    def _skip_comment(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _quoted(self, quote: str) -> None:
        begin = self._at
        if quote == "'":
            end = self._text.find("'", begin + 1)
            if end < 0:
                raise OpenQuoteError(self._text, begin)
            self._add(self._text[begin + 1 : end])
            self._at = end + 1
            return
        self._add("")
        self._at += 1
        while True:
            if found := _IN_DOUBLE.match(self._text, self._at):
                self._add(found[0])
                self._at = found.end()
            if self._at >= len(self._text):
                raise OpenQuoteError(self._text, begin)
            if self._text[self._at] == '"':
                self._at += 1
                return
            following = self._text[self._at + 1 : self._at + 2]
            if following == "\n":
                pass
            elif following and following in '$`"\\':
                self._add(following)
            else:
                self._add(f"\\{following}")
            self._at += 2

    def _dollar_quoted(self) -> None:
        begin, quote = self._at, self._text[self._at + 1]
        self._at += 1
        if quote == '"':
            self._quoted(quote)
            return
        found = _ANSI_END.match(self._text, self._at + 1)
        if found is None:
            raise OpenQuoteError(self._text, begin)
        self._add(ansi_text(found[0][:-1]))
        self._at = found.end()

    def _backslash(self) -> None:
        if found := _CONTINUED.match(self._text, self._at):
            self._end_word() if len(found[0]) > 2 else None  # noqa: PLR2004 - a blank between stands for one
            self._at = found.end()
            return
        self._add(self._text[self._at + 1 : self._at + 2])
        self._at += 2

    def _operator(self, char: str) -> None:
        if char == "<" and (found := _HERE.match(self._text, self._at)) is not None:
            self._here_document(found)
            return
        if char in "<>":
            # A redirection: the digit before it and the file behind it are no words of curl's.
            if self._word is not None and "".join(self._word).isdigit():
                self._word = None
            self._end_word()
            self._at += 1
            self._skip_target()
            return
        self._end_word()
        self._end_command()
        self._at += 1

    def _skip_target(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in "<>& \t":
            self._at += 1
        if found := _PLAIN.match(self._text, self._at):
            self._at = found.end()

    def _here_document(self, found: re.Match[str]) -> None:
        self._end_word()
        text, self._documents = self._text, self._documents + 1
        end = re.compile(rf"^[ \t]*{re.escape(found[2])}[ \t]*$", re.MULTILINE).search(text, found.end())
        if end is None or self._documents > _HERE_MOST:
            raise OpenQuoteError(text, found.start())
        self._commands[-1].document = text[found.end() : end.start()]
        # Blank lines in its place, so that what stands behind the mark belongs to the command and places stay true.
        blank = "\n" * text.count("\n", found.end(), end.end())
        pad = " " * (end.end() - found.end() - len(blank))
        self._text = text[: found.end()] + pad + blank + text[end.end() :]
        self._at = found.start(3)


def ansi_text(text: str) -> str:
    r"""Return what stands between `$'` and `'` as bash reads it: `\n`, `\x41`, `\u00e9`, `\'` and so on."""
    return _ANSI.sub(_ansi_char, text)


def _ansi_char(found: re.Match[str]) -> str:
    two, four, eight, octal, control, other = found.groups()
    if number := two or four or eight:
        code = int(number, 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"  # noqa: PLR2004 - the last character there is
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if control:
        return chr(ord(control) & 0x1F)
    return _ANSI_ONE.get(other, f"\\{other}")


def _cmd_lines(text: str) -> list[str]:
    """Return the lines that cmd reads, their carets resolved; what a caret protects is data."""
    found: list[list[str]] = [[]]
    at, is_quoted = 0, False
    while at < len(text):
        char = text[at]
        if char == "^" and not is_quoted:
            at = _caret(text, at, found[-1])
            continue
        if char == '"':
            is_quoted = not is_quoted
        if char == "\n" and not is_quoted:
            following = text[at + 1 : at + 200].lstrip(" \t")
            if following.startswith("-"):
                found[-1].append(" ")
            else:
                found.append([])
        elif char in "&|" and not is_quoted:
            found.append([])
        else:
            found[-1].append(char)
        at += 1
    return ["".join(pieces) for pieces in found]


def _caret(text: str, at: int, line: list[str]) -> int:
    """Take what a caret protects, and return the place behind it."""
    if broken := _CARET_LINE.match(text, at):
        # A caret at a line's end joins the lines; an empty line behind it is a line break meant as data.
        at = broken.end()
        if text[at : at + 1] == "\n":
            line.append("\n")
            return at + 1
        return at
    line.append(text[at + 1 : at + 2])
    return at + 2


def _cmd_words(line: str) -> list[str]:
    r"""Return the words of a line as programs on Windows read them: `\"` and `""` are quotes, `\` alone is itself."""
    found: list[str] = []
    word: list[str] | None = None
    is_quoted, at = False, 0
    while at < len(line):
        char = line[at]
        if char == "\\":
            found_run = _BACKSLASHES.match(line, at)
            run = len(found_run[0]) if found_run else 1
            at += run
            is_before_quote = line[at : at + 1] == '"'
            word = word if word is not None else []
            word.append("\\" * (run // 2 if is_before_quote else run))
            if is_before_quote and run % 2:
                word.append('"')
                at += 1
            continue
        if char == '"':
            word = word if word is not None else []
            if is_quoted and line[at + 1 : at + 2] == '"':
                word.append('"')
                at += 1
            else:
                is_quoted = not is_quoted
        elif char in " \t\n" and not is_quoted:
            if word is not None:
                found.append("".join(word))
            word = None
        else:
            word = word if word is not None else []
            word.append(char)
        at += 1
    if is_quoted:
        raise OpenQuoteError
    return found if word is None else [*found, "".join(word)]
