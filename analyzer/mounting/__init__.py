"""Mounting: a disk of the evidence and its volumes as a folder of the examiner's computer.

`tree` says what is shown, without knowing FUSE; `fuse` shows it.
"""
