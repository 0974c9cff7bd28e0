"""The graph of a pipeline: its steps (`nodes`), where they stand (`rows`, `placing`), how it is drawn."""
