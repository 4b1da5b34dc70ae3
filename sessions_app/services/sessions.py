"""Starting a session, attaching to it, touching it, ending it."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from sessions_app.conf import conf
from sessions_app.errors import LeaseLost, TooManySessions, TopicInUse
from sessions_app.lease import Clocks, CloseReason, Policy, new_token
from sessions_app.models import Preferences, Session
from sessions_app.services import guests
from sessions_app.services.closing import close, settle, settle_overdue
from sessions_app.services.holding import activity, hold, holds, lock_session, token_mac, write_live
from sessions_app.services.publishing import publish_moved
from sessions_app.services.receipts import Receipt, receipt_of
from sessions_app.services.sealing import vault_unavailable
from sessions_app.services.tiers import Plan, require_plan
from snapshots.errors import VaultError
from snapshots.services.keys import create_session_key

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a client may choose at the start. An empty policy means the user's default.

    ``leaseless`` is the client's nature, not its choice: it knows no lease, and is told no token (ADR 0015).
    """

    policy: str = ""
    topic: str = ""
    stt_active: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    leaseless: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A session and the right to write into it. ``token`` is shown this once; None: the one held stays valid."""

    session: Session
    token: str | None
    resumed: bool = False


def start(*, owner_id: int, plan: Plan, request: StartRequest, now: datetime) -> Lease:
    """Start a session, or take over the user's own live one on the same topic.

    Raises:
        TierRequired, PlanUnknown: the policy needs a higher tier.
        TooManySessions: the limit is reached; names the live ones.
        TopicInUse: another user of the tenant holds the topic.
        DemoFull: the user is a demo's guest, and all places are taken.
        VaultUnavailable: the user's key is not available now.
    """
    # Before the lock, and in transactions of their own.
    make_room(owner_id=owner_id, plan=plan, topic=request.topic, now=now)
    return start_in_room(owner_id=owner_id, plan=plan, request=request, now=now)


def start_in_room(*, owner_id: int, plan: Plan, request: StartRequest, now: datetime) -> Lease:
    """As :func:`start`, once :func:`make_room` has been called: what is past its deadline may stand in the way."""
    with transaction.atomic():
        # One start at a time for a user: the limit and the topic are looked at under this lock.
        owner = get_user_model().objects.select_for_update(no_key=True).get(pk=owner_id)
        live = Session.objects.owned_by(owner_id).live_at(now)
        same = live.filter(topic=request.topic).first() if request.topic else None
        if same is None:
            policy = _policy(owner_id, plan, request)
            _require_place(live, plan, request, now=now)
            if guests.is_guest(owner):
                guests.require_place(now=now)
            return _create(owner_id, plan, policy, request, now=now)
    # After the transaction: if its lease runs out just now, closing it must stay.
    return attach(owner_id=owner_id, session_id=same.pk, now=now)


def make_room(*, owner_id: int, plan: Plan, topic: str, now: datetime) -> None:
    """Close what is past its deadline: it holds neither a topic nor a place among the user's live sessions."""
    settle_overdue(Session.objects.owned_by(owner_id), now=now)
    if plan.tenant and topic:
        settle_overdue(Session.objects.filter(tenant=plan.tenant, topic=topic), now=now)


def _policy(owner_id: int, plan: Plan, request: StartRequest) -> Policy:
    if request.policy:
        policy = Policy(request.policy)
        require_plan(plan, policy.needs, what="Keeping a session after it closes")
        return policy
    wished = Preferences.objects.filter(user_id=owner_id).values_list("default_policy", flat=True).first()
    if wished and plan.tier.covers(Policy(wished).needs):
        return Policy(wished)
    return Policy.default_for(plan.tier)


def _require_place(live: Any, plan: Plan, request: StartRequest, *, now: datetime) -> None:
    if _topic_is_held(plan, request, now=now):
        raise TopicInUse
    holders = [str(pk) for pk in live.order_by("started_at").values_list("pk", flat=True)]
    if len(holders) >= conf.max_live:
        raise TooManySessions(
            f"You have {len(holders)} live sessions, and {conf.max_live} is the most. End one of them to start "
            "another.",
            live=holders,
        )


def _topic_is_held(plan: Plan, request: StartRequest, *, now: datetime) -> bool:
    if not request.topic or not plan.tenant:
        return False
    return Session.objects.filter(tenant=plan.tenant, topic=request.topic).live_at(now).exists()


def _create(owner_id: int, plan: Plan, policy: Policy, request: StartRequest, *, now: datetime) -> Lease:
    session_id = uuid.uuid4()
    try:
        key = create_session_key(owner_id=owner_id, session_id=session_id, now=now).key
    except VaultError as error:
        raise vault_unavailable(error) from None
    token = new_token()
    clocks = Clocks(now, conf.idle_timeout(policy), now + conf.max_lifetime)
    try:
        with transaction.atomic():
            session = Session.objects.create(
                id=session_id,
                key_id=key.id,
                owner_id=owner_id,
                tenant=plan.tenant,
                topic=request.topic,
                policy=policy.value,
                tier=plan.tier.value,
                settings=request.settings,
                stt_active=request.stt_active,
                started_at=now,
                last_activity_at=now,
                idle_timeout=clocks.idle_timeout,
                expires_at=clocks.expires_at,
                hard_expires_at=clocks.hard_expires_at,
                sweep_after=clocks.expires_at,
                token_mac=token_mac(token),
                leaseless=request.leaseless,
            )
    except IntegrityError:
        if _topic_is_held(plan, request, now=now):
            # Somebody else of the tenant took it in the same moment; the database gives it to one of the two.
            raise TopicInUse from None
        raise
    log.info("session_created session=%s policy=%s tier=%s", session.pk, policy, plan.tier)
    return Lease(session, token)


def attach(*, owner_id: int, session_id: Any, now: datetime) -> Lease:
    """Take the session over from another device or an earlier connection: new token, next epoch.

    The user's own identity is enough; the old token writes no more. Attaching is no activity.

    Raises:
        InvalidSession, SessionExpired: as for every write.
    """
    token = new_token()

    def take_over(session: Session) -> Lease:
        write_live(session, epoch=session.epoch + 1, token_mac=token_mac(token), leaseless=False)
        publish_moved(session, epoch=session.epoch)
        return Lease(session, token, resumed=True)

    return hold(owner_id=owner_id, session_id=session_id, token=None, now=now, work=take_over)


def touch(*, owner_id: int, session_id: Any, token: str, occurred_at: datetime | None = None, now: datetime) -> Session:
    """A user interaction: extends the lease from when it occurred.

    Raises:
        InvalidSession, SessionExpired, LeaseLost, OutsideWindow.
    """

    def extend(session: Session) -> Session:
        write_live(session, **activity(session, occurred_at=occurred_at, now=now))
        publish_moved(session, expires_at=session.expires_at)
        return session

    return hold(owner_id=owner_id, session_id=session_id, token=token, now=now, work=extend)


def end(*, owner_id: int, session_id: Any, token: str, now: datetime) -> Receipt:
    """Close the user's session now. Repeating it changes nothing and answers the same.

    One that is past its deadline is closed for that reason instead: the answer is the same whether a sweep
    has been by or not.

    Raises:
        InvalidSession, LeaseLost, VaultUnavailable: the latter leaves the session live and everything in place.
    """
    with transaction.atomic():
        session = lock_session(owner_id=owner_id, session_id=session_id)
        if session.is_overdue(now):
            settle(session, now=now)
        elif not session.is_closed:
            if not holds(session, token):
                raise LeaseLost
            try:
                closed = close(session, reason=CloseReason.ENDED, now=now)
            except VaultError as error:
                raise vault_unavailable(error) from None
            return Receipt(session, closed.snapshot, closed.withheld)
    return receipt_of(session, now=now)
