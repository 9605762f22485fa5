"""What was measured where a unit was, while it was there."""
