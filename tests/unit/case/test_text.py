"""Evidence text on its way to a terminal and to a table."""

import re

from hypothesis import given
from hypothesis import strategies as st

from analyzer.text import from_storable, show, to_storable

ANY_TEXT = st.text(st.characters()) | st.lists(
    st.sampled_from(["\\", "u", "005c", "dc80", "\udc80", "\ud83d", "d", "x"])).map("".join)


@given(ANY_TEXT)
def test_storable_text_is_utf8_and_comes_back(text: str) -> None:
    stored = to_storable(text)
    stored.encode("utf-8")
    assert from_storable(stored) == text


def test_ordinary_paths_are_stored_unchanged() -> None:
    for path in ("C:\\users\\ud\\x", "\\\\?\\Volume{1}\\u00e9", "a\0b", "\x1b[31m"):
        assert to_storable(path) == path


def test_what_is_escaped() -> None:
    assert to_storable("a\udc80") == "a\\udc80"
    assert to_storable("a\\udc80") == "a\\u005cudc80"


@given(ANY_TEXT)
def test_nothing_that_acts_on_a_terminal_is_shown(text: str) -> None:
    shown = show(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]",
                         shown)
    shown.encode("utf-8")


def test_show_names_what_it_hides() -> None:
    assert show("a\x1b[2J\u202eb\n\x9b") == "a\\x1b[2J\\u202eb\\x0a\\x9b"
    assert show("Schöner Name – 名前") == "Schöner Name – 名前"
