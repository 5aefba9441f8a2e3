"""Storage without Dagster: objects on disk or S3, and Delta tables with one committer."""
