"""How AWS's silence reads in the auditing function."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from auditing.auditing import RecordsUnavailable
from vending.aws_clients import failure_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def answered() -> Iterator[None]:
    """Turn whatever kept AWS from answering into one error.

    Raises:
        RecordsUnavailable: AWS did not answer, or not what can be read.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RecordsUnavailable(failure_of(error)) from error
    except (EOFError, ValueError) as error:
        raise RecordsUnavailable(type(error).__name__) from error
