"""The other servers of the comparison. They know of Gatepost its tables and nothing else."""
