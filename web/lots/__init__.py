"""Lots: which run out, and one lot with where it is."""
