"""What people do at a station with a scanner: material in use, units and their steps, cartons."""
