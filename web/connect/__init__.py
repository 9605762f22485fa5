"""A machine is set up on screen, through an edge box."""
