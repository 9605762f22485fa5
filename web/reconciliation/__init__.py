"""Reconciliation on screen: where the ERP thinks otherwise than the plant knows, and why."""
