"""The environment of the vend function, as the template would set it."""

from __future__ import annotations

import json

ROLES = {
    access: f"arn:aws:iam::111122223333:role/ecr-vend-{access}"
    for access in ("pull", "push", "pull-through")
}
POLICIES = {
    access: f"arn:aws:iam::111122223333:policy/ecr-vend-{access}-revocations"
    for access in ("pull", "push", "pull-through")
}
SETTINGS = {
    "VEND_REGISTRIES": json.dumps(
        {
            "default": {
                "account": "111122223333",
                "region": "eu-west-1",
                "roles": ROLES,
                "revoker": {"policies": POLICIES},
            }
        }
    ),
    "VEND_LEDGER_TABLE": "ledger",
    "VEND_PERSON_KEY_TABLE": "people",
    "VEND_BUDGET_TABLE": "budgets",
    "VEND_BUDGETS": json.dumps({"session": 1200, "caller": 3600, "account": 36000, "asks": 600}),
    "VEND_BLOCK_TABLE": "blocks",
    "VEND_POLICY": "appconfig:app/env/profile",
    "VEND_TOKEN_KEY": "alias/token",
    "POWERTOOLS_SERVICE_NAME": "ecr-vend",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
