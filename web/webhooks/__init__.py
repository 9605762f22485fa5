"""Webhooks on screen: who is told what, how each stands, and what was given up, to be sent again."""
