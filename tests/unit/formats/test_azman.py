"""AzMan stores: roles resolved, loops bounded, damage said."""

import random

import pytest

from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unsupported
from analyzer.formats import azman
from analyzer.formats.azman import Grant, Membership, parse
from corpus.make import azman_store

SOME = ("Read Service Configuration", "Start Virtual Machine", "Stop Virtual Machine",
        "Pause and Restart Virtual Machine", "View Virtual Machine Configuration")
STORE = azman_store.initial_store(with_operators=True)
NESTED = """<?xml version="1.0" encoding="utf-8"?>
<AzAdminManager MajorVersion="2" MinorVersion="0" Guid="a0">
  <AzApplicationGroup Guid="g0" Name="everywhere" GroupType="Basic">
    <Member>S-1-5-21-1-2-3-1001</Member><NonMember>S-1-5-21-1-2-3-1002</NonMember>
    <AppMemberLink>G1</AppMemberLink>
  </AzApplicationGroup>
  <AzApplication Guid="a1" Name="Hyper-V services">
    <AzApplicationGroup Guid="g1" Name="asked" GroupType="LdapQuery">
      <LdapQuery>(cn=&#x41;)</LdapQuery><AppMemberLink>g0</AppMemberLink>
    </AzApplicationGroup>
    <AzOperation Guid="o1" Name="start"><OperationID>315</OperationID></AzOperation>
    <AzOperation Guid="o2" Name="stop"><OperationID>320</OperationID></AzOperation>
    <AzTask Guid="t1" Name="run" RoleDefinition="False">
      <OperationLink>O1</OperationLink><TaskLink>t2</TaskLink>
      <BizRule>If hour &gt; 9 Then</BizRule>
    </AzTask>
    <AzTask Guid="t2" Name="halt"><OperationLink>o2</OperationLink><TaskLink>t1</TaskLink></AzTask>
    <AzScope Guid="s1" Name="web">
      <AzTask Guid="t3" Name="web operator" RoleDefinition="True"><TaskLink>t1</TaskLink></AzTask>
      <AzRole Guid="r1" Name="web operator">
        <TaskLink>t3</TaskLink><AppMemberLink>g0</AppMemberLink><Member>S-1-5-32-544</Member>
      </AzRole>
      <AzScope Guid="s2" Name="shop"><AzRole Guid="r2" Name="nobody"/></AzScope>
    </AzScope>
    <AzRole Guid="r3" Name="lost"><TaskLink>t9</TaskLink><OperationLink>o1</OperationLink></AzRole>
  </AzApplication>
</AzAdminManager>"""


def test_the_store_as_hyper_v_installs_it() -> None:
    store = parse(STORE)
    every = tuple(name for _, name in azman_store.OPERATIONS)
    assert store.notices == ()
    assert store.version == "1.0"
    assert store.grants == (
        Grant("Hyper-V services", "", "Administrator", (Membership("S-1-5-32-544"),),
              ("Administrator",), every, (), partial=False),
        Grant("Hyper-V services", "", "Machine Operator",
              (Membership(azman_store.OPERATORS_SID),), ("Machine Operator",), SOME, (),
              partial=False))


def test_nested_scopes_tasks_that_loop_groups_rules_and_links_that_lead_nowhere() -> None:
    store = parse(NESTED.encode())
    lost, web, nobody = store.grants
    assert (web.scope, web.tasks, web.operations) == (
        "web", ("web operator", "run", "halt"), ("start", "stop"))
    assert web.members == (
        Membership("S-1-5-32-544"), Membership("S-1-5-21-1-2-3-1001", "everywhere"),
        Membership("S-1-5-21-1-2-3-1002", "everywhere", is_excluded=True),
        Membership("", "asked", condition="(cn=A)"))
    assert web.conditions == ("If hour > 9 Then",)
    assert not web.partial
    assert (nobody.scope, nobody.members, nobody.partial) == ("web/shop", (), False)
    assert (lost.tasks, lost.operations, lost.partial) == ((), ("start",), True)
    assert [n.code for n in store.notices] == ["AZMAN"]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings_change_nothing(codec: str) -> None:
    assert parse(STORE.decode().encode(codec)).grants == parse(STORE).grants


def test_a_cut_anywhere_keeps_whole_roles_and_says_so() -> None:
    full = parse(STORE).grants
    end = STORE.index(b"</AzAdminManager>") + len(b"</AzAdminManager>")
    kept = 0
    for cut in range(1, end, 37):
        try:
            store = parse(STORE[:cut])
        except EvidenceError:
            assert cut <= STORE.index(b"</AzOperation>"), "nothing whole stands before"
            continue
        assert store.notices
        for mine, theirs in zip(store.grants, full, strict=False):
            assert mine == theirs or mine.partial
            assert mine.members == theirs.members[:len(mine.members)]
            assert set(mine.operations) <= set(theirs.operations)
            kept += not mine.partial
    assert kept > 20


def test_rights_behind_a_damage_are_kept() -> None:
    full = parse(STORE)
    at = STORE.index(b"<AzOperation") + 3
    torn = parse(STORE[:at] + bytes(6) + STORE[at + 6:])
    assert [(g.role, g.members) for g in torn.grants] == [(g.role, g.members) for g in full.grants]
    assert [n.code for n in torn.notices][:1] == ["XML-PARTIAL"]
    member = STORE.index(b"<Member>")
    got = parse(STORE[:member] + bytes(9) + STORE[member + 9:])
    assert got.grants[0].partial
    assert set(got.grants[0].members) < set(full.grants[0].members)


def test_flipped_bytes_give_grants_or_an_evidence_error() -> None:
    chance, read = random.Random(9), 0
    for _ in range(400):
        data = bytearray(STORE)
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            store = parse(bytes(data))
        except EvidenceError:
            continue
        read += 1
        assert len(store.grants) <= 2
    assert read > 200


@pytest.mark.parametrize("data", [
    b"<configuration/>", b"<AzAdmin/>", b"<x><AzAdminManager/></x>",
                                  b"AzAdminManager"])
def test_other_files_are_not_stores(data: bytes) -> None:
    with pytest.raises(NotThisFormat):
        parse(data)


def test_a_document_type_is_refused_so_that_no_entity_is_ever_resolved() -> None:
    bomb = NESTED.replace("<AzAdminManager ", '<!DOCTYPE AzAdminManager [<!ENTITY a "aaaa">'
                          '<!ENTITY f SYSTEM "file:///etc/hostname">]><AzAdminManager ', 1)
    with pytest.raises(Corrupt):
        parse(bomb.encode())


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(Unsupported):
        parse(bytes(azman.LARGEST + 1))
    deep = "<AzAdminManager>" + "<AzApplication Name='a'>" * 100_000
    with pytest.raises(Corrupt):
        parse(deep.encode())
    with pytest.raises(Corrupt):
        parse(b"<AzAdminManager>" + b"<a/>" * 200_001)


def test_links_that_multiply_are_counted_down() -> None:
    links = "".join(f"<OperationLink>o{n % 3}</OperationLink>" for n in range(4000))
    roles = "".join(f"<AzRole Guid='r{n}' Name='{n}'><TaskLink>t</TaskLink></AzRole>"
                    for n in range(400))
    task = f"<AzTask Guid='t' Name='t'>{links}</AzTask>"
    operations = "".join(f"<AzOperation Guid='o{n}' Name='{n}'/>" for n in range(3))
    store = parse(f"<AzAdminManager><AzApplication>{operations}{task}{roles}</AzApplication>"
                  "</AzAdminManager>".encode())
    assert len(store.grants) == 400
    assert not store.grants[0].partial
    assert store.grants[-1].partial
