"""Who is asking is not known, or may not: by identity, page, plan or mode."""

from __future__ import annotations

from sessions_app.errors.base import LinnetError


class AuthError(LinnetError):
    """Who is asking is not known, or may not do this."""


class NotAuthenticated(AuthError):
    """No credentials, or credentials that are wrong, expired or revoked: told apart nowhere."""

    code = "E-AUTH-001"
    status = 401
    title = "Who is asking is not known"
    default_detail = (
        "Send a valid API token in the Authorization header (Authorization: Token …), or sign in. A token that "
        "was right before may have expired or been revoked."
    )


class CsrfFailed(AuthError):
    """Signed in by cookie, without proof that a page of this service asks."""

    code = "E-AUTH-002"
    status = 403
    title = "The request does not prove which page it comes from"
    default_detail = (
        "Requests that are signed in by cookie need the X-CSRFToken header, or must come from a page of this service. "
        "Reload the page and try again."
    )


class CrossSite(AuthError):
    """A page of another site asks, as somebody whom the browser names without being asked."""

    code = "E-AUTH-003"
    status = 403
    title = "The request comes from a page of another site"
    default_detail = (
        "Nothing was done, because the request does not come from a page of this service. Open the service at its own "
        "address; a program sends an API token in the Authorization header (Authorization: Token …)."
    )


class NotPermitted(AuthError):
    """Who is asking is known, and this is for somebody else."""

    code = "E-AUTH-004"
    status = 403
    title = "This is for somebody else"
    default_detail = "Your credentials are valid, and not of the kind that this call takes."


class TierRequired(LinnetError):
    """Paid+ is needed: a paid, premium or ultra plan."""

    code = "E-TIER-001"
    status = 402
    title = "This needs a Paid plan or above"
    default_detail = (
        "``required_tier`` names the plan that gives it, and ``tier`` yours. What is kept of your sessions stays yours "
        "on every plan: list, export and delete it at /panel/ or /api/v1/snapshots/."
    )


class PlanUnknown(LinnetError):
    """What knows the user's plan does not answer, and has not for so long that its last answer counts no more."""

    code = "E-TIER-002"
    status = 503
    title = "Your plan can't be looked up now"
    default_detail = (
        "This needs a Paid plan or above, and the licence server does not answer, so nobody can say now whether yours "
        "gives it. Sessions that are running go on, nothing is deleted, and what every plan gives works. Try again in "
        "a minute."
    )


class DemoFull(LinnetError):
    """As many sessions run in this demo as may. ``retry_after_s`` says when one that was left is over."""

    code = "E-DEMO-001"
    status = 429
    title = "All places of this demo are taken"
    default_detail = "Somebody else is trying it out just now. Places become free within minutes: try again then."


class NotInDemo(LinnetError):
    """The demo shows this, and does not give it."""

    code = "E-DEMO-002"
    status = 403
    title = "The demo does not give this"
    default_detail = (
        "A demo keeps nothing and exports nothing. What you see stays on the screen until the session ends. In an "
        "installation of your own, or with an account, this works."
    )
