"""May I? A station, or a machine, asks before it works on a unit."""
