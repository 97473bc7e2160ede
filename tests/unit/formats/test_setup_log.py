"""Logs of set-up tools, built after the lines that Microsoft's documentation shows."""

import pytest

from analyzer.formats import setup_log
from analyzer.formats.setup_log import Mention, mentions
from tests.unit.formats.damage import outcomes

LOG = ("2013-05-20 09:20:00, Info   DISM   Übersicht, no feature\r\n"
       "2013-05-20 09:21:03, Info   DISM   Feature(s) to enable: Microsoft-Hyper-V \u2013 ok\r\n"
       "2013-05-20 09:30:00, Info   CBS    microsoft-hyper-v installed\r\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_feature_with_its_first_line_and_time(encoding: str) -> None:
    data = LOG.encode(encoding)
    name = "Microsoft-Hyper-V"
    offset = data.index(name.encode("utf-16-le" if encoding == "utf-16" else "utf-8"))
    assert mentions(data) == [
        Mention(name, LOG.splitlines()[1], "2013-05-20 09:21:03", offset, count=2)]


def test_the_first_line_may_begin_with_a_mark() -> None:
    line = "2009-01-01 10:00:00.123 [Provider] Hyper-V"
    for data in (line.encode("utf-8-sig"), line.encode("utf-16"), f"21: {line}".encode()):
        assert [m.local for m in mentions(data)] == ["2009-01-01 10:00:00"]


def test_names_of_packages_and_lines_without_a_time() -> None:
    (one,) = mentions(b"x Microsoft-Hyper-V-Package~31bf~amd64~~6.1.7601.17514 y")
    assert (one.name, one.local, one.offset) == ("Microsoft-Hyper-V-Package", "", 2)
    assert mentions(b"") == mentions(b"\xff\xfe") == mentions(b"Microsoft-Windows-Other") == []


def test_endless_lines_and_endless_names_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = mentions(b"a" * 5000 + b"hyper-v" + b" b" * 5000)
    assert len(one.name) < 210
    assert len(one.line) < 1010
    monkeypatch.setattr(setup_log, "MOST", 5)
    assert len(mentions(b"".join(b"hyper-v%d\n" % n for n in range(50)))) == 6


def test_damage_ends_in_a_result() -> None:
    assert outcomes(mentions, LOG.encode()) == {"result"}
    assert outcomes(mentions, LOG.encode("utf-16")) == {"result"}
