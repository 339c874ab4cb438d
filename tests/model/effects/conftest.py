"""Files of traces."""

import pytest


@pytest.fixture
def write(tmp_path):
    """Write a file of lines and return its path."""

    def write(*lines, name="trace.csv"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def short(write):
    """Seven tasks in six slots of a second, one slot empty."""
    rows = ["0,1e6,1e9", "0.5,2e6,2e9", "0.75,3e6,3e9", "1.5,4e6,4e9", "2,5e6,5e9", "5,6e6,6e9", "5.5,7e6,7e9"]
    return write("time_s,bits,cycles", *rows)
