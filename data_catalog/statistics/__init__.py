"""Statistics in one pass."""
