from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui_app.present.cells import Column, layout

STATUS = Column("status", "STATUS", 12)
ID = Column("id", "ID", 8, priority=1)
DATASET = Column("dataset", "DATASET", 10, weight=2, priority=2)
ERROR = Column("error", "ERROR", 10, weight=1, priority=3)
ALL = (STATUS, ID, DATASET, ERROR)


def widths(width: int) -> dict[str, int]:
    return {column.key: given_width for column, given_width in layout(ALL, width)}


def test_what_is_left_over_is_shared_by_weight() -> None:
    assert widths(46 + 30) == {"status": 12, "id": 8, "dataset": 30, "error": 20}


def test_columns_of_high_priority_numbers_go_first() -> None:
    assert widths(45) == {"status": 12, "id": 8, "dataset": 21}
    assert widths(23) == {"status": 12, "id": 8}
    assert widths(21) == {"status": 12}


def test_of_equal_priorities_the_last_goes_first() -> None:
    columns = (Column("a", "A", 5), Column("b", "B", 5), Column("c", "C", 5))
    assert [column.key for column, _ in layout(columns, 12)] == ["a", "b"]


def test_the_last_column_is_narrowed_not_dropped() -> None:
    assert widths(5) == {"status": 5}
    assert widths(0) == {}
    assert layout((), 80) == ()


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=10),
    st.integers(1, 300),
    st.integers(0, 3),
)
def test_the_width_is_never_exceeded_and_used_up_by_weights(
    shapes: list[tuple[int, int, int]], width: int, gap: int
) -> None:
    columns = [
        Column(str(number), str(number), least, weight=weight, priority=priority)
        for number, (least, weight, priority) in enumerate(shapes)
    ]
    placed = layout(columns, width, gap=gap)
    taken = sum(column_width for _, column_width in placed) + gap * (len(placed) - 1)
    assert taken <= width
    if any(column.weight for column, _ in placed):
        assert taken == width
    assert all(column_width > 0 for _, column_width in placed)
    keys = [column.key for column in columns]
    assert [column.key for column, _ in placed] == [key for key in keys if key in {c.key for c, _ in placed}]
