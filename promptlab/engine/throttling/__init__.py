"""How many calls a model gets at once and a minute: all of it apart from the waiting."""
