"""Genealogy on screen: explorer, unit, difference, recall, what failed units share."""
