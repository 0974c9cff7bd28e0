"""What `doctor` looks at: one file for the machine, one for the project."""
