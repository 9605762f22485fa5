"""Every component in every state on one page, for whoever draws the next screen."""
