"""Programs that Spark runs: they call ``core`` and ``lake``, and tell Dagster through its Pipes."""
