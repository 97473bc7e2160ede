"""Lines of JSON made of columns, all rows at once."""

import json
from collections.abc import Mapping

import pyarrow as pa

from plugins.reports import text_columns as columns
from plugins.reports.text_columns import pc


def lines(values: Mapping[str, columns.Column]) -> columns.Column:
    """One object for each row. A `str` is the JSON of all rows, a dictionary-encoded column that
    of each row; all other columns are values.
    """
    parts: list[columns.Column] = []
    for name, column in values.items():
        is_json = isinstance(column, str) or pa.types.is_dictionary(column.type)
        text = column if isinstance(column, str) else column.dictionary_decode() if is_json \
            else _json(column)
        parts += [f'{", " if parts else "{"}"{name}": ', text]
    return columns.joined(*parts, "}\n")


def _json(values: columns.Column) -> columns.Column:
    """The values as JSON, text in ASCII."""
    if pa.types.is_integer(values.type):
        return columns.number(values, "null")
    escaped = values
    for character in ("\\", '"'):
        if columns.has_any(values, character):
            escaped = pc.replace_substring(escaped, character, f"\\{character}")
    return columns.exactly(values, columns.joined('"', escaped, '"'), json.dumps)
