"""Addresses: written, taken apart, and safe for any file name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import UsageError
from analyzer.source import Source, escape_name, split_address, unescape_name


@given(st.text(min_size=1))
def test_names_survive_an_address(name: str) -> None:
    assert unescape_name(escape_name(name)) == name
    assert "/" not in escape_name(name)
    assert not escape_name(name).endswith("!")


def test_levels() -> None:
    assert split_address("a.E01") == ("a.E01", [])
    assert split_address("dir/a.E01!/C:/x/y.vhd!/p1/z") == (
        "dir/a.E01", ["/C:/x/y.vhd", "/p1/z"])
    with pytest.raises(UsageError):
        split_address("!/C:/x")


def test_a_source_says_where() -> None:
    source = Source("h.E01", "/p1/SOFTWARE").at("Microsoft\\Windows", 0x1000)
    assert str(source) == "h.E01!/p1/SOFTWARE#Microsoft\\Windows@0x1000"
    row = {f"source_{name}": getattr(source, name) for name in (
        "evidence", "path", "detail", "entry", "offset", "image_offset", "layer")}
    assert Source.from_columns(row) == source
