"""The kinds of metrics over trials, a file each."""
