"""Parts that several screens show: their view models (pure) and their templates (macros)."""
