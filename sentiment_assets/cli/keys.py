"""``sentiment keys``: look at the pseudonym keys, rotate them, check them, wrap them by KMS.

What belongs here: showing, asking, and refusing what would put silver out of date unseen. What the
keyring is and how it changes stands where ``definitions`` takes it from. No secret is ever shown.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from sentiment_assets.definitions import Keyring, Settings

_RUNBOOK = "docs/runbooks/rotate-pseudonym-keys.md"


@click.group()
def keys() -> None:
    """Look at the keys of the pseudonyms, rotate, check and wrap them.

    A platform's posts have one secret for each epoch: the dates from one rotation to the next.
    No command shows a secret.
    """


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an epoch.")
def list_keys(as_json: bool) -> None:
    """Show each platform's epochs and where they are kept.

    Fingerprints tell secrets apart and nothing about them. KMS is not asked.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.definitions import read_keyring, read_settings

    settings = read_settings()
    keyring = read_keyring(settings.key_custody)
    if keyring is None:
        if not as_json:
            click.echo(f"No keys yet. The first rebuild makes them in {settings.key_place}.")
        return
    rows = _epoch_rows(keyring, settings.key_place, _today())
    if as_json:
        click.echo("\n".join(json.dumps(row) for row in rows))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("platform", "epoch", "from", "state", "fingerprint"):
        table.add_column(title)
    for row in rows:
        table.add_row(
            *(str(row[name] or "always") for name in ("platform", "epoch", "from", "state")),
            str(row["fingerprint"]),
        )
    Console().print(table)
    how = "wrapped by KMS" if keyring.wrapped else "secrets in the clear, for this user only"
    click.echo(f"Kept in {settings.key_place} ({how}).")


@keys.command()
@click.argument("platforms", nargs=-1, metavar="[PLATFORM]...")
@click.option(
    "--from",
    "first_date",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="First date (UTC) of posts under the new secret.  [default: tomorrow]",
)
@click.option(
    "--accept-rebuild",
    is_flag=True,
    help="Permit a date that silver has rows of already: they must be rebuilt.",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
def rotate(
    platforms: tuple[str, ...],
    first_date: dt.datetime | None,
    accept_rebuild: bool,
    yes: bool,
) -> None:
    """Begin a new epoch of each PLATFORM (default: all).

    Posts from its first date on get pseudonyms of a new secret. Posts of dates before keep their
    pseudonyms, also when they are rebuilt. Authors and conversations do not join across the first
    date of an epoch. All platforms rotate, or none.
    """
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import read_keyring, read_settings, require_rotatable
    from sentiment_assets.definitions import rotate as rotate_keyring

    unknown = sorted(set(platforms) - set(PLATFORMS))
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is not one of {', '.join(PLATFORMS)}", param_hint="PLATFORM"
        )
    settings = read_settings()
    custody = settings.key_custody
    keyring = read_keyring(custody)
    if keyring is None:
        raise click.ClickException(
            f"there are no keys in {settings.key_place} yet: there is nothing to rotate. The first "
            "rebuild makes them"
        )
    chosen = [name for name in PLATFORMS if name in (platforms or keyring.epochs)]
    first = first_date.date() if first_date else _today() + dt.timedelta(days=1)
    require_rotatable(custody, keyring, chosen, first)
    _require_untouched(settings, chosen, first, accept_rebuild)
    click.echo(
        f"Posts of {', '.join(chosen)} from {first} (UTC) on get pseudonyms of a new secret. "
        f"Authors and conversations will not join across that date ({_RUNBOOK})."
    )
    if not yes:
        click.confirm("Rotate?", abort=True)
        if not accept_rebuild:
            # Whoever answers after midnight finds rows of what was tomorrow.
            _require_untouched(settings, chosen, first, accept_rebuild)
    for name, epoch in rotate_keyring(custody, keyring, chosen, first).items():
        click.echo(
            f"{name}: epoch {epoch.number} from {epoch.first_date}, "
            f"fingerprint {keyring.fingerprint(name, epoch)}"
        )
    click.echo(f"Now make a new backup of {settings.key_place}; older ones lack the new secret.")


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding.")
def check(as_json: bool) -> None:
    """Check that the keys are private, whole and usable.

    KMS is asked for each wrapped secret. Nothing is made or changed. Exits with 1 if something is
    not well.
    """
    from sentiment_assets.definitions import read_settings

    findings = _findings(read_settings())
    for finding in findings:
        if as_json:
            click.echo(json.dumps(finding._asdict()))
        else:
            click.echo(f"{'ok   ' if finding.ok else 'wrong'}  {finding.said}")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


@keys.command()
@click.option(
    "--accept-rebuild",
    is_flag=True,
    help="Permit it although silver has rows: all of them must be rebuilt.",
)
def create(accept_rebuild: bool) -> None:
    """Make a new keyring where there is none.

    The first rebuild does the same. This is for keys that are lost for good.
    """
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import add_platforms, read_keyring, read_settings

    settings = read_settings()
    custody = settings.key_custody
    if read_keyring(custody) is not None:
        raise click.ClickException(
            f"there are keys in {settings.key_place}: nothing was changed. For a new secret from "
            "a date on use `sentiment keys rotate`"
        )
    _require_untouched(settings, list(PLATFORMS), None, accept_rebuild)
    add_platforms(custody, None, list(PLATFORMS))
    click.echo(f"Made a key for each platform in {settings.key_place}. Make a backup of it.")


@keys.command()
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file whose secrets to wrap.  [default: where they lie without KMS]",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
def wrap(source: Path | None, yes: bool) -> None:
    """Wrap the secrets of a key file by KMS.

    Pseudonyms stay the same. Each secret is wrapped, unwrapped and compared before anything is
    written. The result goes to where the settings say; a file elsewhere stays as it is.
    """
    from sentiment_assets.definitions import KeyringError, read_settings
    from sentiment_assets.definitions import wrap as wrap_keyring

    settings = read_settings()
    in_clear = settings.keys_in_clear(source)
    target = settings.key_place
    in_place = in_clear.place == target
    if in_clear.read() is None:
        raise KeyringError(f"there are no keys in {in_clear.place}: name the file with --from")
    if in_place and not yes:
        click.echo(
            f"{target} will hold wrapped secrets only: whoever loses the KMS key loses them. "
            "Keep a backup of the file as it is now, offline."
        )
        click.confirm("Wrap?", abort=True)
    if not wrap_keyring(in_clear, settings.key_custody):
        click.echo(f"{target} holds the same secrets, wrapped already.")
    else:
        click.echo(f"{target} holds the secrets, wrapped by KMS. Pseudonyms stay the same.")
    if not in_place:
        click.echo(
            f"{in_clear.place} holds them in the clear still: when `sentiment keys check` is well, "
            "move it to where the backups are, offline."
        )


class Finding(NamedTuple):
    """One thing that was looked at."""

    ok: bool
    said: str


def _findings(settings: Settings) -> list[Finding]:
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import KeyringError, read_keyring, unlock

    custody, place = settings.key_custody, settings.key_place
    try:
        keyring = read_keyring(custody)
        if keyring is None:
            return [
                Finding(False, f"there are no keys in {place} yet: the first rebuild makes them")
            ]
        how = "wrapped by KMS" if keyring.wrapped else "in the clear, readable by this user only"
        findings = [Finding(True, f"{place} can be read; its secrets are {how}")]
        missing = [name for name in PLATFORMS if name not in keyring.epochs]
        if missing:
            said = f"no key of {', '.join(missing)}: the next rebuild makes it, unless one was lost"
            findings.append(Finding(False, said))
        else:
            findings.append(Finding(True, f"every platform has a key: {', '.join(PLATFORMS)}"))
    except KeyringError as error:
        return [Finding(False, str(error))]
    try:
        unlock(custody, keyring, keyring.epochs)
    except KeyringError as error:
        return [*findings, Finding(False, str(error))]
    number = sum(map(len, keyring.epochs.values()))
    used = "KMS unwraps them all" if keyring.wrapped else "all are whole"
    return [*findings, Finding(True, f"{number} secrets: {used}")]


def _require_untouched(
    settings: Settings, platforms: Sequence[str], first: dt.date | None, accepted: bool
) -> None:
    """Refuse what puts silver out of date, unless that is wanted; ``first`` is null for all."""
    from sentiment_assets.definitions import silver_dates

    lake = settings.open_lake()
    touched: dict[str, list[dt.date]] = {}
    for platform in platforms:
        dates = [day for day in silver_dates(lake, platform) if first is None or day >= first]
        if dates:
            touched[platform] = dates
    if not touched:
        return
    which = "; ".join(
        f"{platform}: {len(dates)} from {dates[0]} to {dates[-1]}"
        for platform, dates in touched.items()
    )
    said = (
        f"silver has rows of dates that would get other pseudonyms ({which}). They go out of date "
        "and join with nothing until they are rebuilt, which needs their bronze"
    )
    if not accepted:
        raise click.ClickException(
            f"{said}. Nothing was changed. Choose a later date, or add --accept-rebuild and "
            f"rebuild them ({_RUNBOOK})"
        )
    click.echo(f"Rebuild these dates afterwards: {said}.")


def _epoch_rows(keyring: Keyring, place: str, today: dt.date) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for platform, epochs in sorted(keyring.epochs.items()):
        ends = [epoch.first_date for epoch in epochs[1:]]
        for epoch, end in zip(epochs, [*ends, None], strict=True):
            if epoch.first_date is not None and epoch.first_date > today:
                state = "to come"
            elif end is not None and end <= today:
                state = "past"
            else:
                state = "in use"
            rows.append(
                {
                    "platform": platform,
                    "epoch": epoch.number,
                    "from": epoch.first_date.isoformat() if epoch.first_date else None,
                    "before": end.isoformat() if end else None,
                    "state": state,
                    "fingerprint": keyring.fingerprint(platform, epoch),
                    "wrapped": keyring.wrapped,
                    "kept_in": place,
                }
            )
    return rows


def _today() -> dt.date:
    return dt.datetime.now(dt.timezone.utc).date()
