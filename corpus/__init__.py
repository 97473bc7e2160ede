"""Test corpus: recipes, committed images and their truth."""
