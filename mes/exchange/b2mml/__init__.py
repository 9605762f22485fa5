"""The ERP's door for B2MML: documents become verbs of the plant, and what the plant knows becomes documents."""
