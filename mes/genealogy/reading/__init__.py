"""Serials as scanners of machines read them."""
