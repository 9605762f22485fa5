"""ERP connections on screen: which ERP, as whom, how it stands, and the orders that wait for a person."""
