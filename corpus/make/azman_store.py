"""InitialStore.xml: the authorization store of Hyper-V on Server 2008 (AzMan XML).

Thirty-three operations, the Administrator role task and one role assignment to the local
Administrators, as field guide 12 lists them. Operation names and numbers: Microsoft, "Configure
Hyper-V for Role-based Access Control" (TechNet, dd283076).
"""

from __future__ import annotations

from corpus.make.windows import guid

OPERATIONS = (
    (100, "Read Service Configuration"),
    (105, "Reconfigure Service"),
    (110, "Create Virtual Switch"),
    (115, "Delete Virtual Switch"),
    (120, "Create Virtual Switch Port"),
    (125, "Delete Virtual Switch Port"),
    (130, "Connect Virtual Switch Port"),
    (135, "Disconnect Virtual Switch Port"),
    (140, "Create Internal Ethernet Port"),
    (145, "Delete Internal Ethernet Port"),
    (150, "Bind External Ethernet Port"),
    (155, "Unbind External Ethernet Port"),
    (160, "Change VLAN Configuration on Port"),
    (165, "Modify Switch Settings"),
    (170, "Modify Switch Port Settings"),
    (175, "View Switches"),
    (180, "View Switch Ports"),
    (185, "View External Ethernet Ports"),
    (190, "View Internal Ethernet Ports"),
    (195, "View VLAN Settings"),
    (200, "View LAN Endpoints"),
    (205, "View Virtual Switch Management Service"),
    (300, "Create Virtual Machine"),
    (305, "Delete Virtual Machine"),
    (310, "Change Virtual Machine Authorization Scope"),
    (315, "Start Virtual Machine"),
    (320, "Stop Virtual Machine"),
    (325, "Pause and Restart Virtual Machine"),
    (330, "Reconfigure Virtual Machine"),
    (335, "View Virtual Machine Configuration"),
    (340, "Allow Input to Virtual Machine"),
    (345, "Allow Output from Virtual Machine"),
    (350, "Modify Internal Ethernet Port"),
)
OPERATORS_SID = "S-1-5-21-1482476501-839522115-2147093821-1117"
"""A domain group that the administrators of HV-BERLIN01 added."""


def initial_store(*, with_operators: bool) -> bytes:
    """The file's bytes (UTF-8, CRLF); with an extra role for machine operators or as installed."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    lines += [f'<AzAdminManager MajorVersion="1" MinorVersion="0" Guid="{_id("store")}">']
    name = 'Name="Hyper-V services" Description=""'
    lines += [f'  <AzApplication Guid="{_id("application")}" {name} ApplicationVersion="">']
    for number, title in OPERATIONS:
        lines += [f'    <AzOperation Guid="{_id(title)}" Name="{title}" Description="">']
        lines += [f"      <OperationID>{number}</OperationID>", "    </AzOperation>"]
    every = [title for _, title in OPERATIONS]
    lines += _task("Administrator", every)
    lines += _role("Administrator", "S-1-5-32-544")
    if with_operators:
        some = [title for number, title in OPERATIONS if number in (100, 315, 320, 325, 335)]
        lines += _task("Machine Operator", some)
        lines += _role("Machine Operator", OPERATORS_SID)
    lines += ["  </AzApplication>", "</AzAdminManager>", ""]
    return "\r\n".join(lines).encode()


def _task(name: str, operations: list[str]) -> list[str]:
    head = f'    <AzTask Guid="{_id(f"task {name}")}" Name="{name}" Description=""'
    links = [f"      <OperationLink>{_id(title)}</OperationLink>" for title in operations]
    return [f'{head} BizRuleImportedPath="" RoleDefinition="True">', *links, "    </AzTask>"]


def _role(name: str, member: str) -> list[str]:
    return [
        f'    <AzRole Guid="{_id(f"role {name}")}" Name="{name}">',
        f"      <TaskLink>{_id(f'task {name}')}</TaskLink>",
        f"      <Member>{member}</Member>",
        "    </AzRole>",
    ]


def _id(key: str) -> str:
    return guid(f"azman/{key}").lower()
