"""Evidence: acquired images (raw, split raw, EWF-E01) as Blocks, checked before they are used."""

from analyzer.evidence.image import AcquiredImage, open_evidence

__all__ = ["AcquiredImage", "open_evidence"]
