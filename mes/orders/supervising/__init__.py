"""REST of what supervisors do with orders and jobs that are under way."""
