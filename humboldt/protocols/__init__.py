"""Protocols of evaluation that make a claim honest, one a file."""
