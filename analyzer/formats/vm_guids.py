"""Types of virtual devices: GUID, upper case -> name, as in `manifest/vdevNNN/device`.

Source: FIELD-GUIDE 2.6. Names are those that Hyper-V writes into the manifest; of devices that
are never listed there, the field's own.
"""

from typing import Final

from analyzer.formats.port_features import BANDWIDTH, OFFLOAD, SECURITY, VLAN

IDE: Final = "83F8638B-8DCA-4152-9EDA-2CA8B33039B4"
SCSI: Final = "D422512D-2BF2-4752-809D-7B82B5FCB1B4"
FLOPPY: Final = "8F0D2762-0B00-4E04-AF4F-19010527CB93"
ETHERNET: Final = "2FC216B0-D2E2-4967-9B6D-B8A5C9CA2778"
SERIAL: Final = "8E3A359F-559A-4B6A-98A9-1690A6100ED7"
RUNTIME_STATE: Final = "917BD8CB-3BB6-4124-9383-B7D21AC07F79"
BIOS: Final = "AC6B8DC1-3257-4A70-B1B2-A9C9215659AD"

COMPONENTS: Final = {
    "84EAAE65-2F2E-45F5-9BB5-0E857DC8EB47": "Microsoft Heartbeat Component",
    "2A34B1C2-FD73-4043-8A5B-DD2159BC743F": "Microsoft Key-Value Pair Exchange Component",
    "9F8233AC-BE49-4C79-8EE3-E7E1985B2077": "Microsoft Shutdown Component",
    "2497F4DE-E9FA-4204-80E4-4B75C46419C0": "Microsoft Time Synchronization Component",
    "5CED1297-4598-4915-A5FC-AD21BB4D02A4": "Microsoft VSS Component",
    "6C09BB55-D683-4DA0-8931-C9BF705F6480": "Microsoft Guest Interface Component",
    "6C5ADDB9-A11A-4E8E-84CB-E6208201DB63": "Microsoft RDV Component",
    "BC12C717-8898-4688-8EE4-2CD14894F8EA": "Microsoft Hyper-V Activation Component",
}
"""Integration components."""

OTHERS: Final = {
    IDE: "Emulated IDE Controller",
    SCSI: "Synthetic SCSI Controller",
    FLOPPY: "Emulated Floppy Controller",
    SERIAL: "Emulated Serial Controller",
    BIOS: "Virtual BIOS",
    ETHERNET: "Synthetic Ethernet Port",
    "7D80D3DB-61EE-4879-8879-5609F1100AD0": "Emulated S3 Video",
    "F3CF6965-E8D3-44A9-9B7D-A04245EA7525": "Microsoft Synthetic Video",
    "58F75A6D-D949-4320-99E1-A2A2576D581C": "Microsoft Synthetic Mouse",
    "197F74E3-B84B-46DE-8AE6-82F1CD181CDC": "Microsoft Synthetic Keyboard",
    "E51B7EF6-4A7F-4780-AAAE-D4B291AACD2E": "Real Time Clock",
    "E3C82929-EDB4-475E-85A4-29AAA2A30C2D": "Dynamic Memory",
    "D41A1872-3740-41CE-A1EE-4522AB82F991": "VMBus",
    "DE6CDC86-E1FB-4940-801B-C3C1A26C4DA4": "Input Management",
    "655BC5C5-A784-46B7-81BC-E26328F7EB0E": "i8042 Keyboard Controller",
    RUNTIME_STATE: "Guest Runtime State",
    "736E6AA9-A3F8-49C0-9550-A963214D259A": "Trusted Platform Module",
    "2FCC454E-A36A-4C77-BB5E-A2D75A51F02C": "Discrete Device",
    "99DCD00C-FBD6-42D3-9DFD-1B5AD7058F61": "GPU Partition",
    "9EDD1639-9BCA-40DC-B3A2-07C828DA60B5": "Emulated PIC",
    "72682FC4-040A-430A-BE0B-224574B953FE": "Emulated IoAPIC",
    "84535FAD-4D98-4A6A-BDCD-21D5720DC430": "Emulated PCI Bus",
    "4D42D9F7-6531-4F6C-9E46-1F0477876104": "Emulated ISA Bus",
    "DB8B9818-B4BB-4725-B99D-B4612716B6B4": "Emulated Power Management Device",
    "9CB98DB1-4D09-4538-A192-2D3D8C0B6CDB": "Rdp Encoder",
    "BA8735EF-E3A9-4F1B-BADD-DBF3A5909915": "Video Monitor",
    "4D46D139-7821-4DC4-98A3-01E98A586A44": "Emulated Speaker Device",
    "35B0B12F-A0D7-482F-80A0-F52F1AB3DA2E": "Emulated SuperIo Device",
    "A28E4D02-3323-4148-9569-565930A5CB39": "Emulated PIT",
    "87045CE9-5323-438F-93BB-1E83DCBCE18E": "Emulated DMA Controller",
    "DEAEEED3-4119-4B44-95CF-A73604B76971": "Synthetic Debug Device",
    "9ED5FD4B-40C3-4DE3-8597-98ECD17035DA": "Synthetic Rdp Device",
}

FEATURES: Final = {
    OFFLOAD: "offload",
    VLAN: "VLAN",
    BANDWIDTH: "bandwidth",
    SECURITY: "security",
    "9940CD46-8B06-43BB-B9D5-93D50381FD56": "profile",
    "998BEF4A-5D55-492A-9C43-8B2F5EAE9F2B": "access control list",
}
"""Features of a switch port. The name of the first was seen on real files, others are UUIDs of
WMI classes (FIELD-GUIDE 2.8)."""
