"""ERP connectors: what every one of them gives (`agreement`), what becomes of it here, and one folder for each ERP."""
