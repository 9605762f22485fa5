"""Files of rows on screen: which column is what, what would become of each row, then the import and what it refused."""
