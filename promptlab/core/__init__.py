"""What every layer stands on: errors, configuration, the registry of kinds."""
