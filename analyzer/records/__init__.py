"""Records: what vmtrail states, and the schema of every table."""

from collections.abc import Iterator

from analyzer.records.access import AccessGrant, Account, FileAccess
from analyzer.records.batch import Batch, masked
from analyzer.records.hosts import HostService, HostSetting, RoleEvidence
from analyzer.records.installations import Evidence, FileEntry, GuestIdentity, System, Volume
from analyzer.records.logs import EventActor, LogEvent, event_cited, event_values, last_events
from analyzer.records.machine_settings import (
    VirtualNetwork,
    VmAdapterFeature,
    VmBootEntry,
    VmMetric,
    VmSetting,
)
from analyzer.records.machine_states import SavedState, VmFormerSetting, VmRuntimeState
from analyzer.records.machines import (
    IN_ACCESS_LOG,
    IN_EVENTS,
    IN_JOURNAL,
    NOT_HERE,
    ONCE_REGISTERED,
    DiskCompanion,
    DiskLayer,
    Snapshot,
    VirtualMachine,
    VmDevice,
    VmDrive,
    VmExport,
    VmNetworkAdapter,
)
from analyzer.records.networks import (
    NetworkInterface,
    SwitchPort,
    VirtualSwitch,
    VmAddress,
)
from analyzer.records.record import Record, column_types, moment, moments, table_name
from analyzer.records.registry import DeletedRegistryKey
from analyzer.records.results import Coverage, Event, Finding, Problem, Run
from analyzer.records.rules import SEVERITIES, FindingRule, Rule, gravity, once_each
from analyzer.records.stories import LifeEvent
from analyzer.records.witnesses import (
    AccessLogClient,
    AccessLogMachine,
    AttachedDisk,
    HostNetworkObject,
    JournalEntry,
    RecycledFile,
    UserTrace,
)

__all__ = [
    "IN_ACCESS_LOG",
    "IN_EVENTS",
    "IN_JOURNAL",
    "NOT_HERE",
    "ONCE_REGISTERED",
    "SEVERITIES",
    "TABLES",
    "AccessGrant",
    "AccessLogClient",
    "AccessLogMachine",
    "Account",
    "AttachedDisk",
    "Batch",
    "Coverage",
    "DeletedRegistryKey",
    "DiskCompanion",
    "DiskLayer",
    "Event",
    "EventActor",
    "Evidence",
    "FileAccess",
    "FileEntry",
    "Finding",
    "FindingRule",
    "GuestIdentity",
    "HostNetworkObject",
    "HostService",
    "HostSetting",
    "JournalEntry",
    "LifeEvent",
    "LogEvent",
    "NetworkInterface",
    "Problem",
    "Record",
    "RecycledFile",
    "RoleEvidence",
    "Rule",
    "Run",
    "SavedState",
    "Snapshot",
    "SwitchPort",
    "System",
    "UserTrace",
    "VirtualMachine",
    "VirtualNetwork",
    "VirtualSwitch",
    "VmAdapterFeature",
    "VmAddress",
    "VmBootEntry",
    "VmDevice",
    "VmDrive",
    "VmExport",
    "VmFormerSetting",
    "VmMetric",
    "VmNetworkAdapter",
    "VmRuntimeState",
    "VmSetting",
    "Volume",
    "column_types",
    "event_cited",
    "event_values",
    "events",
    "gravity",
    "last_events",
    "masked",
    "moment",
    "moments",
    "once_each",
    "table_name",
]

_RECORDS: tuple[type[Record], ...] = (
    Evidence,
    Volume,
    System,
    GuestIdentity,
    HostService,
    HostSetting,
    RoleEvidence,
    VirtualMachine,
    Snapshot,
    VmDrive,
    VmNetworkAdapter,
    VmAdapterFeature,
    VmBootEntry,
    VmDevice,
    VmMetric,
    VirtualNetwork,
    VirtualSwitch,
    SwitchPort,
    NetworkInterface,
    VmAddress,
    VmSetting,
    VmFormerSetting,
    VmRuntimeState,
    SavedState,
    DiskLayer,
    DiskCompanion,
    VmExport,
    FileEntry,
    DeletedRegistryKey,
    Account,
    AccessGrant,
    FileAccess,
    LogEvent,
    EventActor,
    RecycledFile,
    JournalEntry,
    UserTrace,
    AccessLogMachine,
    AccessLogClient,
    AttachedDisk,
    HostNetworkObject,
    LifeEvent,
    Event,
    Finding,
    FindingRule,
    Problem,
    Coverage,
    Run,
)
TABLES: dict[str, type[Record]] = {table_name(record): record for record in _RECORDS}


def events(record: Record) -> Iterator[Event]:
    """The timeline rows of a record: one for each declared moment that is not None."""
    for name, label in moments(type(record)).items():
        at = getattr(record, name)
        if at is not None:
            yield Event(source=record.source, system_id=record.system_id, vm_id=record.vm_id,
                        snapshot_id=record.snapshot_id, at=at, what=label,
                        subject=record.describe(), table=table_name(type(record)),
                        topic=record.TOPIC)
