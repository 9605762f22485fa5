"""One scan field at a station: material, units, cartons."""
