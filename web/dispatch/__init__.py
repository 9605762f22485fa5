"""The dispatch list of a work centre: what comes next at each station, and in which sequence a supervisor wants it."""
