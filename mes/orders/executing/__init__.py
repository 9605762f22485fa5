"""What is done at a station, over HTTP: a job is started, paused, resumed and counted, and what was wrong is undone."""
