"""Accounts, the authorization store and access lists, on a computer made of a dict."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from analyzer.accounts import accounts
from analyzer.errors import Corrupt
from analyzer.formats.sid import machine_sid
from analyzer.records import AccessGrant, Account, FileAccess, VirtualMachine, events
from analyzer.system import WindowsSystem
from corpus.make import azman_store, hive, sam, vhd, vm_xml, vmcx
from plugins.artifacts.authorization import authorization
from plugins.artifacts.file_access import file_access
from plugins.artifacts.local_accounts import local_accounts
from plugins.artifacts.virtual_machines import virtual_machines
from tests.dict_system import AT, Content, DictFiles, Link, build, host, mounted
from tests.plugins.artifacts.test_artifacts import of
from tests.unit.formats.test_security_descriptor import ace, acl, descriptor

REGISTER = "C:/ProgramData/Microsoft/Windows/Hyper-V"
STORE = f"{REGISTER}/InitialStore.xml"
CONFIG = "C:/Windows/System32/config"
VM, GONE, OLDER = (f"{digit * 8}-2222-3333-4444-555555555555" for digit in "123")
COMPUTER, DOMAIN = "S-1-5-21-1482476501-839522115-2147093821", "S-1-5-21-1-2-3"
LOGON = 128_900_000_000_001_001
USERS = (sam.User(500, "Administrator"), sam.User(501, "Guest", flags=0x215),
         sam.User(1001, "kb", "Karl B.", 0x10, 7, LOGON))
NT = "Microsoft\\Windows NT\\CurrentVersion"
IN_LISTS = "no configuration, in access lists"


def software(version: str = "6.0", store: str = "") -> hive.Key:
    root = hive.Key("ROOT", AT)
    root.key(NT, AT).set(hive.sz("CurrentVersion", version))
    if store:
        root.key(f"{NT}\\Virtualization", AT).set(hive.sz("StoreLocation", store))
    for sid, path in ((f"{COMPUTER}-1001", "C:\\Users\\kb"),
                      (f"{DOMAIN}-1117", "C:\\Users\\anna.corp"), ("S-1-5-18", "%x%\\config")):
        root.key(f"{NT}\\ProfileList\\{sid}", AT).set(hive.expand_sz("ProfileImagePath", path))
    return root


def sam_tree() -> hive.Key:
    kb = f"{COMPUTER}-1001"
    return sam.sam_hive(COMPUTER, USERS, (
        sam.Alias(544, "Administratoren", [kb, f"{DOMAIN}-512"]),
        sam.Alias(578, "Hyper-V-Administratoren", [kb])), AT)


def hives(domain: str = DOMAIN) -> dict[str, Content]:
    security = sam.security_hive(COMPUTER, "HV", domain, "CORP", AT)
    return {f"{CONFIG}/SAM": hive.build(sam_tree()), f"{CONFIG}/SECURITY": hive.build(security)}


def test_accounts_groups_and_profiles() -> None:
    system = host(hives(), "C", software=software())
    rows = of(Account, local_accounts(system))
    assert system.problems() == []
    by_sid = {row.sid: row for row in rows}
    kb = by_sid[f"{COMPUTER}-1001"]
    assert (kb.account_name, kb.domain, kb.kind, kb.full_name) == ("kb", "HV", "user", "Karl B.")
    assert kb.groups == ("None", "Administratoren", "Hyper-V-Administratoren")
    assert (kb.profile_path, kb.logon_count, kb.flags) == ("C:\\Users\\kb", 7, ("normal account",))
    assert [event.what for event in events(kb)] == ["Account last logged on"]
    assert kb.last_logon_at == LOGON
    assert kb.source.address == "test.E01!/p1/Windows/System32/config/SAM"
    alias = by_sid["S-1-5-32-578"]
    assert (alias.account_name, alias.domain) == ("Hyper-V-Administratoren", "BUILTIN")
    assert alias.members == (f"{COMPUTER}-1001",)
    assert by_sid[f"{COMPUTER}-513"].members == tuple(f"{COMPUTER}-{n}" for n in (500, 501, 1001))
    anna = by_sid[f"{DOMAIN}-1117"]
    assert (anna.kind, anna.domain, anna.account_name) == (
        "profile", "CORP", "CORP\\anna.corp (by its profile folder)")


@pytest.mark.parametrize(("sid", "name"), [
    (f"{COMPUTER}-500", "HV\\Administrator"), ("S-1-5-32-544", "BUILTIN\\Administratoren"),
    ("S-1-5-32-545", "BUILTIN\\Users"), (f"{DOMAIN}-512", "CORP\\Domain Admins"),
    (f"{DOMAIN}-1117", "CORP\\anna.corp (by its profile folder)"), (f"{DOMAIN}-9999", ""),
    (machine_sid(VM), f"NT VIRTUAL MACHINE\\{VM}"), ("", "")])
def test_who_a_sid_is(sid: str, name: str) -> None:
    assert accounts(host(hives(), "C", software=software())).name(sid) == name


def test_a_computer_without_sam_names_what_is_the_same_everywhere() -> None:
    system = host({}, "C", software=software())
    known = accounts(system)
    assert known.name("S-1-5-32-544") == "BUILTIN\\Administrators"
    assert known.name(f"{COMPUTER}-1001") == "kb (by its profile folder)"
    assert {row.kind for row in of(Account, local_accounts(system))} == {"profile"}


@pytest.mark.realdata
def test_hives_of_a_real_member_server(realdata: Path) -> None:
    folder = realdata / "aiowinreg/tests/testdata/win2019_64"
    system = host({f"{CONFIG}/{name.upper()}": (folder / f"{name}.reg").read_bytes()
                   for name in ("sam", "security")}, "C", software=software("6.3"))
    known = accounts(system)
    local = "S-1-5-21-2466873999-1711635343-3190441946"
    assert known.domains[local] == "WIN-20RVASFNFKB"
    assert known.name(f"{local}-500") == "WIN-20RVASFNFKB\\Administrator"
    member = next(sid for sid in known.groups if sid.endswith("-512"))
    assert known.name(member) == "TEST\\Domain Admins"
    assert known.groups[member] == ["Administrators"]
    assert {p.kind for p in known.principals} == {"user", "group", "alias"}
    assert len(known.principals) == 4 + 1 + 13


def test_a_work_group_has_no_domain_and_a_broken_value_costs_one_account() -> None:
    files = hives("")
    tree = sam_tree()
    tree.key("SAM\\Domains\\Account\\Users\\000003E9").set(hive.binary("V", b"short"))
    files[f"{CONFIG}/SAM"] = hive.build(tree)
    system = host(files, "C", software=software())
    rows = of(Account, local_accounts(system))
    assert [row.account_name for row in rows if row.kind == "user"] == ["Administrator", "Guest"]
    assert [p.effect for p in system.problems()] == ["this user is missing"]
    assert accounts(system).domains == {COMPUTER: "HV"}


def test_the_authorization_store() -> None:
    store = azman_store.initial_store(with_operators=True)
    system = host({STORE: store, **hives()}, "C", software=software())
    admins, operators = of(AccessGrant, authorization(system))
    assert (admins.role, admins.sid, admins.account_name, admins.membership) == (
        "Administrator", "S-1-5-32-544", "BUILTIN\\Administratoren", "member")
    assert len(admins.operations) == len(azman_store.OPERATIONS)
    assert (operators.sid, len(operators.operations)) == (azman_store.OPERATORS_SID, 5)
    assert {admins.validity, operators.validity} == {"in effect"}
    assert admins.source.detail == "AzRole Administrator"
    assert [c.state for c in system.coverage() if c.place.startswith(
        "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\InitialStore")] == ["read"]


@pytest.mark.parametrize(("version", "validity"), [
    ("6.1", "in effect"), ("6.2", "in effect, deprecated"),
    ("6.3", "without effect: Windows 6.3 does not go by the store"),
    ("", "not known: the version of Windows cannot be read")])
def test_later_versions_do_not_go_by_the_store(version: str, validity: str) -> None:
    store = azman_store.initial_store(with_operators=False)
    system = host({STORE: store}, "C", software=software(version))
    assert [row.validity for row in of(AccessGrant, authorization(system))] == [validity]


def test_a_store_elsewhere_is_read_once_and_one_in_a_directory_service_is_said() -> None:
    store = azman_store.initial_store(with_operators=False)
    for place in ("msxml://D:\\az\\store.xml", f"msxml://{STORE}".replace("/Pro", "\\Pro")):
        system = host({"D:/az/store.xml": store, STORE: store}, "C", "D",
                      software=software(store=place))
        paths = [row.path for row in of(AccessGrant, authorization(system))]
        assert len(paths) == len(set(paths)) == (2 if "D:" in place else 1)
    system = host({}, "C", software=software(store="msldap://CN=az,DC=corp"))
    assert of(AccessGrant, authorization(system)) == []
    assert [p.code for p in system.problems()] == ["NOT-IN-EVIDENCE"]


def test_a_damaged_store_is_a_problem() -> None:
    store = azman_store.initial_store(with_operators=False)
    system = host({STORE: store[:store.index(b"</AzRole>")]}, "C", software=software())
    assert [row.partial for row in of(AccessGrant, authorization(system))] == [True]
    assert "XML-PARTIAL" in {p.code for p in system.problems()}
    system = host({STORE: b"\0" * 50}, "C", software=software())
    assert of(AccessGrant, authorization(system)) == []
    assert [p.code for p in system.problems()] == ["CORRUPT"]


def machines_host(lists: Mapping[str, bytes | Corrupt], stored: tuple[bytes, ...] = ()) \
        -> WindowsSystem:
    """A registered machine with a disk, and a disk that no configuration names."""
    machine = vm_xml.Machine(VM, "WEB", AT, bios_guid=VM, owner_sid=f"{COMPUTER}-1001", drives=(
        vm_xml.Drive("ide", 0, 0, "VHD", "D:\\VMs\\web.vhd"),))
    disk, other = (vhd.fixed(bytes(4096), unique_id=mark * 16, created=9) for mark in (b"A", b"B"))
    system = host({
        f"{REGISTER}/Virtual Machines/{VM}.xml": Link(f"D:\\VMs\\{VM}.xml"),
        f"D:/VMs/{VM}.xml": vm_xml.machine_xml(machine), "D:/VMs/web.vhd": disk,
        "D:/left/old.vhd": other, **hives()}, "C", "D", software=software())
    for volume in system.volumes:
        files = cast("DictFiles", volume.filesystem)
        files.security |= {path[2:]: data for path, data in lists.items()
                           if path[0] == volume.letter}
        files.stored += stored if volume.letter == "D" else ()
    return system


def allowing(*vm_ids: str) -> bytes:
    return descriptor(acl(ace(0, 0, 0x1F01FF, "S-1-5-18"), *(
        ace(0, 0x10, 0x12019F, machine_sid(vm_id)) for vm_id in vm_ids)), owner=f"{COMPUTER}-1001")


def test_access_lists_of_disks_configurations_links_and_folders() -> None:
    system = machines_host({"D:/VMs/web.vhd": allowing(VM), "D:/left/old.vhd": allowing(GONE)})
    rows = of(FileAccess, file_access(system))
    assert system.problems() == []
    assert {(row.subject, row.path) for row in rows} == {
        ("virtual disk", "D:\\VMs\\web.vhd"), ("virtual disk", "D:\\left\\old.vhd"),
        ("configuration", f"D:\\VMs\\{VM}.xml"), ("folder", "D:\\VMs"), ("folder", "D:\\left"),
        ("link", f"{REGISTER}/Virtual Machines/{VM}.xml".replace("/", "\\")),
        ("folder", f"{REGISTER}/Virtual Machines".replace("/", "\\"))}
    own = next(row for row in rows if row.sid == machine_sid(VM))
    assert (own.path, own.vm_id, own.ace, own.rights, own.mask) == (
        "D:\\VMs\\web.vhd", VM, "allowed", "read and write", 0x12019F)
    assert (own.owner_name, own.account_name) == ("HV\\kb", f"NT VIRTUAL MACHINE\\{VM}")
    assert (own.is_inherited, own.is_inherit_only, own.partial) == (True, False, False)
    assert [row.vm_id for row in rows if row.path == "D:\\left\\old.vhd"] == ["", GONE]
    assert {row.vm_id for row in rows if row.subject == "configuration"} == {VM}


def test_machines_that_only_lists_name_are_in_the_inventory() -> None:
    system = machines_host({"D:/left/old.vhd": allowing(VM, GONE)},
                           stored=(allowing(VM), allowing(OLDER)))
    rows = {row.vm_id: row for row in of(VirtualMachine, virtual_machines(system))}
    assert rows.keys() == {VM, GONE, OLDER}
    assert (rows[VM].state, rows[VM].owner_name) == ("registered", "HV\\kb")
    for vm_id in (GONE, OLDER):
        assert (rows[vm_id].state, rows[vm_id].format) == (IN_LISTS, "none")
    assert rows[GONE].source.path == "/p2/left/old.vhd"
    assert rows[GONE].access_path.endswith(":\\left\\old.vhd")
    assert rows[OLDER].source.path == "/p2/$Secure:$SDS"
    assert rows[OLDER].source.offset == 256
    stored = [row for row in of(FileAccess, file_access(system)) if row.subject == "$Secure"]
    assert [row.vm_id for row in stored] == ["", OLDER]


def test_a_machine_that_owns_a_file_is_named_by_it() -> None:
    own = descriptor(acl(), owner=machine_sid(GONE))
    system = machines_host({"D:/left/old.vhd": own})
    rows = {row.vm_id: row for row in of(VirtualMachine, virtual_machines(system))}
    assert rows[GONE].state == IN_LISTS


def test_a_machine_of_the_register_is_known_from_more_than_lists() -> None:
    register = vmcx.register([(GONE, f"D:\\gone\\{GONE}.vmcx")], [])
    system = host({f"{REGISTER}/data.vmcx": register}, "C", software=software())
    files = cast("DictFiles", system.volumes[0].filesystem)
    files.security[f"{REGISTER[2:]}/data.vmcx"] = allowing(GONE, OLDER)
    states = {row.vm_id: row.state for row in of(VirtualMachine, virtual_machines(system))}
    assert states == {GONE: "registered, configuration missing", OLDER: IN_LISTS}
    assert "register" in {row.subject for row in of(FileAccess, file_access(system))}


def test_no_list_an_empty_one_a_torn_one_and_one_that_cannot_be_read() -> None:
    system = machines_host({
        "D:/VMs/web.vhd": descriptor(None), "D:/left/old.vhd": descriptor(acl()),
        "D:/VMs": allowing(VM)[:60], "D:/left": Corrupt("no such id")})
    rows = of(FileAccess, file_access(system))
    said = {row.path: row.ace for row in rows if not row.sid}
    assert said["D:\\VMs\\web.vhd"] == "no list"
    assert said["D:\\left\\old.vhd"] == "empty list"
    assert {row.partial for row in rows if row.path == "D:\\VMs"} == {True}
    assert "D:\\left" not in {row.path for row in rows}
    assert {(p.code, p.effect) for p in system.problems()} >= {
        ("CORRUPT", "who may access D:\\left is not known")}


def test_a_computer_without_windows_or_machines_has_none_of_it() -> None:
    system = build({"C:/x.txt": b"x"})
    for plugin in (local_accounts, authorization, file_access):
        assert list(plugin(system)) == []
    assert mounted("C") is not None
