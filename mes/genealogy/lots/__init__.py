"""What may be said of a lot that something was done with."""
