"""Measurements as people and programs ask for them: by the names of tags, and as the as-built record of a job."""
