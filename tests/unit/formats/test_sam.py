"""SAM values: of real hives against SECURITY and the keys' own names, made ones, damaged ones."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.errors import Corrupt, EvidenceError
from analyzer.formats import sam
from analyzer.formats.hive import Hive, Key
from analyzer.formats.sid import decode_sid
from corpus.make import sam as sam_values

SERVER, EZ = "aiowinreg/tests/testdata", "EZ-Registry/Registry.Test/Hives"
HIVES = {
    f"{SERVER}/nt/sam.reg": f"{SERVER}/nt/security.reg",
    f"{SERVER}/win2008_32/sam.reg": f"{SERVER}/win2008_32/security.reg",
    f"{SERVER}/win2012_64/sam.reg": f"{SERVER}/win2012_64/security.reg",
    f"{SERVER}/win2019_64/sam.reg": f"{SERVER}/win2019_64/security.reg",
    f"{EZ}/SAM": f"{EZ}/SECURITY",
    "plaso/SAM": "", "velociraptor/artifacts/testdata/files/SAM": "",
}
COUNTS = dict(zip(HIVES, ((4, 3, 8), (2, 1, 11), (2, 1, 11), (4, 1, 13), (2, 1, 17), (3, 1, 14),
                          (5, 1, 19)), strict=True))
"""Users, global groups, built-in aliases: how many keys there are."""
COMPUTER = "S-1-5-21-1482476501-839522115-2147093821"
AT = 128_900_000_000_000_000
SOME = ["S-1-5-21-1-2-3-500", "S-1-5-18", "S-1-5-21-9-9-9-512"]


def open_hive(path: Path) -> Hive:
    return Hive.open(path.read_bytes())


def data(key: Key, name: str) -> bytes:
    value = key.value(name)
    assert value is not None
    return value.data


def rids(hive: Hive, path: str) -> Iterator[Key]:
    key = hive.key(f"SAM\\Domains\\{path}")
    for below in key.subkeys() if key is not None else ():
        if len(below.name) == 8:
            yield below


def names(hive: Hive, path: str) -> dict[str, int]:
    """Name -> RID as the subkeys of `Names` say: the RID is the type of their value."""
    key = hive.key(f"SAM\\Domains\\{path}\\Names")
    assert key is not None
    return {below.name: next(below.values()).type for below in key.subkeys()}


@pytest.mark.realdata
@pytest.mark.parametrize("name", HIVES)
def test_real_hives_agree_with_their_own_second_copies(name: str, realdata: Path) -> None:
    """Names and RIDs stand in `Names` too, members of aliases in `Members`."""
    hive = open_hive(realdata / name)
    users = [sam.user(data(k, "F"), data(k, "V")) for k in rids(hive, "Account\\Users")]
    groups = [sam.group(data(k, "C")) for k in rids(hive, "Account\\Groups")]
    aliases = [sam.alias(data(k, "C")) for k in rids(hive, "Builtin\\Aliases")]
    assert (len(users), len(groups), len(aliases)) == COUNTS[name]
    assert {u.name: u.rid for u in users} == names(hive, "Account\\Users")
    assert {g.name: g.rid for g in groups} == names(hive, "Account\\Groups")
    assert {a.name: a.rid for a in aliases} == names(hive, "Builtin\\Aliases")
    assert not any(found.partial for found in [*groups, *aliases])
    assert {member for g in groups for member in g.members} <= {str(u.rid) for u in users}
    by_member: dict[str, set[int]] = {}
    for alias in aliases:
        for sid in alias.members:
            by_member.setdefault(sid, set()).add(alias.rid)
    assert by_member == members(hive)


def members(hive: Hive) -> dict[str, set[int]]:
    """Member SID -> RIDs of aliases, as `Builtin\\Aliases\\Members` has them."""
    root = hive.key("SAM\\Domains\\Builtin\\Aliases\\Members")
    assert root is not None
    found: dict[str, set[int]] = {}
    for domain in root.subkeys():
        for rid in domain.subkeys():
            raw = next(rid.values()).data
            found[f"{domain.name}-{int(rid.name, 16)}"] = {
                int.from_bytes(raw[at:at + 4], "little") for at in range(0, len(raw), 4)}
    return found


@pytest.mark.realdata
@pytest.mark.parametrize("name", [name for name, beside in HIVES.items() if beside])
def test_the_domain_is_the_one_that_security_names(name: str, realdata: Path) -> None:
    hive, security = open_hive(realdata / name), open_hive(realdata / HIVES[name])
    account = hive.key("SAM\\Domains\\Account")
    policy = [security.key(f"Policy\\{key}") for key in ("PolAcDmS", "PolAcDmN")]
    assert account is not None
    assert policy[0] is not None
    assert policy[1] is not None
    raw = data(policy[0], "")
    assert sam.domain(data(account, "V"))[0] == decode_sid(raw, 0, len(raw))[0]
    text = sam.counted_text(data(policy[1], ""))
    assert text.isprintable()
    assert 2 <= len(text) <= 15


def test_what_was_written_comes_back() -> None:
    user = sam.user(sam_values.user_f(1001, 0x1211, 300, AT, AT + 6, AT + 7),
                    sam_values.user_v("kb", "Karl Bär", "x"))
    assert user == sam.User(1001, "kb", "Karl Bär", "x", (
        "disabled", "normal account", "password does not expire", "0x1000"), 300, AT, AT + 6,
        AT + 7)
    assert sam.user(sam_values.user_f(1, 0, 0, sam_values.NEVER),
                    sam_values.user_v("")).last_logon_at is None
    assert sam.alias(sam_values.alias_c(578, "Hyper-V", "c", SOME)) == sam.Group(
        578, "Hyper-V", "c", tuple(SOME), partial=False)
    assert sam.group(sam_values.group_c(513, "None", "", [500, 501])) == sam.Group(
        513, "None", "", ("500", "501"), partial=False)
    assert sam.domain(sam_values.domain_v(COMPUTER, "HV")) == (COMPUTER, "HV")
    assert sam.counted_text(sam_values.counted("CORP")) == "CORP"


Made = tuple[Callable[..., Any], tuple[bytes, ...]]
MADE: dict[str, Made] = {
    "user": (sam.user, (sam_values.user_f(1001, 0x10, 3), sam_values.user_v("kb", "K", "c"))),
    "alias": (sam.alias, (sam_values.alias_c(544, "A", "b", SOME),)),
    "group": (sam.group, (sam_values.group_c(513, "None", "b", [1, 2, 3]),)),
    "domain": (sam.domain, (sam_values.domain_v(COMPUTER),)),
    "text": (sam.counted_text, (sam_values.counted("CORP"),)),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_value_cut_anywhere_is_whole_partial_or_corrupt(kind: str) -> None:
    decode, values = MADE[kind]
    full = decode(*values)
    outcomes = set()
    for cut in range(len(values[-1])):
        try:
            got = decode(*values[:-1], values[-1][:cut])
        except Corrupt:
            outcomes.add("corrupt")
            continue
        assert got == full or got.partial
        outcomes.add("partial" if got != full else "whole")
    assert "corrupt" in outcomes


@pytest.mark.parametrize("kind", MADE)
def test_flipped_bytes_end_in_a_result_or_an_evidence_error(kind: str) -> None:
    decode, values = MADE[kind]
    chance, refused = random.Random(kind), 0
    for _ in range(2000):
        flipped = [bytearray(value) for value in values]
        for _ in range(3):
            value = chance.choice(flipped)
            value[chance.randrange(len(value))] = chance.randrange(256)
        try:
            assert decode(*map(bytes, flipped)) is not None
        except EvidenceError:
            refused += 1
    assert 0 < refused < 2000


def test_members_that_are_claimed_and_not_there_make_it_partial() -> None:
    raw = bytearray(sam_values.alias_c(544, "A", "", SOME))
    raw[0x10 + 24 + 8:0x10 + 24 + 12] = b"\xff\xff\xff\xff"
    got = sam.alias(bytes(raw))
    assert (got.members, got.partial) == (tuple(SOME), True)
