"""Receiving: from a supplier's label to a lot with a reel id of the plant's own."""
