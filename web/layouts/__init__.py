"""The frame around every page: document, bar, live connection, problems."""
