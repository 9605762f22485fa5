"""The supervisor's board: every open order with its chain of jobs, what is late, what may be released."""
