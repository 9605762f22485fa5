"""One order in full: what was asked, what happened, what was counted, what was reported."""
