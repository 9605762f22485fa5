"""What tests and benchmarks need from the machine: a database cluster of their own, a browser, other Pythons."""
