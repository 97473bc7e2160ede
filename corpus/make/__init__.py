"""Recipes that build the evidence images of the corpus, and the truth about them.

Nothing here imports `analyzer`: what the corpus says is true comes from how it was made.
"""
