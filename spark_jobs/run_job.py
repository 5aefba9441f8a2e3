"""Runs a job of the bundle by its name: the one file that spark-submit is given as its program.

What belongs here: nothing else. It lies beside the bundle, which is on Python's path by then.
"""

from __future__ import annotations

import runpy
import sys


def main() -> None:
    """Run the module of ``spark_jobs`` that the first argument names, with the other arguments."""
    if len(sys.argv) < 2:
        sys.exit("which job? For example: run_job.py silver_posts")
    job = sys.argv.pop(1)
    runpy.run_module(f"spark_jobs.{job}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
