"""What runs beside a run: its session, the recorder, counts."""
