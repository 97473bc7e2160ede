"""Many files of a volume as one batch of FileEntry: most of what a volume holds."""

import numpy as np

from analyzer.columns import Texts, join
from analyzer.filesystem.listing import Listed
from analyzer.records import Batch, FileEntry, masked, moments
from analyzer.volume import MountedVolume

_DELETED = Texts.of([" (deleted)", ""])


def file_batch(volume: MountedVolume, listed: Listed) -> Batch:
    """What `Item.entry_source` and the entries would say, without making them."""
    assert volume.filesystem is not None
    columns, places = listed.columns(), volume.record_places
    layer, at = places.find(columns.number * volume.filesystem.record_size)
    folders = [f"{path.rstrip('/')}/" for path in listed.directories]
    path = listed.below(map(volume.windows_path, folders), columns.name)
    source = volume.source
    times = {name: masked(columns.times[:, place], columns.times[:, place] == 0)
             for place, name in enumerate(moments(FileEntry))}
    everything = np.arange(len(path))
    return Batch(kind=FileEntry, count=len(path), columns={
        "source_evidence": source.evidence,
        "source_path": listed.below((source.path + f.replace("!/", "%21/") for f in folders),
                                    columns.name),
        "source_detail": source.detail, "source_entry": columns.number,
        "source_offset": source.offset, "source_image_offset": masked(at, at < 0),
        "source_layer": Texts.of(places.layers).take(layer),
        "volume_id": volume.volume_id, "path": path, "entry": columns.number,
        "sequence": columns.sequence, "size": columns.size, "allocated": columns.allocated,
        "is_directory": columns.is_directory, "seen_by": listed.seen_by(), **times,
    }, subjects=join(path, everything, _DELETED.take(columns.allocated.astype(np.int64))))
