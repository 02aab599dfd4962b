"""Samples at the speed of the machine."""
