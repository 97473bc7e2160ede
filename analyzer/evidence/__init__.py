"""Evidence: acquired images (raw, split raw, EWF-E01, virtual disks) as Blocks, checked first."""

from analyzer.evidence.arranging import Arranged, arrange
from analyzer.evidence.image import AcquiredImage, open_evidence

__all__ = ["AcquiredImage", "Arranged", "arrange", "open_evidence"]
