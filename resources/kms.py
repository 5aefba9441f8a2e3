"""Secrets wrapped by AWS KMS: a stored secret is worth nothing without the right to use a KMS key.

What belongs here: making, wrapping and unwrapping one secret, and saying in one clear line why KMS
would not. Each is bound to a context (whose secret, of which epoch), so that no stored secret can
take another's place. boto3 comes with the extra ``aws`` and is imported by the first use.

KMS's own messages name accounts, roles and keys: none of their words pass.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any

from resources.key_store import KeyringError

SETTING = "SENTIMENT_PSEUDONYM_KMS_KEY_ID"
_CONNECT_SECONDS = 3
_ANSWER_SECONDS = 10
_ATTEMPTS = 3
_AT_ONCE = 8
_ARN = re.compile(r"arn:[\w-]+:kms:([\w-]+):")

_REFUSED = (
    f"it refuses: this role lacks {{right}} on the key that {SETTING} names, or the secret was "
    "wrapped by another key. Grant it in the key's policy, or correct the setting"
)
#: What KMS's codes mean: why, and what to do. ``{right}`` is the permission that was asked for.
_REASONS = {
    "AccessDeniedException": _REFUSED,
    # A private endpoint that refuses by itself has no code of KMS's.
    "403": _REFUSED,
    "DisabledException": "the key is disabled. Enable it",
    "KMSInvalidStateException": "the key is not usable: it may be pending deletion. Cancel the "
    "deletion and enable it",
    "KeyUnavailableException": "the key is not available now. Try again",
    "NotFoundException": f"there is no such key in this account and region. Correct {SETTING} or "
    "SENTIMENT_S3_REGION",
    "InvalidArnException": f"the key's name is not valid. Correct {SETTING}",
    "InvalidKeyUsageException": f"the key is not one that encrypts. {SETTING} must name a "
    "symmetric key",
    "IncorrectKeyException": "the secret was wrapped by another key. Set "
    f"{SETTING} to the key that wrapped it",
    "InvalidCiphertextException": "what is stored is damaged, or was made for another platform or "
    "epoch, or by another key. Restore the keyring from a backup",
    "ThrottlingException": "it has too many requests. Try again in a minute",
}
_REFUSED_CREDENTIALS = (
    "ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException",
    "UnrecognizedClientException", "IncompleteSignature", "MissingAuthenticationToken",
)  # fmt: skip
_CREDENTIALS = (
    "the AWS credentials of this process are missing, wrong or expired. Give it a role, or set "
    "SENTIMENT_S3_ACCESS_KEY_ID and SENTIMENT_S3_SECRET_ACCESS_KEY"
)

Context = Mapping[str, str]

#: Unwrapped secrets live as long as the process: a run asks KMS once for each of them.
_unwrapped: dict[tuple[str, str, tuple[tuple[str, str], ...]], str] = {}


class KmsError(KeyringError):
    """KMS would not make, wrap or unwrap a secret."""


@dataclass(frozen=True)
class KmsKey:
    """One symmetric KMS key: its id, ARN or alias. Secrets are 64 hex digits."""

    key_id: str
    region: str
    #: Address of a KMS other than the region's own.
    endpoint: str | None = None
    #: Access key id and secret access key; by default the role of the machine.
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    def new_secret(self, context: Context) -> tuple[str, str]:
        """A new random secret, and the same wrapped.

        Raises:
            KmsError: KMS would not.
        """
        answer = self._ask("generate_data_key", context, KeyId=self.key_id, NumberOfBytes=32)
        secret = bytes(answer["Plaintext"]).hex()
        return secret, self._noted(bytes(answer["CiphertextBlob"]), context, secret)

    def wrap(self, secret: str, context: Context) -> str:
        """A secret that exists, wrapped.

        Raises:
            KmsError: KMS would not.
        """
        answer = self._ask("encrypt", context, KeyId=self.key_id, Plaintext=bytes.fromhex(secret))
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def unwrap(self, wrapped: str, context: Context) -> str:
        """The secret that was wrapped in that context.

        Raises:
            KmsError: KMS would not, or what is wrapped is no secret.
        """
        known = _unwrapped.get(self._memory(wrapped, context))
        if known is not None:
            return known
        try:
            ciphertext = base64.b64decode(wrapped, validate=True)
        except binascii.Error:
            raise self._refusal("decrypt", context, "InvalidCiphertextException") from None
        answer = self._ask("decrypt", context, KeyId=self.key_id, CiphertextBlob=ciphertext)
        secret = bytes(answer["Plaintext"]).hex()
        self._noted(ciphertext, context, secret)
        return secret

    def unwrap_all(self, wrapped: Sequence[tuple[str, Context]]) -> list[str]:
        """Many secrets, in the same order; KMS is asked for several at once.

        Raises:
            KmsError: as :meth:`unwrap`.
        """
        # Made before the threads: boto3 makes no clients in several of them at once.
        _ = self._client
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda one: self.unwrap(*one), wrapped))

    def _noted(self, ciphertext: bytes, context: Context, secret: str) -> str:
        wrapped = base64.b64encode(ciphertext).decode()
        _unwrapped[self._memory(wrapped, context)] = secret
        return wrapped

    def _memory(
        self, wrapped: str, context: Context
    ) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        return (f"{self.endpoint} {self.key_id}", wrapped, tuple(sorted(context.items())))

    @cached_property
    def _client(self) -> Any:
        try:
            boto3, config = import_module("boto3"), import_module("botocore.config")
        except ImportError:
            raise KmsError(
                f"{SETTING}: boto3 is not installed. Install the extra `aws`; for example: "
                "pip install 'sentiment-assets[aws]'"
            ) from None
        key_id, secret_key = self.credentials or (None, None)
        try:
            return boto3.client(
                "kms",
                region_name=self._own_region,
                endpoint_url=self.endpoint,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret_key,
                config=config.Config(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_ANSWER_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                    max_pool_connections=_AT_ONCE,
                ),
            )
        except import_module("botocore.exceptions").BotoCoreError:
            # A profile that is named and not there, for example.
            raise KmsError(f"KMS: {_CREDENTIALS}") from None

    @property
    def _own_region(self) -> str:
        named = _ARN.match(self.key_id)
        return named[1] if named else self.region

    def _ask(self, operation: str, context: Context, **arguments: Any) -> Mapping[str, Any]:
        client = self._client
        errors = import_module("botocore.exceptions")
        try:
            answer: Mapping[str, Any] = getattr(client, operation)(
                EncryptionContext=dict(context), **arguments
            )
            return answer
        except errors.ClientError as error:
            refusal = self._refusal(operation, context, error.response["Error"].get("Code", ""))
        except (
            errors.NoCredentialsError,
            errors.PartialCredentialsError,
            errors.CredentialRetrievalError,
            errors.TokenRetrievalError,
            errors.SSOError,
        ):
            refusal = self._refusal(operation, context, _REFUSED_CREDENTIALS[0])
        except errors.ParamValidationError:
            refusal = self._refusal(operation, context, "InvalidArnException")
        except errors.BotoCoreError:
            refusal = self._refusal(operation, context, "")
        # Out of the handler: the cause's words must not travel with it.
        raise refusal

    def _refusal(self, operation: str, context: Context, code: str) -> KmsError:
        right = "kms:" + "".join(part.title() for part in operation.split("_"))
        code = re.sub(r"\W", "", code)
        if code in _REFUSED_CREDENTIALS:
            why = _CREDENTIALS
        elif code in _REASONS:
            why = _REASONS[code].format(right=right)
        elif code:
            why = f"it failed with {code}. Try again; if it stays, look at the key in KMS"
        else:
            where = f"at {self.endpoint}" if self.endpoint else f"of region {self._own_region}"
            why = f"KMS {where} cannot be reached. Look at the network, or SENTIMENT_KMS_ENDPOINT"
        of = ", ".join(f"{name} {value}" for name, value in context.items() if name != "purpose")
        return KmsError(f"KMS, pseudonym secret of {of}: {why}")
