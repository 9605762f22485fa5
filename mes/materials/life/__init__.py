"""How long a lot may be used: shelf life, life after opening, floor life of moisture-sensitive parts."""
