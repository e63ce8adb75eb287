"""What somebody does: one file for each."""
