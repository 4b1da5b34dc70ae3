"""Makes the harness's users: ``python -m tests.faults.users COUNT`` prints their API tokens,
and those of two annotators, as two lists."""

from __future__ import annotations

import json
import sys

import django

ANNOTATORS = 2


def main(count: int) -> None:
    """Paid+ users, so that their sessions are kept."""
    django.setup()

    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from sessions_app.models import Entitlement
    from sessions_app.services.tokens import issue_annotator_token, issue_token
    from sessions_app.tiers import Tier

    tokens = []
    for number in range(count):
        user = get_user_model().objects.create_user(f"client-{number}")
        Entitlement.objects.create(user=user, tier=Tier.PAID.value)
        tokens.append(issue_token(username=user.get_username()))
    annotators = [issue_annotator_token(name=f"annotator-{number}", now=timezone.now()) for number in range(ANNOTATORS)]
    sys.stdout.write(json.dumps([tokens, annotators]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
