"""Traces of tasks in CSV files: reading and checks."""

import csv
import functools
import hashlib
import itertools
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import numpy as np

from edgeoffload_env._validation import check_float, fail, fail_unknown
from edgeoffload_env.model.trace_schedule import Floats, Tasks

BITS, CYCLES = (1.0, 1e14), (1.0, 1e16)
"""Least and greatest size of a task, as for drawn ones."""
CONSTANT = "constant"
"""Name of the constant term of a sum of columns."""
_QUANTITIES = ("time", "bits", "cycles")
_ROWS_AT_ONCE = 2**16
_LARGEST = 1e30  # of times and factors, so that nothing overflows

Columns = dict[str, Any]
"""``{"time": name, "bits": size, "cycles": size}``; a size is a name, a number, or factors by name."""


def check_columns(name: str, columns: Any) -> Columns:
    """Return a copy of the choice of columns in its shortest form.

    Raises:
        TypeError, ValueError: not of the form of :data:`Columns`; the message names the entry.
    """
    if not isinstance(columns, Mapping):
        fail(name, columns, f"a dict with {', '.join(_QUANTITIES)}", TypeError)
    for key in columns:
        if key not in _QUANTITIES:
            fail_unknown(f"entry of {name}:", key, _QUANTITIES)
    for key in _QUANTITIES:
        if key not in columns:
            raise ValueError(f"{name} lacks the entry {key!r}; it must have {', '.join(_QUANTITIES)}")
    if not isinstance(columns["time"], str):
        fail(f"{name}['time']", columns["time"], "the name of a column", TypeError)
    if columns["time"] == CONSTANT:
        fail(f"{name}['time']", CONSTANT, f"the name of a column other than {CONSTANT!r}")
    return {
        "time": columns["time"],
        "bits": _check_size(f"{name}['bits']", columns["bits"]),
        "cycles": _check_size(f"{name}['cycles']", columns["cycles"]),
    }


def _check_size(name: str, size: Any) -> str | float | dict[str, float]:
    if isinstance(size, str):
        if size == CONSTANT:
            fail(name, size, f"the name of a column other than {CONSTANT!r}, a number, or a dict of factors by column")
        return size
    if isinstance(size, int | float) and not isinstance(size, bool):
        return check_float(name, size, 1.0, CYCLES[1])
    if not isinstance(size, Mapping) or not size or not all(isinstance(key, str) for key in size):
        expected = f"the name of a column, a number, or a dict of factors by column and {CONSTANT!r}"
        fail(name, size, expected, TypeError)
    factors = {key: check_float(f"{name}[{key!r}]", factor, -_LARGEST, _LARGEST) for key, factor in size.items()}
    if list(factors) == [CONSTANT]:
        return check_float(name, factors[CONSTANT], 1.0, CYCLES[1])
    ((key, factor),) = list(factors.items())[:1]
    return key if len(factors) == 1 and factor == 1.0 else factors


def factors_of(size: str | float | dict[str, float]) -> dict[str, float]:
    """Return a size as factors by column, the constant term under :data:`CONSTANT`."""
    if isinstance(size, str):
        return {size: 1.0}
    return size if isinstance(size, dict) else {CONSTANT: size}


def fingerprint(path: str) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits; computed again where the file has changed.

    Raises:
        ValueError: the file cannot be read.
    """
    try:
        stat = os.stat(path)
        return _sha256(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        why = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"TaskTrace.path must be a readable file, got {path!r}: {why}") from None


@functools.lru_cache(maxsize=64)
def _sha256(path: str, mtime_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=4)
def load(path: str, sha256: str, columns: str, time_unit_s: float) -> Tasks:
    """Return the tasks of a trace, which a process reads once.

    Args:
        path: the file.
        sha256: of its content, from :func:`fingerprint`.
        columns: as :func:`check_columns` returns them, in JSON.
        time_unit_s: seconds of the game for a unit of the time column, or for a second between two dates.

    Raises:
        ValueError: not a trace; the message names the file, the line and what is allowed.
    """
    return _Reader(path, json.loads(columns)).read(time_unit_s)


class _Reader:
    """Reader of one file.

    Args:
        path: the file.
        columns: as :func:`check_columns` returns them.
    """

    def __init__(self, path: str, columns: Columns) -> None:
        self._path = path
        self._time = columns["time"]
        self._sizes = {name: factors_of(columns[name]) for name in ("bits", "cycles")}
        self._parse_time: Callable[[str], float] = float

    def read(self, time_unit_s: float) -> Tasks:
        """Read and check all rows."""
        parts: list[tuple[Floats, ...]] = []
        latest = -math.inf
        with open(self._path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            try:
                for lines, table in self._tables(rows):
                    parts.append(self._convert(lines, table, latest))
                    latest = float(parts[-1][0][-1])
            except UnicodeDecodeError as error:
                line = _undecodable_line(self._path)
                raise ValueError(f"{self._path}, line {line}: not UTF-8, {error.reason}") from None
            except csv.Error as error:
                raise ValueError(f"{self._path}, line {rows.line_num}: not CSV, {error}") from None
        if not parts:
            raise ValueError(f"{self._path} must have a line for each task below its line of names, got no task")
        time, bits, cycles = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Tasks.of((time - time[0]) * time_unit_s, bits, cycles)

    def _tables(self, rows: Any) -> Iterator[tuple[list[int], dict[str, Sequence[str]]]]:
        """Return the columns that are needed, some thousand rows at a time, and the number of each row's line."""
        header = [name.strip() for name in next(rows, [])]
        names = {self._time, *(name for factors in self._sizes.values() for name in factors)} - {CONSTANT}
        for name in sorted(names):
            if header.count(name) != 1:
                found = "none of that name" if name not in header else "several"
                columns = ", ".join(map(repr, header)) or "none"
                raise ValueError(f"{self._path} must have one column {name!r}, got {found}; its columns: {columns}")
        places = {name: header.index(name) for name in names}
        while True:
            lines, kept = [], []
            for row in itertools.islice(rows, _ROWS_AT_ONCE):
                if not row:
                    continue  # an empty line
                if len(row) != len(header):
                    self._fail(rows.line_num, "the number of columns", str(len(header)), len(row))
                lines.append(rows.line_num)
                kept.append(row)
            if not kept:
                return
            columns_of = list(zip(*kept, strict=True))
            yield lines, {name: columns_of[place] for name, place in places.items()}

    def _convert(self, lines: list[int], table: dict[str, Sequence[str]], latest: float) -> tuple[Floats, ...]:
        """Return times, bits and cycles of some rows."""
        if latest == -math.inf and not _is_number(table[self._time][0]):
            self._parse_time = _seconds
            if not _is_number(table[self._time][0], _seconds):
                self._fail(lines[0], repr(self._time), "a number or an ISO date", table[self._time][0])
        time = self._parsed(lines, self._time, table[self._time], self._parse_time)
        endless = np.abs(time) > _LARGEST
        if endless.any():
            row = int(np.argmax(endless))
            expected = f"a number in [{-_LARGEST:g}, {_LARGEST:g}] or an ISO date"
            self._fail(lines[row], repr(self._time), expected, table[self._time][row])
        early = ~(np.diff(time, prepend=latest) >= 0.0)
        if early.any():
            row = int(np.argmax(early))
            expected = "a number or an ISO date, not before the line above"
            self._fail(lines[row], repr(self._time), expected, table[self._time][row])
        return time, *(self._size(lines, table, name) for name in self._sizes)

    def _size(self, lines: list[int], table: dict[str, Sequence[str]], name: str) -> Floats:
        """Return the bits or cycles of some rows."""
        factors, (low, high) = self._sizes[name], {"bits": BITS, "cycles": CYCLES}[name]
        total = np.full(len(lines), factors.get(CONSTANT, 0.0))
        for column, factor in factors.items():
            if column != CONSTANT:
                total += factor * self._parsed(lines, column, table[column], float)
        wrong = ~((total >= low) & (total <= high))
        if wrong.any():
            row = int(np.argmax(wrong))
            self._fail(lines[row], f"{name} of the task", f"in [{low:g}, {high:g}]", float(total[row]))
        return total

    def _parsed(self, lines: list[int], name: str, texts: Sequence[str], parse: Callable[[str], float]) -> Floats:
        try:
            return np.fromiter(map(parse, texts), np.float64, len(texts))
        except ValueError:
            row = next(row for row, text in enumerate(texts) if not _is_number(text, parse))
            expected = "a number" if parse is float else "an ISO date as in the lines above"
            self._fail(lines[row], repr(name), expected, texts[row])

    def _fail(self, line: int, name: str, expected: str, value: Any) -> NoReturn:
        fail(f"{self._path}, line {line}: {name}", value, expected)


def _undecodable_line(path: str) -> int:
    """Return the number of the first line that is not UTF-8; the decoder, which reads ahead, does not know it."""
    with open(path, "rb") as file:
        return next(number for number, line in enumerate(file, start=1) if not _is_utf8(line))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _seconds(date: str) -> float:
    """Return a date of ISO 8601 in seconds; dates without a time zone count as UTC."""
    moment = datetime.fromisoformat(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_number(text: str, parse: Callable[[str], float] = float) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
