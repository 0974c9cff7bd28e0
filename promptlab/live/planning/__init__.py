"""What a run would do: `promptlab plan`."""
