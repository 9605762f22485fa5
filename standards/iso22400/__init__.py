"""Key performance indicators for manufacturing (ISO 22400-2:2014): formulas, nothing else."""
