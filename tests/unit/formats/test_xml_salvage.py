"""Torn XML: what stands between damages, and where."""

import pytest

from analyzer.errors import Corrupt
from analyzer.formats import vm_xml, vmc, xml_tree
from analyzer.formats.vm_settings import Node
from analyzer.formats.xml_salvage import Salvage, salvage
from corpus.make import vm_xml as make
from tests.unit.formats.test_vm_xml import MACHINE, pairs, whole

DRIVE = ('<drive{0}><pathname type="string">D:\\{1}.vhd</pathname><type type="string">VHD</type>'
         "</drive{0}>")
DEVICE = "<_8{0}_><controller0>{1}</controller0></_8{0}_>"
DEVICES = "".join(DEVICE.format(number, "".join(
    DRIVE.format(slot, f"{number}{slot}") for slot in range(2))) for number in range(4))
TEXT = (f"<configuration>{DEVICES}<properties><name type='string'>web</name>"
        "<notes type='string'>n</notes></properties></configuration>")


def flat(node: Node | None, path: str = "") -> list[str]:
    """`path=text` of every leaf."""
    if node is None:
        return []
    here = f"{path}/{node.name}".lstrip("/")
    return [row for child in node.children for row in flat(child, here)] or [f"{here}={node.text}"]


def torn(*damages: str) -> Salvage:
    """The text with each of `damages` overwritten where it first stands."""
    text = TEXT
    for damage in damages:
        text = text.replace(damage, "\0" * len(damage), 1)
    return salvage(text, "configuration")


def test_between_two_damages_all_is_kept() -> None:
    got = torn("D:\\01", "D:\\31")
    lost = {"configuration/_80_/controller0/drive1/pathname=D:\\01.vhd",
            "configuration/_83_/controller0/drive1/pathname=D:\\31.vhd"}
    assert set(flat(salvage(TEXT).root)) - set(flat(got.root)) == lost
    assert [(loss.inside, loss.apart) for loss in got.losses] == [
        (f"configuration/_8{number}_/controller0/drive1", 0) for number in (0, 3)]
    assert all(TEXT[loss.start : loss.end].startswith("<pathname") for loss in got.losses)


def test_what_end_tags_do_not_prove_stands_apart() -> None:
    """Between the damages stand two drives of one device: of which, no tag there tells."""
    start = TEXT.index("<_80_>") + 10
    end = TEXT.index("</_82_>")
    text = TEXT[:start] + "\0" * 60 + DRIVE.format(5, "x") + "\0" * 90 + TEXT[end:]
    got = salvage(text, "configuration")
    (apart,) = [row for row in flat(got.root) if row.endswith("D:\\x.vhd")]
    assert apart.startswith("configuration/_apart_0x")
    assert sum(loss.apart for loss in got.losses) == 1


def test_repeated_elements_on_both_sides_of_a_long_hole_stay_two() -> None:
    roles = "".join(f'<role Name="{name}"><member>S-1-{name}-1</member>'
                    f"<member>S-1-{name}-2</member></role>" for name in "abcd")
    text = f"<store>{roles}</store>"
    start, end = text.index("S-1-b-2"), text.index("S-1-c-2") - 8
    long = salvage(text[:start] + "\0" * (end - start) + text[end:], "store").root
    assert long is not None
    assert [(node.attributes, node.headless, len(node.children)) for node in long.children] == [
        ({"Name": "a"}, False, 2), ({"Name": "b"}, False, 1), ({}, True, 1),
        ({"Name": "d"}, False, 2)]
    short = salvage(text.replace("S-1-b-1", "S-1-b\0\0"), "store").root
    assert short is not None
    assert [len(node.children) for node in short.children] == [2, 1, 2, 2]


@pytest.mark.parametrize(("old", "new", "rest"), [
    ("</_81_>", "<o_81_>", len(TEXT)), ("<_81_>", "<_8x_>", TEXT.index("<_81_>")),
    ("</_81_>", "</_8x_>", TEXT.index("<_81_>"))])
def test_a_tag_that_became_another(old: str, new: str, rest: int) -> None:
    """An end tag that became a start tag is seen; with a changed name, which one is not known."""
    got = salvage(TEXT.replace(old, new), "configuration")
    placed = [row for row in flat(got.root) if "_apart_" not in row and "=" in row]
    whole = flat(salvage(TEXT).root)
    assert len(placed) == (len(whole) if rest == len(TEXT) else len(whole) - 4)
    assert set(placed) <= set(whole)
    assert got.losses


def test_the_root_may_be_lost_and_more_than_one_thing_stand_at_the_top() -> None:
    assert salvage(TEXT + "<x/>", "configuration").losses[0].why == "a second root"
    assert flat(salvage(TEXT[15:], "configuration").root) == flat(salvage(TEXT).root)
    assert salvage("no tag").root is None
    with pytest.raises(Corrupt):
        xml_tree.read(b"<a", "a")


@pytest.mark.parametrize("gone", [1, 3, 15])
@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_on_behind_an_odd_number_of_lost_bytes(gone: int, order: str) -> None:
    text = make.machine_xml(MACHINE).decode("utf-16")
    mark = "\ufeff".encode(order)
    for start in range(100, len(text) - 60, 331):
        data = mark + text.encode(order)
        at = 2 + 2 * start
        got = vm_xml.parse(data[:at] + data[at + gone :])
        assert got.partial
        kept = {pair for pair in pairs(got) if "_apart_" not in pair[0]}
        assert len(kept & pairs(whole())) >= 0.85 * len(pairs(whole())), start
        notice = next(n for n in got.notices if n.code == "XML-PARTIAL")
        assert notice.start is not None
        assert at - 300 < notice.start <= at + 60


def test_a_slot_whose_number_is_lost_is_not_slot_0() -> None:
    slot = ('<location id="{0}"><drive_type type="integer">1</drive_type><pathname>'
            '<absolute type="string">D:\\{0}.vhd</absolute></pathname></location>')
    text = ("<preferences><hardware><pci_bus><ide_adapter><ide_controller id='0'>"
            + slot.format(0) + slot.format(1) + "</ide_controller></ide_adapter></pci_bus>"
            "</hardware></preferences>")
    at = text.index('<location id="1"')
    got = vmc.parse((text[:at] + "\0" * 16 + text[at + 16 :]).encode())
    assert [drive.path for drive in got.drives] == ["D:\\0.vhd"]
    assert "D:\\1.vhd" in {setting.text for setting in got.settings}
