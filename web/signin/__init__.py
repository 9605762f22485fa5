"""Sign-in: a name, a PIN, large keys."""
