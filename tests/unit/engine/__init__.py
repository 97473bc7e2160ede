"""Tests of analyzer.engine."""
