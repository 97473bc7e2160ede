"""Names of a directory: what its index and its files say, put together."""

from analyzer.errors import Corrupt
from analyzer.filesystem.directory import NO_REFERENCE, IndexName, link_names
from analyzer.filesystem.mft import MftRecord, parse_record
from tests.unit.filesystem.mft_writer import file_name, record, standard


def find(number: int) -> MftRecord:
    """$MFT itself is the only record."""
    if number:
        raise Corrupt("no such record")
    return parse_record(record(0, [standard(), file_name("$MFT")]), 0)


def test_a_former_name_without_reference_is_not_mft() -> None:
    slack = IndexName(b"old.xml", 0, 0, allocated=False, is_directory=False)
    (link,) = link_names([slack], [], lambda _: True, find)
    assert (link.record, link.sequence, link.allocated, link.note) == (
        None, 0, False, NO_REFERENCE)


def test_a_copy_of_a_listed_name_without_reference_is_left_out() -> None:
    """Splitting a node leaves such copies: they are no deleted files."""
    name = IndexName(b"a.xml", 7, 1, allocated=True, is_directory=False)
    copy = IndexName(b"a.xml", 0, 0, allocated=False, is_directory=False)
    (link,) = link_names([copy, name], [], lambda _: True, find)
    assert (link.inode, link.allocated) == (7, True)
