"""The service itself has a fault, or is away."""

from __future__ import annotations

from sessions_app.errors.base import LinnetError


class ServiceFault(LinnetError):
    """A fault of the service. Nothing that was acknowledged is lost."""

    code = "E-SERVICE-001"
    status = 500
    title = "The service has a fault"
    default_detail = (
        "The request was not carried out, and nothing that was acknowledged before is lost. Try again; if it "
        "lasts, tell support when it happened."
    )


class ServiceUnavailable(LinnetError):
    """The database does not answer now. Nothing that was acknowledged is lost."""

    code = "E-SERVICE-002"
    status = 503
    title = "The service is not available now"
    default_detail = (
        "The database does not answer, so the request was not acknowledged. Nothing that was acknowledged before is "
        "lost. Send it again after a while, with the same Idempotency-Key if it had one."
    )
