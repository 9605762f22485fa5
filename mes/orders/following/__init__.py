"""What a job or an order follows: the version, its steps, parameters, materials and instructions; and acts on that."""
