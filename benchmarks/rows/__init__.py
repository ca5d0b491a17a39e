"""All rows, in the order of the table."""

from benchmarks.row import Row
from benchmarks.rows import crash, crowds, latency, throughput

ROWS: tuple[Row, ...] = (*throughput.ROWS, *latency.ROWS, *crowds.ROWS, *crash.ROWS)
