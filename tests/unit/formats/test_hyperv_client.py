"""Settings of Hyper-V Manager and vmconnect: a published fragment, made files, damage."""

from pathlib import Path

import pytest

from analyzer.errors import NotThisFormat
from analyzer.formats.hyperv_client import ClientSettings, machine_of, parse
from tests.unit.formats.damage import outcomes

GUID = "0AA394FA-7C4A-4070-BA32-773D43B28A68"


def config(kind: str, **settings: str) -> bytes:
    """A file as .NET writes it; `kind` is the last part of the class's name."""
    body = "".join(f'<setting name="{name}" type="System.String"><value>{text}</value></setting>'
                   for name, text in settings.items())
    name = f"Microsoft.Virtualization.Client.{kind}"
    return ('<?xml version="1.0" encoding="utf-8"?>\r\n<configuration>'
            f"<{name}>{body}</{name}></configuration>").encode()


BROWSER = config("VMBrowser.BrowserConfigurationOptions", SortColumnIndex="0",
                 AutoCompleteComputerNames="HV1;HV3", PreviousSelectedServer="HV1",
                 BrowserComputerNames="HV1; HV2;")


def test_hosts_in_the_order_of_the_tree() -> None:
    assert parse(BROWSER).hosts() == {
        "HV1": ("BrowserComputerNames", "AutoCompleteComputerNames", "PreviousSelectedServer"),
        "HV2": ("BrowserComputerNames",), "HV3": ("AutoCompleteComputerNames",)}


@pytest.mark.realdata
def test_a_published_fragment(realdata: Path) -> None:
    text = (realdata / "fragments" / "virtmgmt.VMBrowser.config.txt").read_text()
    tail = text[text.index("<setting"):]
    name = "Microsoft.Virtualization.Client.VMBrowser.BrowserConfigurationOptions"
    got = parse(f"<configuration><{name}>{tail}".encode())
    assert list(got.hosts()) == ["SERVER1", "SERVER2", "SERVER3"]
    assert got.value("CurrentVisibleColumns").startswith("Name:160;")
    assert got.notices == []


def test_settings_outside_a_class_and_without_value() -> None:
    data = (b"<configuration><setting name='a'>1</setting><x><setting name='b'><value/>"
            b"</setting><setting><value>3</value></setting></x></configuration>")
    assert parse(data).settings == (("a", "1"), ("b", ""), ("", "3"))


def test_machines_by_the_name_of_the_file() -> None:
    assert machine_of(f"VMConnect.rdp.{GUID.lower()}.config") == GUID
    assert machine_of("vmconnect.rdp.x.config") == machine_of("vmconnect.config") == ""


def test_other_xml() -> None:
    with pytest.raises(NotThisFormat):
        parse(b"<preferences/>")


def test_what_a_cut_file_still_says() -> None:
    got = parse(BROWSER[:BROWSER.index(b"PreviousSelected")])
    assert list(got.hosts()) == ["HV1", "HV3"]
    assert got.notices
    assert ClientSettings((), []).hosts() == {}


def test_damage_ends_in_a_result_or_an_error() -> None:
    assert outcomes(parse, BROWSER) <= {"result", "NotThisFormat", "Corrupt", "Unsupported"}
