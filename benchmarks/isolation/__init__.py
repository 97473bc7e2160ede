"""What isolation costs: the same run with children and in one process."""
