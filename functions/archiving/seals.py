"""The key that signs manifests, in KMS, and the topic of the witnesses, in SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from archiving.lines import canonical
from archiving.names import FORM
from archiving.ports import NotPublished

if TYPE_CHECKING:
    from datetime import datetime

    from archiving.manifest import Named

ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"
"""What `openssl dgst -sha256 -verify` checks."""


class KmsSigner:
    """An RSA key. It needs `kms:Sign` and `kms:Verify` on it."""

    def __init__(self, kms: Any, key_id: str) -> None:
        self._kms = kms
        self.key_id = key_id

    def sign(self, sha256: str) -> bytes:
        """Return the signature of what has this SHA-256 (hex)."""
        return bytes(self._kms.sign(**self._about(sha256))["Signature"])

    def signed(self, sha256: str, signature: bytes) -> bool:
        """Return whether this is the key's signature of what has this SHA-256 (hex)."""
        try:
            answer = self._kms.verify(**self._about(sha256), Signature=signature)
        except ClientError as error:
            if error.response["Error"]["Code"] == "KMSInvalidSignatureException":
                return False
            raise
        return bool(answer["SignatureValid"])

    def _about(self, sha256: str) -> dict[str, Any]:
        return {
            "KeyId": self.key_id,
            "Message": bytes.fromhex(sha256),
            "MessageType": "DIGEST",
            "SigningAlgorithm": ALGORITHM,
        }


class SnsWitness:
    """A topic. It needs `sns:Publish` on it, and what its encryption does."""

    def __init__(self, sns: Any, topic: str) -> None:
        self._sns = sns
        self._topic = topic

    def tell(self, ledger: str, hour: datetime, manifest: Named) -> None:
        """Tell of an hour's manifest.

        Raises:
            NotPublished: Nobody was told.
        """
        message = {
            "schema": 1,
            "ledger": ledger,
            "hour": f"{hour:{FORM}}",
            **manifest.written(),
        }
        try:
            self._sns.publish(TopicArn=self._topic, Message=canonical(message))
        except (BotoCoreError, ClientError) as error:
            raise NotPublished from error
