"""What a SLURM job is told and asks: its end, its next submission."""
