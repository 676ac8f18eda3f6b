"""Data in and out: tables of others, recordings of trackers, and runs recorded as they train."""
