"""What the host does with a machine: `configuration/global_settings` and `.../security`.

Replication and security are given as they stand, each leaf with its name: the names are those
that a later service and its worker process look up, no file with one is at hand.

    global_settings/replication/{settings, extended_settings}/{primary_server, recovery_server,
        recovery_server_port, ..., included_disks/disk001, ...}    a replica, a replica of that
    security/{settings/{tpm_enabled, shielding_requested, encrypt_state_migration, ...},
        keys/key_protector, policy/..., vtpm/...}

Source: FIELD-GUIDE 2.4 (values measured on files of 2012 R2); docs/formats/vm-xml.md.
"""

from dataclasses import dataclass
from typing import Final

from analyzer.formats import vm_settings
from analyzer.formats.vm_settings import Node, Reader

_CRITICAL: Final = {0: "nothing", 1: "pause"}
"""By AutomaticCriticalErrorAction of the same class; of the stored number only 1 was seen."""
_CHECKPOINTS: Final = {2: "disabled", 3: "production, else standard", 4: "production only",
                       5: "standard"}
"""By UserSnapshotType of Msvm_VirtualSystemSettingData; of the stored number only 3 was seen."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Texts are "" and others None where the file does not say."""

    highly_available: bool | None
    """Managed by a cluster."""
    generation_id: str
    """VM-GenerationID, 32 hexadecimal digits: another one after a snapshot was applied."""
    crash_action: str
    """After the guest stopped unexpectedly: a number whose meaning is not known."""
    critical_error_action: str
    """When storage of the machine fails: word and number; "" where it is not said (before 2016)."""
    stopped_at_host_shutdown: bool | None
    smart_paging_root: str
    replication: str
    """`settings/primary_server=HV1; ...`; "" where there are none."""
    security: str
    """`settings/tpm_enabled=True; keys/key_protector=2150 bytes; ...`, in the same way."""
    snapshot_count: int | None
    """As the configuration counts them."""
    checkpoint_type: str
    """Which snapshots the user gets: word and number; "" where it is not said (before 2016)."""
    automatic_checkpoints: bool | None
    """A snapshot at each start of the machine."""


def host_settings(read: Reader) -> HostSettings:
    """What the configuration says of it."""
    crash = read.integer("global_settings/unexpected_termination/action")
    critical = read.integer("global_settings/critical_error/action")
    kind = read.count("global_settings/snapshots/user_type")
    return HostSettings(
        highly_available=read.bool("properties/highly_available"),
        generation_id=read.text("global_settings/devices/generation_id"),
        crash_action="" if crash is None else f"unknown ({crash})",
        critical_error_action="" if critical is None else
        f"{_CRITICAL.get(critical, 'unknown')} ({critical})",
        stopped_at_host_shutdown=read.bool("settings/stopped_at_host_shutdown"),
        smart_paging_root=read.text("global_settings/slp_data_root"),
        replication=_told(read.root, "global_settings/replication"),
        security=_told(read.root, "security"),
        snapshot_count=read.count("global_settings/snapshots/list/size"),
        checkpoint_type="" if kind is None else f"{_CHECKPOINTS.get(kind, 'unknown')} ({kind})",
        automatic_checkpoints=read.bool("global_settings/snapshots/enable_automatic"),
    )


def _told(root: Node, path: str) -> str:
    node = root.child(path)
    return vm_settings.told(node) if node is not None else ""
