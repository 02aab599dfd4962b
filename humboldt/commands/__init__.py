"""One file a command; each has `run(words)`."""
