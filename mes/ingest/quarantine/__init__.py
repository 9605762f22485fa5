"""What nobody could use of what bridges told, and what people decide about it."""
