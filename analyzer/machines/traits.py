"""What else can be said of how a host has a machine, beside its one state.

A configuration may be registered, of an id that another one has too, and replicated: each of
these is a word of its own, so that a query finds all machines it is true of.

    duplicated id          another configuration of this system names the same machine
    planned                being created or imported (where the state says something else)
    clustered              marked as managed by a cluster
    replicated             has settings of Hyper-V Replica: the primary or the replica
    in a folder for replicas   lies below a folder called "Hyper-V Replica", the service's default
    in the form of an export   not registered, beside folders for disks and snapshots
    template by its name   its name or path says template; a configuration has no such mark

Source: FIELD-GUIDE 1.2 (export), 2.2 (planned), 2.4 (replication); that the default folder of
replicas has this name is unsure.
"""

from collections import Counter
from collections.abc import Sequence

from analyzer.errors import EvidenceError
from analyzer.machines.model import Machine
from analyzer.system import WindowsSystem

_BESIDE = ("Virtual Hard Disks", "Snapshots")
_REPLICAS = "\\hyper-v replica\\"


def traits(system: WindowsSystem, machines: Sequence[Machine]) -> list[tuple[str, ...]]:
    """The traits of each machine."""
    often = Counter(machine.vm_id for machine in machines)
    return [tuple(word for word, is_true in (
        ("duplicated id", bool(machine.vm_id) and often[machine.vm_id] > 1),
        ("planned", machine.configuration.is_planned and machine.state != "planned"),
        ("clustered", machine.configuration.host.highly_available is True),
        ("replicated", bool(machine.configuration.host.replication)),
        ("in a folder for replicas", _REPLICAS in machine.file.path.lower()),
        ("in the form of an export", _is_export(system, machine)),
        ("template by its name", "template" in
         f"{machine.configuration.name} {machine.file.path}".lower())) if is_true)
        for machine in machines]


def _is_export(system: WindowsSystem, machine: Machine) -> bool:
    """Whether folders for disks and snapshots lie beside that of an unregistered configuration."""
    folder = machine.file.path.rpartition("\\")[0]
    if machine.state != "unregistered" or not folder.lower().endswith("\\virtual machines"):
        return False
    parent = folder.rpartition("\\")[0]
    try:
        return all(system.find(f"{parent}\\{name}") is not None for name in _BESIDE)
    except EvidenceError:
        return False
