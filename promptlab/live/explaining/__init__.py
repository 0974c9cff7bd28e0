"""Says why calls of a run were made: what changed since the same step of the same trial was asked before."""
