"""How far a job has come: a bar in a terminal, a line now and then in a log."""

import io

import pytest
from rich.console import Console

from sparkbird.job.progress import Bar, Lines, Tasks, display_for


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (Tasks(0, 0, 0.0), "0 of 0 tasks, 0 s"),
        (Tasks(0, 8, 5.0), "0 of 8 tasks, 5 s"),
        (Tasks(2, 8, 10.0), "2 of 8 tasks, 10 s, about 30 s left"),
        (Tasks(8, 8, 40.0), "8 of 8 tasks, 40 s"),
        (Tasks(8, 8, 40.0, 80_000), "8 of 8 tasks, 80,000 rows, 2,000 rows/s, 40 s"),
    ],
)
def test_what_is_left_is_said_once_it_can_be_known(tasks, said):
    assert str(tasks) == said


def test_a_log_gets_a_line_each_time_that_so_many_seconds_are_over():
    file = io.StringIO()
    lines = Lines("scoring", Console(file=file), every=30.0)
    for seconds in (1.0, 29.0, 30.5, 31.0, 59.0, 61.0):
        lines.show(Tasks(1, 2, seconds))
    lines.close()
    assert file.getvalue().splitlines() == [
        "scoring: 1 of 2 tasks, 30 s, about 30 s left",
        "scoring: 1 of 2 tasks, 61 s, about 61 s left",
    ]


def test_a_terminal_gets_a_bar_that_goes_away():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    assert display_for(console) is Bar
    bar = Bar("scoring", console)
    bar.show(Tasks(3, 4, 1.0, 1_200))
    bar.close()
    assert "3/4" in file.getvalue()
    assert "tasks, 1,200 rows, 1,200 rows/s" in file.getvalue()
    assert "left:" in file.getvalue()


def test_what_is_no_terminal_gets_lines():
    assert display_for(Console(file=io.StringIO())) is Lines


#: What a notebook runs; what the first cell has displayed is looked at after each.
CELLS = [
    """from rich.console import Console
from sparkbird.job.progress import Tasks, display_for
shown = display_for(Console())("scoring <here>", Console())""",
    "shown.show(Tasks(3, 4, 2.0, 1000))",
    "shown.close()",
]


def test_a_notebook_gets_a_bar_that_moves():
    """In a kernel of Jupyter."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    found = []
    for count in (1, 2, 3):
        cells = [*map(nbformat.v4.new_code_cell, CELLS[:count])]
        notebook = nbformat.v4.new_notebook(cells=cells)
        done = nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
        found.append(done.cells[0].outputs[0].data)
    assert [data["text/plain"] for data in found] == [
        "scoring <here>",
        "scoring <here>: 3 of 4 tasks, 1,000 rows, 500 rows/s, 2 s, about 1 s left",
        "scoring <here>: done",
    ]
    assert (
        '<progress value="3" max="4"></progress> scoring &lt;here&gt;: 3' in found[1]["text/html"]
    )
    assert "progress" not in found[2]["text/html"]
