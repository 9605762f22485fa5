"""Electronic signatures for the acts a plant marks: who, when, with which meaning, and of exactly which act."""
