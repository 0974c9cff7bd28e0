"""Ground that everything stands on: errors, settings, text."""
