"""What is fast, what it costs in memory, and against whom: measured in one run on one machine."""
