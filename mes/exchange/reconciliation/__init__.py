"""What an ERP thinks against what the plant knows, by order and by lot, each difference with its reason."""
