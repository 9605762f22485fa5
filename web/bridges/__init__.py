"""How the edge boxes and their connections to machines are."""
