"""The station's tablet: what runs, how far, what to do now."""
