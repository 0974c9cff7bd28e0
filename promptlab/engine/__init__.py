"""What runs a plan: values, chains, providers, steps, checks, the worker of project code."""
