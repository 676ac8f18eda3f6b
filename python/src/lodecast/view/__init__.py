"""What people look at: figures, notebook tables, bars."""
