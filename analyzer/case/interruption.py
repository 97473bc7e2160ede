"""A query that a signal ends.

Python hears of a signal in its main thread only, and there not before a call into DuckDB has come
back: one over a large product ran on for hours after Ctrl-C. So another thread waits for DuckDB.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import duckdb

_Result = TypeVar("_Result")


def interruptible(connection: duckdb.DuckDBPyConnection, call: Callable[[], _Result]) -> _Result:
    """What `call` on the connection gives; DuckDB is told to stop where a signal comes first."""
    with ThreadPoolExecutor(1) as beside:
        answer = beside.submit(call)
        try:
            return answer.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise
