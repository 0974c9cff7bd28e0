"""Pure mathematics on results: metrics and gates."""
