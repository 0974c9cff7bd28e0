"""What a git change touches, found by comparing plans: nothing is called, run or checked out."""
