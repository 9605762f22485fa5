"""Routings: which versions there are, what each says, and drawing up the next one."""
