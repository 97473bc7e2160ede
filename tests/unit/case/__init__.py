"""Tests of analyzer.case."""
