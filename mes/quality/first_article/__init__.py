"""First articles: what somebody says of the first pieces of a job, with what was measured."""
