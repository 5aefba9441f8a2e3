"""Runs a job of the bundle by its name: the one file that spark-submit is given as its program.

What belongs here: what is the same for every job far away from its run. It opens the channel on
which the run listens, and sees to it that the run and the bundle are of the same sources: an order
is pickled by the one and read by the other. It lies beside the bundle, which is on Python's path.
"""

from __future__ import annotations

import os
import runpy
import sys

from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, open_dagster_pipes

from sentiment_assets.engine.spark import FAILED
from spark_jobs.messages import LakeMessageWriter
from spark_jobs.sources import BundleDiffers, bundle_digest


def main() -> None:
    """Run the module of ``spark_jobs`` that the first argument names, with the other arguments.

    Raises:
        BundleDiffers: the run was started by other sources.
    """
    if len(sys.argv) < 2:
        sys.exit("which job? For example: run_job.py silver_posts")
    if DAGSTER_PIPES_CONTEXT_ENV_VAR not in os.environ:
        sys.exit("jobs are started by runs, which tell them their order: docs/spark.md")
    job = sys.argv.pop(1)
    # What the job opens is this.
    with open_dagster_pipes(message_writer=LakeMessageWriter()) as pipes:
        wanted = pipes.extras["bundle"]
        if wanted != bundle_digest():
            differs = BundleDiffers(
                f"the run is of sources {wanted[:12]}, the bundle of {bundle_digest()[:12]}: "
                "upload what `make bundle` makes where the run comes from, or update the run"
            )
            told = {"type": type(differs).__name__, "message": str(differs)}
            pipes.report_custom_message({FAILED: told})
            raise differs
        runpy.run_module(f"spark_jobs.{job}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
