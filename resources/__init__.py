"""The outside world, one file per system. What posts mean does not belong here."""
