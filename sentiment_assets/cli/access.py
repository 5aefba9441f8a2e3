"""``sentiment access``: who may read what, the rules that each store needs for it, and the check.

What belongs here: reading options, printing documents, telling what differs. The table and what is
made of it are ``sentiment_assets.privacy``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sentiment_assets.definitions import Settings
    from sentiment_assets.privacy.aws import AwsNames
    from sentiment_assets.privacy.folders import Place

Command = TypeVar("Command", bound=Callable[..., Any])
Rendered = TypeVar("Rendered")


@click.group()
def access() -> None:
    """Who may read which layer: the table, the policies made of it, the check of this machine."""


@access.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a role and layer.")
def show(as_json: bool) -> None:
    """Show what each role may do with each layer, and why."""
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.privacy.access import GRANTS, LAYERS, ROLES, right_of, rows

    if as_json:
        click.echo("\n".join(json.dumps(row) for row in rows()))
        return
    console = Console()
    table = Table(box=None, pad_edge=False)
    for title in ("role", *(layer.name for layer in LAYERS)):
        table.add_column(title)
    for role in ROLES:
        rights = (right_of(role.name, layer.name) for layer in LAYERS)
        table.add_row(role.name, *("·" if right == "none" else right for right in rights))
    console.print(table)
    console.print()
    reasons = Table(box=None, pad_edge=False)
    for title in ("role", "layer", "right", "why"):
        reasons.add_column(title, overflow="fold")
    for grant in GRANTS:
        reasons.add_row(grant.role, grant.layer, grant.right, grant.why)
    console.print(reasons)
    for what in (*LAYERS, *ROLES):
        told = getattr(what, "holds", None) or getattr(what, "who", "")
        console.print(f"{what.name}: {told}", highlight=False)


@access.group()
def policy() -> None:
    """Print the rules that a store needs, made of the table. Nothing is applied."""


def _of_aws(command: Command) -> Command:
    """The names of an AWS account, as options."""
    options = (
        click.option("--account", required=True, help="The account's twelve digits."),
        click.option("--bucket", help="By default that of SENTIMENT_LAKE_URI."),
        click.option(
            "--prefix", help="Where the lake lies in the bucket; by default as SENTIMENT_LAKE_URI."
        ),
        click.option("--region", help="By default SENTIMENT_S3_REGION."),
        click.option("--partition", default="aws", show_default=True, help="aws, aws-cn, …"),
        click.option(
            "--kms-key",
            "kms_keys",
            multiple=True,
            metavar="[LAYER=]ARN",
            help="A layer's key, or one for all; by default those of the settings.",
        ),
        click.option(
            "--role-arn",
            "role_arns",
            multiple=True,
            metavar="ROLE=ARN",
            help="Who holds a role; may be given several times. By default role/sentiment-ROLE.",
        ),
        click.option(
            "--alert-topic",
            metavar="ARN",
            help="The SNS topic that the platform may publish alerts to; by default "
            "SENTIMENT_ALERT_TOPIC_ARN.",
        ),
        click.option(
            "--job-role",
            metavar="ARN",
            help="The role that Spark's jobs run as; by default SENTIMENT_EMR_ROLE.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@policy.command()
@click.option("--role", required=True, help="Whose policy: `sentiment access show` lists all.")
@_of_aws
def iam(role: str, **options: Any) -> None:
    """The IAM policy of one role: attach it to the role that its people or programs assume."""
    from sentiment_assets.privacy.aws import role_policy

    _print(_rendered(lambda: role_policy(_aws_names(**options), role)))


@policy.command()
@_of_aws
def bucket(**options: Any) -> None:
    """The lake's bucket policy: denies whatever the table doesn't grant."""
    from sentiment_assets.privacy.aws import LONGEST_BUCKET_POLICY, bucket_policy

    document = _rendered(lambda: bucket_policy(_aws_names(**options)))
    # S3 counts without what JSON needs for the eye.
    if len(json.dumps(document, separators=(",", ":"))) > LONGEST_BUCKET_POLICY:
        raise click.ClickException(
            f"the policy is longer than the {LONGEST_BUCKET_POLICY} characters that S3 takes: "
            "name fewer --role-arn, or use a shorter --prefix"
        )
    _print(document)


@policy.command()
@click.option("--layer", required=True, help="Whose key: bronze, silver, gold or keys.")
@_of_aws
def kms(layer: str, **options: Any) -> None:
    """The policy of a layer's KMS key: who may decrypt with it, and only through S3."""
    from sentiment_assets.privacy.aws import key_policy

    _print(_rendered(lambda: key_policy(_aws_names(**options), layer)))


@policy.command()
@click.option(
    "--for",
    "part",
    type=click.Choice(["job", "launch", "trust"]),
    required=True,
    help="What the job's role may; what who starts jobs may; who may assume the job's role.",
)
@click.option("--application", help="By default SENTIMENT_EMR_APPLICATION.")
@click.option("--code", metavar="S3-URI", help="By default SENTIMENT_EMR_CODE.")
@click.option("--logs", metavar="S3-URI", help="By default SENTIMENT_EMR_LOGS.")
@_of_aws
def emr(
    part: str,
    application: str | None,
    code: str | None,
    logs: str | None,
    **options: Any,
) -> None:
    """What Spark on EMR Serverless needs: three documents of IAM."""
    from sentiment_assets.privacy.emr import EmrNames, job_policy, launch_policy, trust_policy

    settings = _settings()

    def document() -> Any:
        names = _aws_names(**options)
        emr = EmrNames(
            application or settings.emr_application or "",
            names.jobs[0] if names.jobs else "",
            code or settings.emr_code or "",
            logs or settings.emr_logs,
        )
        make = {"job": job_policy, "launch": launch_policy, "trust": trust_policy}[part]
        return make(names, emr)

    _print(_rendered(document))


@policy.command()
@click.option("--schema", default="mart", show_default=True, help="Where gold is published.")
@click.option("--prefix", default="sentiment", show_default=True, help="Begins the roles' names.")
def postgres(schema: str, prefix: str) -> None:
    """SQL that makes the roles and lets them read the mart: pipe it into psql."""
    from sentiment_assets.privacy.postgres import grants

    click.echo(_rendered(lambda: grants(schema=schema, prefix=prefix)), nl=False)


@access.command()
def check() -> None:
    """Compare the folders of this machine with the table; exits with 1 if any lets too many in."""
    from sentiment_assets.privacy.folders import findings

    settings = _settings()
    found = list(findings(_places(settings)))
    for finding in found:
        click.echo(f"{finding.kind}  {finding.place.path} ({finding.place.holds}): {finding.said}")
        click.echo(f"        {finding.remedy}")
    wider = [finding for finding in found if finding.kind == "wider"]
    if found:
        click.echo("`sentiment access apply` does all of it")
    else:
        click.echo("every folder is as the table says")
    _tell_of_bucket(settings)
    if wider:
        raise click.exceptions.Exit(1)


@access.command()
def apply() -> None:
    """Bring the folders of this machine to the table, and say what was changed."""
    from sentiment_assets.privacy.folders import mend

    settings = _settings()
    changed = 0
    try:
        for place, said in mend(_places(settings)):
            click.echo(f"{place.path} ({place.holds}): {said}")
            changed += 1
    except PermissionError as error:
        raise click.ClickException(
            f"{error.filename} belongs to another account: run this as that account or as root"
        ) from None
    if not changed:
        click.echo("nothing to change")
    _tell_of_bucket(settings)


def _settings() -> Settings:
    from sentiment_assets.definitions import read_settings

    return read_settings()


def _places(settings: Settings) -> list[Place]:
    from sentiment_assets.privacy.folders import places

    location = settings.lake_location
    return places(
        home=settings.home,
        lake=None if location.is_s3 else Path(location.uri),
        key_file=settings.pseudonym_key_file,
        groups=settings.layer_groups,
    )


def _tell_of_bucket(settings: Settings) -> None:
    if settings.lake_location.is_s3:
        click.echo(
            f"{settings.lake_location.uri} is guarded by its policies, which are not looked at "
            "here: `sentiment access policy bucket` prints what they should be"
        )


def _aws_names(
    *,
    account: str,
    bucket: str | None,
    prefix: str | None,
    region: str | None,
    partition: str,
    kms_keys: Iterable[str],
    role_arns: Iterable[str],
    alert_topic: str | None,
    job_role: str | None,
) -> AwsNames:
    """Options, and the settings where an option is not given.

    Raises:
        ValueError: a name is missing or wrong.
    """
    from sentiment_assets.privacy.access import lake_layers
    from sentiment_assets.privacy.aws import AwsNames

    settings = _settings()
    uri = settings.lake_uri or ""
    its_bucket, _, its_prefix = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://"):
        its_bucket = its_prefix = ""
    if bucket and bucket != its_bucket:
        # The lake's place in one bucket says nothing of another.
        its_prefix = ""
    if not bucket and not its_bucket:
        raise ValueError("name the bucket: --bucket, or SENTIMENT_LAKE_URI=s3://bucket/prefix")
    layers = [layer.name for layer in lake_layers()]
    keys: dict[str, str] = {}
    if settings.s3_kms_key_id:
        keys = dict.fromkeys(layers, settings.s3_kms_key_id)
    keys |= settings.layer_keys
    if settings.pseudonym_kms_key_id:
        keys["keys"] = settings.pseudonym_kms_key_id
    for given in kms_keys:
        layer, separator, key = given.partition("=")
        keys |= {layer: key} if separator else dict.fromkeys(layers, given)
    if not keys:
        raise ValueError("name the lake's KMS key: --kms-key, or SENTIMENT_S3_KMS_KEY_ID")
    principals: dict[str, list[str]] = {}
    for given in role_arns:
        role, separator, arn = given.partition("=")
        if not separator or not arn.startswith("arn:"):
            raise ValueError(
                f"--role-arn {given!r} is not ROLE=ARN; for example: bi=arn:aws:iam::…"
            )
        principals.setdefault(role, []).append(arn)
    return AwsNames(
        account=account,
        region=region or settings.s3_region,
        bucket=bucket or its_bucket,
        prefix=its_prefix if prefix is None else prefix,
        keys=keys,
        principals=principals,
        partition=partition,
        alert_topic=alert_topic or settings.alert_topic_arn,
        jobs=[job for job in (job_role or settings.emr_role,) if job],
    )


def _rendered(make: Callable[[], Rendered]) -> Rendered:
    """What the table makes of the options; what is wrong with them is a wrong command."""
    try:
        return make()
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2))
