"""Searches: which trial is hopeless."""
