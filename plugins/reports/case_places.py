"""Images, volumes and files of a case as observables, named after their addresses.

`EVIDENCE!/p2/VMs/web.avhd!/p1/Windows` says what lies in what: a file in a volume, a volume in a
disk that is an image or again a file.
"""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables
from analyzer.source import unescape_name
from plugins.reports.case_terms import (
    Node,
    digest,
    facet,
    name,
    observable,
    present,
    relationship,
    time,
)
from plugins.reports.source_line import address

Row = dict[str, Any]


class Places:
    """The places that statements cite; each is told once."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._images = {row["name"]: row for row in tables.rows("evidence")}
        self._volumes: set[str] = set()
        self._files: dict[str, int | None] = {}

    def image(self, evidence: str) -> str:
        """The id of an image: after its hashes and size, so that it is that very image's."""
        row = self._images.get(evidence, {})
        return name("image", evidence, *(row.get(key) for key in (
            "size", "stored_md5", "stored_sha1")))

    def id(self, place: str) -> str:
        """The id of the file, volume or image at an address."""
        evidence, inside, path = place.partition("!/")
        return name(self.image(evidence), path) if inside else self.image(evidence)

    def file(self, row: Row) -> str:
        """The id of the file that a row is read from, which is then told as well."""
        place = address(row)
        if "!/" in place and "/" in place.rpartition("!/")[2]:
            self._files.setdefault(place, row["source_entry"])
        return self.id(place)

    def images(self) -> Iterator[Node]:
        """Each image with its stored hashes."""
        for evidence, row in self._images.items():
            own = self.image(evidence)
            stored = {"MD5": row["stored_md5"], "SHA1": row["stored_sha1"]}
            hashes = present([digest(own, method, text) for method, text in stored.items()])
            yield observable(
                own, ["Image"], evidence,
                [row["description"], f"files: {', '.join(row['files'])}",
                 f"hashes as stored in the image; verified: {row['verified'] or 'not asked'}",
                 *(f"stored {method}, no hexadecimal number: {text}" for method, text
                   in stored.items() if text and not digest(own, method, text))],
                [facet(own, "ImageFacet", imageType=row["format"]),
                 facet(own, "ContentDataFacet", sizeInBytes=row["size"], hash=hashes)])

    def volumes(self) -> Iterator[Node]:
        """Each volume, in the image or virtual disk that holds it."""
        for row in self._tables.rows("volume"):
            place, told = address(row), f"!/{row['volume_id']}"
            place += "" if place.endswith(told) else told
            if place not in self._volumes:
                yield from self._volume(place, row)

    def _volume(self, place: str, row: Row) -> Iterator[Node]:
        self._volumes.add(place)
        own = self.id(place)
        yield observable(
            own, ["DiskPartition", "Volume"], row["label"],
            [f"{place}, {row['scheme']}, {row['state']}"],
            [facet(own, "VolumeFacet", volumeID=row["serial"]),
             facet(own, "WindowsVolumeFacet", driveLetter=row["drive_letter"]),
             facet(own, "FileSystemFacet", fileSystemType=row["format"]),
             facet(own, "DiskPartitionFacet", partitionID=row["volume_id"],
                   partitionOffset=row["offset"], partitionLength=row["size"])])
        yield relationship(own, "Contained_Within", self._within(place))

    def _within(self, place: str) -> str:
        """The id of what holds a volume or file."""
        before, _, last = place.rpartition("!/")
        volume, deeper, _ = last.partition("/")
        return self.id(f"{before}!/{volume}" if deeper else before)

    def files(self) -> Iterator[Node]:
        """Each cited file, with what its volume says of it."""
        found = self._entries()
        for place, entry in self._files.items():
            own, row = self.id(place), found.get((place, entry), {})
            base = unescape_name(place.rpartition("/")[2])
            yield observable(own, ["File"], base, [place], [
                facet(own, "FileFacet", fileName=base, filePath=row.get("path"),
                      sizeInBytes=row.get("size"), isDirectory=row.get("is_directory"),
                      allocationStatus=_status(row), observableCreatedTime=time(
                          row.get("si_created_at")), modifiedTime=time(row.get("si_modified_at")),
                      accessedTime=time(row.get("si_accessed_at")),
                      metadataChangeTime=time(row.get("si_changed_at"))),
                facet(own, "NTFSFileFacet", entryID=entry)])
            yield relationship(own, "Contained_Within", self._within(place))

    def _entries(self) -> dict[tuple[str, int | None], Row]:
        names = {unescape_name(place.rpartition("/")[2]) for place in self._files}
        found: dict[tuple[str, int | None], Row] = {}
        for row in self._tables.matching("file_entry", "path", names):
            place = address(row)
            if place in self._files:
                found.setdefault((place, row["entry"]), row)
        return found


def _status(row: Row) -> str | None:
    return None if not row else "allocated" if row["allocated"] else "unallocated"
