"""The as-built record: what went into what, and the answers to where from, where used, recall."""
