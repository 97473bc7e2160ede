"""Listing a volume: our scan of $MFT and our walk beside The Sleuth Kit."""
