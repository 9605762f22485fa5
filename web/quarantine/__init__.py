"""Readings of machines that nobody could place, and what is done about them."""
