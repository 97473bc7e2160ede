"""Memory and processors of a machine: `configuration/settings/{memory, processors, ...}`.

Every element is optional: dynamic memory came with 2008 R2 SP1, virtual NUMA with 2012.
Source: FIELD-GUIDE 2.3 (units measured on files of 2012 R2), 4 (keys of later versions).
"""

from dataclasses import dataclass

from analyzer.formats.vm_settings import Reader


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in MB; None where the file does not say."""

    size_mb: int | None
    minimum_mb: int | None
    maximum_mb: int | None
    """Both only with dynamic memory."""
    is_dynamic: bool | None
    buffer_percent: int | None
    weight: int | None
    """`priority`, 5000 by default."""
    numa_node_mb: int | None
    """Most memory in one virtual NUMA node."""
    numa_enabled: bool | None
    low_mmio_mb: int | None
    high_mmio_mb: int | None


@dataclass(frozen=True, slots=True)
class Processors:
    """Reservation and limit in thousandths of a percent: 100000 is all of them."""

    count: int | None
    reservation: int | None
    limit: int | None
    weight: int | None
    """100 by default."""
    limits_features: bool | None
    """Compatible with other processors, for migration."""
    limits_cpuid: bool | None
    """Compatible with older systems such as Windows NT."""
    per_numa_node: int | None
    numa_nodes_per_socket: int | None
    nested_virtualization: bool | None


def memory(read: Reader) -> Memory:
    """What the configuration says of memory."""
    bank = "settings/memory/bank"
    is_dynamic = read.bool(f"{bank}/dynamic_memory_enabled")
    return Memory(
        size_mb=read.count(f"{bank}/size"),
        minimum_mb=read.count(f"{bank}/reservation") if is_dynamic else None,
        maximum_mb=read.count(f"{bank}/limit") if is_dynamic else None,
        is_dynamic=is_dynamic,
        buffer_percent=read.count(f"{bank}/target_memory_buffer"),
        weight=read.count(f"{bank}/priority"),
        numa_node_mb=read.count("settings/memory/vnuma/max_size_per_node"),
        numa_enabled=read.bool("settings/vnuma/enabled"),
        low_mmio_mb=read.count("settings/topology/low_mmio_gap_mb"),
        high_mmio_mb=read.count("settings/topology/high_mmio_gap_mb"),
    )


def processors(read: Reader) -> Processors:
    """What the configuration says of processors."""
    part = "settings/processors"
    return Processors(
        count=read.count(f"{part}/count"),
        reservation=read.count(f"{part}/reservation"),
        limit=read.count(f"{part}/limit"),
        weight=read.count(f"{part}/weight"),
        limits_features=read.bool(f"{part}/features/limit"),
        limits_cpuid=read.bool(f"{part}/limit_cpuid"),
        per_numa_node=read.count(f"{part}/vnuma/count_per_node/max"),
        numa_nodes_per_socket=read.count(f"{part}/vnuma/node_per_socket/max"),
        nested_virtualization=read.bool(f"{part}/nested_virtualization/enabled"),
    )
