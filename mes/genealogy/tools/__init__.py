"""Tools with a life and a cleaning interval, counted by the pieces that pass where they stand."""
