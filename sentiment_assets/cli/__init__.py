"""The ``sentiment`` command; one file per group of verbs.

What belongs here: the group, and how errors of settings leave the process. Exit codes: 0 done,
1 the work failed, 2 the command or a setting was wrong.
"""

from __future__ import annotations

import sys

import click

from sentiment_assets.cli.access import access
from sentiment_assets.cli.accuracy import accuracy
from sentiment_assets.cli.alerts import alerts
from sentiment_assets.cli.connect import connect
from sentiment_assets.cli.dead_letters import dead_letters
from sentiment_assets.cli.freshness import freshness
from sentiment_assets.cli.keys import keys
from sentiment_assets.cli.land import land
from sentiment_assets.cli.maintain import maintain
from sentiment_assets.cli.mart import mart
from sentiment_assets.cli.partitions import partitions
from sentiment_assets.cli.produce import produce
from sentiment_assets.cli.query import query
from sentiment_assets.cli.reprocess import reprocess
from sentiment_assets.cli.run import run
from sentiment_assets.cli.score import score
from sentiment_assets.cli.seal import seal
from sentiment_assets.cli.settings import settings
from sentiment_assets.cli.tick import tick
from sentiment_assets.cli.topics import topics
from sentiment_assets.cli.watch import watch


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sentiment-assets")
def cli() -> None:
    """Social-media posts to trusted, private sentiment data."""


cli.add_command(run)
cli.add_command(connect)
cli.add_command(tick)
cli.add_command(land)
cli.add_command(dead_letters)
cli.add_command(partitions)
cli.add_command(freshness)
cli.add_command(reprocess)
cli.add_command(maintain)
cli.add_command(mart)
cli.add_command(seal)
cli.add_command(keys)
cli.add_command(query)
cli.add_command(score)
cli.add_command(accuracy)
cli.add_command(settings)
cli.add_command(access)
cli.add_command(alerts)
cli.add_command(watch)
cli.add_command(produce)
cli.add_command(topics)


def main() -> None:
    """Entry point of the console script."""
    # Imported here: errors are needed only when one is raised, `--help` should be quick.
    from sentiment_assets.core.checked_yaml import FileProblems
    from sentiment_assets.lake.folders import FolderRefused
    from sentiment_assets.lake.objects import LakeError

    try:
        # Outside of its standalone mode click returns the code of an exit instead of raising it.
        code = cli(standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2 if isinstance(error, click.UsageError) else error.exit_code)
    except (FileProblems, LakeError) as error:
        click.echo(f"sentiment: {error}", err=True)
        sys.exit(2)
    except FolderRefused as error:
        click.echo(f"sentiment: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        click.echo(f"sentiment: {error}; check SENTIMENT_HOME and who may write there", err=True)
        sys.exit(1)
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if kinds & {"SettingsError", "KeyringError", "ModelError"}:
            click.echo(f"sentiment: {error}", err=True)
            sys.exit(2)
        if "ClusterError" in kinds:
            click.echo(f"sentiment: {error}", err=True)
            sys.exit(1)
        raise
    sys.exit(code if isinstance(code, int) else 0)
