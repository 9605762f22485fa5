"""What is asked before work begins: is the material there, what comes next at a station, when will it be done."""
