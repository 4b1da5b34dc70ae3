"""Makes the harness's users: ``python -m tests.faults.users COUNT`` prints their API tokens as a list."""

from __future__ import annotations

import json
import sys

import django


def main(count: int) -> None:
    """Paid+ users, so that their sessions are kept."""
    django.setup()

    from django.contrib.auth import get_user_model

    from sessions_app.models import Entitlement
    from sessions_app.services.tokens import issue_token
    from sessions_app.tiers import Tier

    tokens = []
    for number in range(count):
        user = get_user_model().objects.create_user(f"client-{number}")
        Entitlement.objects.create(user=user, tier=Tier.PAID.value)
        tokens.append(issue_token(username=user.get_username()))
    sys.stdout.write(json.dumps(tokens))


if __name__ == "__main__":
    main(int(sys.argv[1]))
