"""Tools: where each stands, and what is left of its life."""
