"""What runs ``core`` over the lake: fetching into bronze, bronze to silver. No Dagster here."""
