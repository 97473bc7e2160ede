"""Names and link texts that a Unix folder can hold, whatever the evidence holds."""

from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.mounting.names import UNRESOLVED, distinct, shown_name, unresolved_text

utf16 = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=()), max_size=255)


@given(utf16)
@example("..")
@example(".")
@example("")
@example("\ud800" * 255)
@example("漢" * 255)
@example(f"{UNRESOLVED}../../etc")
def test_every_name_is_one_name_that_the_kernel_takes(name: str) -> None:
    shown = shown_name(name).encode()
    assert 0 < len(shown) <= 1024
    assert b"/" not in shown
    assert b"\0" not in shown
    assert shown not in (b".", b"..")
    assert not shown.startswith(UNRESOLVED.encode())


@given(utf16)
@example("..\\..\\/../../../etc/passwd")
@example("\0/etc/passwd")
def test_a_link_text_is_one_name_and_never_a_path(target: str) -> None:
    text = unresolved_text(target).encode()
    assert b"/" not in text
    assert b"\0" not in text
    assert 0 < len(text) < 4096
    assert text not in (b".", b"..")


def test_ordinary_names_are_kept_whatever_they_do_to_a_shell() -> None:
    for name in ("web.avhd", "$(reboot).txt", "a b", "-rf", "\x1b[31m", "`x`", "100%", "a!", "..."):
        assert shown_name(name) == name
    assert shown_name("a/b") == "a%2Fb"
    assert shown_name("a\0b") == "a%00b"
    assert [shown_name(name) for name in ("", ".", "..")] == ["%", "%2E", "%2E."]


def test_names_that_became_alike_are_told_apart() -> None:
    assert distinct("a", {}) == "a"
    assert distinct("a", {"a": 0, "a~2": 0}) == "a~3"
