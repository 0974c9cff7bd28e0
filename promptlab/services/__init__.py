"""Business logic, a noun each; what reads or writes rows takes a Session in its constructor."""
