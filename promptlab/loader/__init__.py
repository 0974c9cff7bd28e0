"""What turns files into frozen values, and finds every problem in them."""
