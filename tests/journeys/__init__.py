"""The whole way, with the real processes: from the ERP's order to its answer, in a browser and across `kill -9`."""
