"""Security descriptors and SIDs: what was written comes back; damage costs what it hit."""

import random
import struct

import pytest

from analyzer.errors import Corrupt, EvidenceError
from analyzer.formats import security_descriptor, sid
from analyzer.formats.security_descriptor import Ace, SecurityDescriptor, file_rights, parse

VECTORS = {
    "D9E0EB0A-5B37-508E-9173-67E9ADE83ACF":
        "S-1-5-83-1-3655396106-1351506743-3915871121-3476744365",
    "5D9E9825-1973-4B27-9AF1-BA77940A4066":
        "S-1-5-83-1-1570674725-1260853619-2008740250-1715473044",
    "EC04F346-DB96-4700-AF5B-77B3C56C38BD":
        "S-1-5-83-1-3959747398-1191238550-3010943919-3174591685",
}
"""From events of real hosts, and of a real machine (FIELD-GUIDE 7)."""
USER = "S-1-5-21-1482476501-839522115-2147093821-500"
TYPE = bytes(range(16))
ENTRIES = (
    (0, 0x13, 0x1F01FF, sid.LOCAL_SYSTEM), (1, 0x00, 0x120089, "S-1-1-0"),
    (0, 0x0B, 0x12019F, VECTORS["EC04F346-DB96-4700-AF5B-77B3C56C38BD"]),
    (9, 0x00, 0x100001, USER), (0, 0x00, 0x200001, sid.WORKER))


def ace(kind: int, flags: int, mask: int, who: str, tail: bytes = b"", head: bytes = b"") -> bytes:
    """One entry; `head` stands between the mask and the SID."""
    body = struct.pack("<I", mask) + head + sid.encode_sid(who) + tail
    return struct.pack("<BBH", kind, flags, 4 + len(body)) + body


def acl(*entries: bytes) -> bytes:
    """A list of entries."""
    return struct.pack("<BBHHH", 4, 0, 8 + sum(map(len, entries)), len(entries), 0) \
        + b"".join(entries)


def descriptor(dacl: bytes | None, sacl: bytes | None = None, owner: str = USER,
               group: str = "S-1-5-32-544", control: int = 0x8000) -> bytes:
    """As Windows writes it: head, SACL, DACL, owner, group."""
    control |= (0x4 if dacl is not None else 0) | (0x10 if sacl is not None else 0)
    parts = {"sacl": sacl or b"", "dacl": dacl or b"",
             "owner": sid.encode_sid(owner) if owner else b"",
             "group": sid.encode_sid(group) if group else b""}
    places, at = {}, 20
    for name, part in parts.items():
        places[name] = at if part else 0
        at += len(part)
    head = struct.pack("<BBHIIII", 1, 0, control, places["owner"], places["group"],
                       places["sacl"], places["dacl"])
    return head + b"".join(parts.values())


def whole() -> bytes:
    """One with every sort of entry that the tests know."""
    both = struct.pack("<I", 3) + TYPE + TYPE[::-1]
    return descriptor(
        acl(*(ace(*entry) for entry in ENTRIES), ace(5, 0, 0x100, USER, head=both),
            struct.pack("<BBHI", 77, 0, 12, 5) + b"abcd"),
        acl(ace(17, 0, 3, "S-1-16-12288"), ace(2, 0xC0, 0x10000, "S-1-1-0"),
            ace(18, 0, 0, "S-1-1-0", b"attribute123")))


@pytest.mark.parametrize("vm_id", VECTORS)
def test_the_sid_of_a_machine_is_its_guid(vm_id: str) -> None:
    assert sid.machine_sid(vm_id) == VECTORS[vm_id]
    assert sid.machine_id(VECTORS[vm_id]) == vm_id
    assert sid.well_known_name(VECTORS[vm_id]) == f"NT VIRTUAL MACHINE\\{vm_id}"


@pytest.mark.parametrize("text", ["S-1-5-83-0", "S-1-5-83-1-1-2-3", "S-1-5-83-1-1-2-3-4-5",
                                  "S-1-5-83-1-4294967296-0-0-0", "S-1-5-83-2-1-2-3-4", ""])
def test_no_other_sid_is_a_machine(text: str) -> None:
    assert sid.machine_id(text) == ""


@pytest.mark.parametrize("text", ["S-1-0", USER, sid.WORKER, "S-1-0x123456789abc-1"])
def test_a_sid_as_text_and_back(text: str) -> None:
    data = sid.encode_sid(text)
    assert sid.decode_sid(b"xx" + data, 2, 2 + len(data)) == (text, len(data))


@pytest.mark.parametrize("text", ["", "S-2-5-18", "S-1", "S-1-5-x", "S-1-5-4294967296",
                                  "S-1-" + "-".join("1" * 17), "S-1-281474976710656"])
def test_text_that_is_no_sid_is_refused(text: str) -> None:
    with pytest.raises(Corrupt):
        sid.encode_sid(text)


def test_names_and_domains() -> None:
    assert sid.well_known_name("S-1-5-32-578") == "BUILTIN\\Hyper-V Administrators"
    assert sid.well_known_name("S-1-5-83-0") == "NT VIRTUAL MACHINE\\Virtual Machines"
    assert sid.domain_of(USER) == (USER.removesuffix("-500"), 500)
    assert sid.domain_of(sid.LOCAL_SYSTEM) == ("", None)
    assert sid.name_in_domain(512) == "Domain Admins"


def test_every_entry_comes_back() -> None:
    got = parse(whole())
    assert (got.owner, got.group, got.notices) == (USER, "S-1-5-32-544", ())
    assert got.dacl is not None
    assert got.sacl is not None
    assert [(a.type, a.flags, a.mask, a.sid) for a in got.dacl[:5]] == list(ENTRIES)
    assert [a.kind for a in got.dacl] == [
        "allowed", "denied", "allowed", "allowed (callback)", "allowed", "allowed (object)",
        "type 77"]
    assert got.dacl[0].is_inherited
    assert got.dacl[2].is_inherit_only
    assert got.dacl[5].object_type == "03020100-0504-0706-0809-0A0B0C0D0E0F"
    assert got.dacl[5].inherited_object_type == "0C0D0E0F-0A0B-0809-0706-050403020100"
    assert (got.dacl[6].sid, got.dacl[6].data[4:]) == ("", b"abcd")
    assert [a.kind for a in got.sacl] == ["mandatory label", "audit", "resource attribute"]
    assert got.sacl[0].rights == "no write up, no read up"
    assert got.sacl[2].data == b"attribute123"


def test_no_list_is_not_an_empty_list() -> None:
    assert parse(descriptor(None)).dacl is None
    assert parse(descriptor(acl())).dacl == ()
    null = parse(descriptor(None, control=0x9004, owner="", group=""))
    assert (null.dacl, null.owner, null.group) == (None, "", "")
    assert null.is_protected


@pytest.mark.parametrize(("mask", "words"), [
    (0x1F01FF, "full control"), (0x1200A9, "read and execute"), (0x12019F, "read and write"),
    (0x100001, "read data or list, synchronize"), (0, "nothing"),
    (0x10000000, "generic all"), (0x00800001, "read data or list, 0x800000")])
def test_masks_in_words(mask: int, words: str) -> None:
    assert file_rights(mask) == words


@pytest.mark.parametrize("data", [b"", bytes(19), bytes(64), b"\2" + whole()[1:],
                                  whole()[:2] + b"\4\0" + whole()[4:]])
def test_what_is_no_descriptor_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        parse(data)


def flat(got: SecurityDescriptor) -> list[Ace | str]:
    """Everything it says."""
    return [got.owner, got.group, *(got.dacl or ()), *(got.sacl or ())]


def test_a_cut_anywhere_keeps_what_stands_before_it_and_says_so() -> None:
    data, full = whole(), parse(whole())
    for cut in range(20, len(data)):
        got = parse(data[:cut])
        assert got.notices
        for mine, theirs in ((got.dacl, full.dacl), (got.sacl, full.sacl)):
            assert mine is not None
            assert theirs is not None
            assert mine == theirs[:len(mine)]
        assert got.owner in ("", full.owner)
        assert got.group in ("", full.group)


def test_flipped_bytes_give_a_result_or_an_evidence_error() -> None:
    rows, random_ = whole(), random.Random(5)
    refused = 0
    for _ in range(3000):
        data = bytearray(rows)
        for _ in range(random_.randint(1, 4)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        try:
            assert len(flat(parse(bytes(data)))) <= 2 + 2 * 65535
        except EvidenceError:
            refused += 1
    assert 0 < refused < 1500


def test_a_list_that_claims_more_entries_than_it_has_ends_where_its_bytes_do() -> None:
    data = bytearray(descriptor(acl(ace(*ENTRIES[0]))))
    struct.pack_into("<H", data, 20 + 4, 65535)
    got = parse(bytes(data))
    assert got.dacl is not None
    assert [a.sid for a in got.dacl] == [sid.LOCAL_SYSTEM]
    assert "missing" in got.notices[0].effect


def test_the_limit_is_above_what_two_lists_can_hold() -> None:
    assert security_descriptor.LARGEST > 2 * 65536 + 20
