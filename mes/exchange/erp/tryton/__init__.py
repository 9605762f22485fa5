"""Tryton 8, over the JSON-RPC that its own clients speak; nothing of Tryton is imported."""
