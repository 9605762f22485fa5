"""The start page: stations, boards and walls of the plant."""
