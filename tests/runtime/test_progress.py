"""Progress lines: at intervals, with rate and time left."""

import io

from p2w.runtime.progress import Progress


def test_lines_at_intervals():
    now, stream = [0.0], io.StringIO()
    progress = Progress(10, "steps", interval=5, stream=stream, clock=lambda: now[0])
    for _ in range(10):
        now[0] += 2
        progress.advance(note="loss 0.5")
    lines = stream.getvalue().splitlines()
    assert lines == [
        "3/10 steps, 0.5/s, 14 s left, loss 0.5",
        "6/10 steps, 0.5/s, 8 s left, loss 0.5",
        "9/10 steps, 0.5/s, 2 s left, loss 0.5",
        "10/10 steps, 0.5/s, took 20 s, loss 0.5",
    ]


def test_a_run_that_goes_on_counts_its_own_time():
    progress = Progress(100, "steps", clock=lambda: 0.0, first=90)
    progress.done = 95
    assert progress.line(10) == "95/100 steps, 0.5/s, 10 s left"


def test_long_times_and_no_time():
    progress = Progress(100_000, "rows", clock=lambda: 0.0)
    assert progress.line(1) == "0/100000 rows, 0/s, unknown time left"
    progress.done = 100
    assert progress.line(1) == "100/100000 rows, 100/s, 16 min 39 s left"
    assert progress.line(100).endswith("27 h 45 min left")
