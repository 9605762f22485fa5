"""Receiving: scan, look, take in, print."""
