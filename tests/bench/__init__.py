"""What a run costs, beside a bare loop over the same SDK: `make bench`."""
