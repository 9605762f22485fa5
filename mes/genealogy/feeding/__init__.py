"""Lots in slots as machines tell them."""
