"""Owns reading a query's SQL: what it does, which tables it names, that it can touch nothing else, and its dialect.

DuckDB's own parser reads it; nothing is run here. Lists count from 0 as in the platform's SQL, from 1 in DuckDB's, so
an index in brackets is moved by one; the texts of map keys are left alone (API reference 9.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["select", "ctas", "insert"]
Scalars = Mapping[str, str | int | float | bool | None]

LONGEST = 50_000  # characters of SQL; the largest tree that so many make is read in a second
LARGEST_LIMIT = 100_000
_LONGEST_NUMBER = 18  # digits
_LARGEST_TREE = 3_000_000  # characters of JSON: reading more of it in one go would hold up all other work
_PARSER: dict[str, str | int | float | list[str]] = {
    "memory_limit": "256MB",
    "threads": 1,
    "enable_external_access": "false",
}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_NAME = r'(?P<name>"(?:[^"]|"")++"|[A-Za-z_]\w*+)'
_CREATE = re.compile(
    rf"CREATE\s++TABLE\s++(?P<spare>IF\s++NOT\s++EXISTS\s++)?+{_NAME}\s*+(?:WITH\s*+\((?P<with>[^()]*+)\)\s*+)?+AS\b",
    re.IGNORECASE,
)
_INSERT = re.compile(rf"INSERT\s++INTO\s++{_NAME}\s*+(?:AS\b)?+", re.IGNORECASE)
_SCHEMA = re.compile(r"\bschema\s*+=\s*+'([^']*+)'", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_APART = frozenset((b"", b" ", b"\t", b"\n", b"\r", b",", b"(", b")"))
_BEFORE_TABLE = frozenset({"from", "join", "into", "table"})
_SERVED = "Only SELECT, CREATE TABLE AS, INSERT INTO, DESCRIBE and SHOW TABLES are supported."
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_REFUSED = re.compile(
    r"(?:current_|get)?(?:setting|variable|env)|write_log|pg_.*|__.*|duckdb_.*|sleep_ms|nextval|currval|setval|setseed"
    r"|current_query.*|current_connection_id|inet_.*|in_search_path|vector_type|stats|parse_duckdb_log_message",
)


class SqlError(Exception):
    """Why a statement is not run or did not end well: PostgreSQL's `code` as the platform uses it, and a message."""

    def __init__(self, code: str, message: str, *, by_system: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.by_system = by_system


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that may run.

    `effective` is its text with the parameters filled in; `variants` are spellings for DuckDB of the SELECT in it, of
    which the first that can be bound is right. `tables` are the lower-case names that it reads, `lists_tables` whether
    it asks for all of them. `target` is the table that it makes or adds to, `spares` whether one that exists is fine,
    `schema_title` the schema that a new one asks for. `limit` is the outermost LIMIT when it is a plain number.
    """

    kind: Kind
    effective: str
    variants: tuple[str, ...]
    tables: tuple[str, ...]
    lists_tables: bool = False
    target: str = ""
    spares: bool = False
    schema_title: str = ""
    limit: int | None = None


class _Token(NamedTuple):
    start: int
    end: int
    kind: str
    text: bytes


def read_statement(
    sql: str, parameters: Scalars, *, turn_into: Kind = "select", target: str = "", schema_title: str = ""
) -> Statement:
    """Read one statement; it may take a second.

    `turn_into`, `target` and `schema_title` make a plain SELECT write a dataset.

    Raises:
        SqlError: it is no statement, more than one, one that is not served, or it names what may not be reached.
    """
    import duckdb  # noqa: PLC0415 - the emulator starts without it

    if len(sql) > LONGEST:
        raise SqlError("54001", f"The statement has {len(sql)} characters; at most {LONGEST} are run.")
    if _UNPRINTABLE.search(sql):
        raise SqlError("42601", "Syntax error: the statement holds control characters.")
    try:
        written = _filled(sql, parameters).encode()
    except UnicodeEncodeError:
        raise SqlError("42601", "Syntax error: the statement is not Unicode text.") from None
    text = _one_statement(written)
    parts = _split(text)
    if turn_into != "select":
        if parts.kind != "select":
            raise SqlError("42601", "A statement that writes cannot be turned into another one that does.")
        quoted = '"' + target.replace('"', '""') + '"'
        verb = f"CREATE TABLE {quoted} AS" if turn_into == "ctas" else f"INSERT INTO {quoted}"
        text = verb.encode("utf-8", "replace") + b" " + text
        parts = parts._replace(kind=turn_into, target=target, schema_title=schema_title)
    with duckdb.connect(":memory:", config=_PARSER) as connection:
        tree = _tree(connection, parts.select.decode())
    found = _inspect(tree)
    if parts.kind != "select" and found.describes:
        raise SqlError("0A000", "Only the rows of a SELECT can be written to a dataset.")
    return Statement(
        kind=parts.kind,
        effective=text.decode(),
        variants=_variants(parts.select, found.indexes),
        tables=tuple(sorted(found.tables)),
        lists_tables=found.lists_tables,
        target=parts.target,
        spares=parts.spares,
        schema_title=parts.schema_title,
        limit=found.limit,
    )


def _tokens(text: bytes) -> list[_Token]:
    import duckdb  # noqa: PLC0415 - the emulator starts without it

    try:
        marks = duckdb.tokenize(text.decode())
    except duckdb.Error as error:
        raise SqlError("42601", f"Syntax error: {_first_line(error)}") from None
    places = [*(start for start, _ in marks), len(text)]
    return [
        _Token(start, end, kind.name, text[start:end])
        for (start, kind), end in zip(marks, places[1:], strict=True)
        if kind.name != "comment"
    ]


def _filled(sql: str, parameters: Scalars) -> str:
    """Put literals in the place of `$name`, or quoted names where a table is named; `$` may stand in the keys too."""
    if "$" not in sql:
        return sql
    values = {name.removeprefix("$"): value for name, value in parameters.items()}
    text, done, at, length = sql.encode(), [], 0, len(sql)
    tokens = _tokens(text)
    for index, token in enumerate(tokens[:-1]):
        name = tokens[index + 1]
        if token.text != b"$" or name.start != token.end or name.kind not in ("identifier", "keyword"):
            continue
        key = name.text.decode().strip()
        if key not in values:
            raise SqlError("42601", f"No value is given for the parameter ${key}.")
        before = tokens[index - 1].text.decode().strip().lower() if index else ""
        value = _table(key, values[key]) if before in _BEFORE_TABLE else _literal(values[key])
        end = token.end + len(name.text.rstrip())
        # No literal may grow together with what stands beside it.
        left = b"" if text[token.start - 1 : token.start] in _APART else b" "
        right = b"" if text[end : end + 1] in _APART else b" "
        done += [text[at : token.start], left, value.encode(), right]
        length += len(value)
        if length > LONGEST:
            raise SqlError("54001", f"With its parameters the statement has more than {LONGEST} characters.")
        at = end
    return b"".join([*done, text[at:]]).decode()


def _table(key: str, value: object) -> str:
    if not isinstance(value, str) or not _PLAIN_NAME.fullmatch(value):
        raise SqlError("42601", f"The parameter ${key} stands for a table, and its value is not a table's name.")
    return f'"{value}"'


def _literal(value: str | float | bool | None) -> str:  # noqa: FBT001 - a value to write down, not a switch
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        if _UNPRINTABLE.search(value):
            raise SqlError("42601", "The value of a parameter holds control characters.")
        return "'" + value.replace("'", "''") + "'"
    text = repr(value)
    return f"({text})" if text.startswith("-") else text  # a sign must not meet one that stands before it


def _one_statement(text: bytes) -> bytes:
    """Return the text of the only statement without what ends it."""
    tokens = _tokens(text)
    end = next((token.start for token in tokens if token.text.strip() == b";"), len(text))
    begin = next((token.start for token in tokens), len(text))
    if begin >= end:
        raise SqlError("42601", "Syntax error: there is no statement.")
    if any(token.text.strip() != b";" for token in tokens if token.start >= end):
        raise SqlError("0A000", "Several statements in one query are not supported.")
    return text[begin:end].rstrip()


class _Parts(NamedTuple):
    kind: Kind
    select: bytes
    target: str = ""
    spares: bool = False
    schema_title: str = ""


def _split(text: bytes) -> _Parts:
    """Take CREATE TABLE ... AS or INSERT INTO off the SELECT: DuckDB shows the tree of a SELECT only."""
    sql = text.decode()
    made = _CREATE.match(sql)
    if made:
        schema = _SCHEMA.search(made["with"] or "")
        return _Parts("ctas", sql[made.end() :].encode(), _name(made), bool(made["spare"]), schema[1] if schema else "")
    added = _INSERT.match(sql)
    if added:
        return _Parts("insert", sql[added.end() :].encode(), _name(added))
    return _Parts("select", text)


def _name(match: re.Match[str]) -> str:
    name = match["name"]
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _tree(connection: Any, select: str) -> dict[str, Any]:
    """Return the syntax tree of a SELECT, DESCRIBE or SHOW."""
    import duckdb  # noqa: PLC0415 - the emulator starts without it

    try:
        (text,) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [select]).fetchone()
        if len(text) > _LARGEST_TREE:
            raise SqlError("54001", "The statement is too complex.")
        answer: dict[str, Any] = json.loads(text)
    except (duckdb.Error, RecursionError) as error:
        raise SqlError("54001", f"The statement is too complex: {_first_line(error)}") from None
    if answer["error"]:
        if answer.get("error_type") == "not implemented":
            raise SqlError("0A000", _SERVED)
        raise SqlError("42601", f"Syntax error: {str(answer.get('error_message'))[:300]}")
    statements = answer["statements"]
    if len(statements) != 1:
        raise SqlError("42601", "Syntax error: there is not one statement.")
    tree: dict[str, Any] = statements[0]["node"]
    return tree


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300]


class _Index(NamedTuple):
    start: int
    length: int
    is_number: bool


@dataclass(slots=True)
class _Found:
    tables: set[str]
    indexes: list[_Index]
    describes: bool = False
    lists_tables: bool = False
    limit: int | None = None


def _inspect(tree: dict[str, Any]) -> _Found:
    """Walk the tree: collect the tables and the list indexes, refuse what is not a query over tables."""
    found = _Found(set(), [])
    for modifier in tree.get("modifiers", ()):
        literal = (modifier.get("limit") or {}).get("literal") or {}
        if literal.get("kind") == "INTEGER" and modifier.get("limit_type") == "ROW_COUNT":
            digits = str(literal["text"])
            found.limit = int(digits) if len(digits) <= _LONGEST_NUMBER else LARGEST_LIMIT + 1
    for node, common in _walk(tree):
        kind = node.get("type")
        if kind == "BASE_TABLE":
            _note_table(node, common, found)
        elif kind == "TABLE_FUNCTION":
            source = str(node["function"].get("function_name", "")).lower()
            if source not in _TABLE_FUNCTIONS:
                raise SqlError("0A000", f"The table function {source[:80]} is not supported.")
        elif kind == "SHOW_REF":
            _note_show(node, found)
        elif node.get("class") == "PARAMETER":
            raise SqlError("42601", "A parameter has no name or no value: write $name and give its value.")
        elif kind == "ARRAY_EXTRACT":
            _note_index(node, found)
        called = node.get("function_name")
        if isinstance(called, str) and _REFUSED.fullmatch(called.lower()):
            raise SqlError("0A000", f"The function {called[:80]} is not supported.")
    return found


def _walk(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Walk all objects of the tree with the names that WITH has defined there."""
    stack: list[tuple[object, frozenset[str]]] = [(tree, frozenset())]
    while stack:
        node, common = stack.pop()
        if isinstance(node, list):
            stack += [(one, common) for one in node]
        elif isinstance(node, dict):
            for entry in (node.get("cte_map") or {}).get("map", ()):
                name = str(entry["key"]).lower()
                body = entry["value"]
                is_recursive = (body.get("query_node") or {}).get("type") == "RECURSIVE_CTE_NODE"
                stack.append((body, common | {name} if is_recursive else common))
                common |= {name}
            yield node, common
            stack += [(value, common) for key, value in node.items() if key != "cte_map"]


def _note_table(node: dict[str, Any], common: frozenset[str], found: _Found) -> None:
    path: Sequence[str] = node["qualified_name"]["path"]
    if node.get("at_clause"):
        raise SqlError("0A000", "Snapshots of tables are not supported.")
    name = ".".join(path).lower()
    if len(path) != 1 or name not in common:
        found.tables.add(name)


def _note_show(node: dict[str, Any], found: _Found) -> None:
    found.describes = True
    if node.get("show_type") == "SHOW_SPECIAL" and node.get("table_name") == '"tables"':
        found.lists_tables = True
    elif node.get("show_type") != "DESCRIBE" or not node.get("query"):
        raise SqlError("0A000", "Only DESCRIBE and SHOW TABLES are supported of the statements that tell of tables.")


def _note_index(node: dict[str, Any], found: _Found) -> None:
    index = node["children"][1]
    literal = index.get("literal") or {}
    if literal.get("kind") != "STRING":
        is_number = literal.get("kind") == "INTEGER"
        found.indexes.append(_Index(node["query_location"], node["query_location_length"], is_number))


def _variants(select: bytes, indexes: Sequence[_Index]) -> tuple[str, ...]:
    """Move list indexes by one; a text that names no number may be a map's key, so both readings are offered."""
    moved = [_moved(select, indexes)]
    plain = [one for one in indexes if one.is_number]
    if len(plain) < len(indexes):
        moved.append(_moved(select, plain))
    return tuple(one.decode() for one in moved)


def _moved(select: bytes, indexes: Sequence[_Index]) -> bytes:
    marks: list[tuple[int, bytes]] = []
    for start, length, _ in indexes:
        end = start + length - 1
        if select[start : start + 1] != b"[" or select[end : end + 1] != b"]":
            raise SqlError("0A000", "A list index cannot be made out: write it in plain brackets with plain spaces.")
        marks += [(start + 1, b"1+("), (end, b")")]
    for at, text in sorted(marks, reverse=True):
        select = select[:at] + text + select[at:]
    return select
