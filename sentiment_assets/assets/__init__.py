"""The assets: short bodies that wire ``core`` and ``engine`` to resources."""
