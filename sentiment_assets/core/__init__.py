"""What the platform computes: values in, values out, with no framework, network or clock.

Dagster, storage, the environment and HTTP do not belong here, so that the same code runs in a
Dagster process, in a Spark executor and in a test.
"""
