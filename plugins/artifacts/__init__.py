"""Artifact plugins: one question, answered from the files of one system."""
