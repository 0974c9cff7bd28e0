"""What runs beside a run."""
