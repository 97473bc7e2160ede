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
