"""Security identifiers (SIDs): bytes to text, the well-known names, and those of machines.

    0  u8 revision (1)   1  u8 number of sub-authorities (0 ... 15)
    2  6s authority, big-endian   8  u32 sub-authorities, little-endian

A virtual machine has a SID of its own: `S-1-5-83-1-d0-d1-d2-d3`, where the four numbers are the
bytes of its GUID as Windows keeps it in memory, four at a time, little-endian.

Sources: [MS-DTYP] 2.4.2 and 2.4.2.4 (well-known SIDs); FIELD-GUIDE 7 for machines;
docs/formats/security.md.
"""

import re
import struct
import uuid
from typing import Final

from analyzer.errors import Corrupt

MOST_PARTS: Final = 15
LOCAL_SYSTEM: Final = "S-1-5-18"
HYPERV_ADMINISTRATORS: Final = "S-1-5-32-578"
WORKER: Final = ("S-1-15-3-1024-2268835264-3721307629-241982045-173645152-1490879176-104643441-"
                 "2915960892-1612460704")
"""Capability of the worker process, on disks since late 2019."""
MACHINE_PREFIX: Final = bytes.fromhex("01060000000000055300000001000000")
"""How every SID of a machine begins, as bytes."""
_MACHINE = re.compile(r"S-1-5-83-1-(\d{1,10})-(\d{1,10})-(\d{1,10})-(\d{1,10})", re.ASCII)
_DOMAIN = re.compile(r"(S-1-5-21-\d{1,10}-\d{1,10}-\d{1,10})-(\d{1,10})", re.ASCII)
_NAMES: Final = {
    "S-1-0-0": "Nobody", "S-1-1-0": "Everyone", "S-1-2-0": "LOCAL", "S-1-2-1": "CONSOLE LOGON",
    "S-1-3-0": "CREATOR OWNER", "S-1-3-1": "CREATOR GROUP", "S-1-3-4": "OWNER RIGHTS",
    "S-1-5-1": "NT AUTHORITY\\DIALUP", "S-1-5-2": "NT AUTHORITY\\NETWORK",
    "S-1-5-3": "NT AUTHORITY\\BATCH", "S-1-5-4": "NT AUTHORITY\\INTERACTIVE",
    "S-1-5-6": "NT AUTHORITY\\SERVICE", "S-1-5-7": "NT AUTHORITY\\ANONYMOUS LOGON",
    "S-1-5-9": "NT AUTHORITY\\ENTERPRISE DOMAIN CONTROLLERS",
    "S-1-5-10": "NT AUTHORITY\\SELF", "S-1-5-11": "NT AUTHORITY\\Authenticated Users",
    "S-1-5-12": "NT AUTHORITY\\RESTRICTED", "S-1-5-13": "NT AUTHORITY\\TERMINAL SERVER USER",
    "S-1-5-14": "NT AUTHORITY\\REMOTE INTERACTIVE LOGON", "S-1-5-17": "NT AUTHORITY\\IUSR",
    LOCAL_SYSTEM: "NT AUTHORITY\\SYSTEM", "S-1-5-19": "NT AUTHORITY\\LOCAL SERVICE",
    "S-1-5-20": "NT AUTHORITY\\NETWORK SERVICE",
    "S-1-5-32-544": "BUILTIN\\Administrators", "S-1-5-32-545": "BUILTIN\\Users",
    "S-1-5-32-546": "BUILTIN\\Guests", "S-1-5-32-547": "BUILTIN\\Power Users",
    "S-1-5-32-548": "BUILTIN\\Account Operators", "S-1-5-32-549": "BUILTIN\\Server Operators",
    "S-1-5-32-550": "BUILTIN\\Print Operators", "S-1-5-32-551": "BUILTIN\\Backup Operators",
    "S-1-5-32-552": "BUILTIN\\Replicators",
    "S-1-5-32-554": "BUILTIN\\Pre-Windows 2000 Compatible Access",
    "S-1-5-32-555": "BUILTIN\\Remote Desktop Users",
    "S-1-5-32-556": "BUILTIN\\Network Configuration Operators",
    "S-1-5-32-558": "BUILTIN\\Performance Monitor Users",
    "S-1-5-32-559": "BUILTIN\\Performance Log Users",
    "S-1-5-32-562": "BUILTIN\\Distributed COM Users", "S-1-5-32-568": "BUILTIN\\IIS_IUSRS",
    "S-1-5-32-569": "BUILTIN\\Cryptographic Operators",
    "S-1-5-32-573": "BUILTIN\\Event Log Readers",
    HYPERV_ADMINISTRATORS: "BUILTIN\\Hyper-V Administrators",
    "S-1-5-32-579": "BUILTIN\\Access Control Assistance Operators",
    "S-1-5-32-580": "BUILTIN\\Remote Management Users",
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464":
        "NT SERVICE\\TrustedInstaller",
    "S-1-5-83-0": "NT VIRTUAL MACHINE\\Virtual Machines",
    "S-1-15-2-1": "APPLICATION PACKAGE AUTHORITY\\ALL APPLICATION PACKAGES",
    "S-1-15-2-2": "APPLICATION PACKAGE AUTHORITY\\ALL RESTRICTED APPLICATION PACKAGES",
    WORKER: "capability of the Hyper-V worker process",
    "S-1-16-0": "Untrusted integrity", "S-1-16-4096": "Low integrity",
    "S-1-16-8192": "Medium integrity", "S-1-16-12288": "High integrity",
    "S-1-16-16384": "System integrity",
}
_IN_DOMAIN: Final = {
    500: "Administrator", 501: "Guest", 502: "krbtgt", 512: "Domain Admins", 513: "Domain Users",
    514: "Domain Guests", 515: "Domain Computers", 516: "Domain Controllers",
    517: "Cert Publishers", 518: "Schema Admins", 519: "Enterprise Admins",
    520: "Group Policy Creator Owners",
}


def decode_sid(data: bytes, at: int, end: int) -> tuple[str, int]:
    """The SID at `at` as text, and its length; raises Corrupt where it reaches past `end`."""
    if at + 8 > min(end, len(data)):
        raise Corrupt("a SID past the end", at)
    revision, parts = data[at], data[at + 1]
    length = 8 + 4 * parts
    if revision != 1 or parts > MOST_PARTS:
        raise Corrupt(f"a SID of revision {revision} with {parts} parts", at)
    if at + length > min(end, len(data)):
        raise Corrupt(f"a SID of {length} bytes past the end", at)
    authority = int.from_bytes(data[at + 2:at + 8], "big")
    first = f"{authority:#014x}" if authority >> 32 else str(authority)
    numbers = struct.unpack_from(f"<{parts}I", data, at + 8)
    return "-".join(["S-1", first, *map(str, numbers)]), length


def encode_sid(sid: str) -> bytes:
    """The reverse of `decode_sid`; raises Corrupt for other text."""
    try:
        marks = sid.split("-")
        authority, *parts = [int(mark, 0) for mark in marks[2:]]
        if marks[:2] != ["S", "1"] or len(parts) > MOST_PARTS:
            raise ValueError
        return struct.pack(f"<BB6s{len(parts)}I", 1, len(parts),
                           authority.to_bytes(6, "big"), *parts)
    except (ValueError, OverflowError, struct.error) as error:
        raise Corrupt(f"no SID: {sid[:80]!a}") from error


def machine_id(sid: str) -> str:
    """GUID of the virtual machine a SID stands for, upper case; "" for any other SID."""
    match = _MACHINE.fullmatch(sid)
    numbers = [int(number) for number in match.groups()] if match else []
    if not match or max(numbers) >> 32:
        return ""
    return str(uuid.UUID(bytes_le=struct.pack("<4I", *numbers))).upper()


def machine_sid(vm_id: str) -> str:
    """The SID of the virtual machine with this GUID; raises Corrupt for other text."""
    try:
        numbers = struct.unpack("<4I", uuid.UUID(vm_id).bytes_le)
    except ValueError as error:
        raise Corrupt(f"no GUID: {vm_id[:80]!a}") from error
    return "S-1-5-83-1-" + "-".join(map(str, numbers))


def well_known_name(sid: str) -> str:
    """The English name of a SID that is the same everywhere; a machine's by its GUID; or ""."""
    vm_id = machine_id(sid)
    return f"NT VIRTUAL MACHINE\\{vm_id}" if vm_id else _NAMES.get(sid, "")


def domain_of(sid: str) -> tuple[str, int | None]:
    """SID of the computer or domain an account belongs to, and its RID; ("", None) for others."""
    match = _DOMAIN.fullmatch(sid)
    return (match[1], int(match[2])) if match else ("", None)


def name_by_rid(sid: str) -> str:
    """What an account is called in every domain, where nobody knows its domain; "" for others."""
    rid = domain_of(sid)[1]
    name = name_in_domain(rid) if rid is not None else ""
    return f"{name} (by its RID, of an unknown domain)" if name else ""


def name_in_domain(rid: int) -> str:
    """The English name of an account that every domain has; "" for others."""
    return _IN_DOMAIN.get(rid, "")
