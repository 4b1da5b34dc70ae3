"""Every error a caller of this service can meet, drawn once.

::

    LinnetError
    ├── RequestError
    │   ├── MalformedBody           E-REQUEST-001  400
    │   ├── BodyTooLarge            E-REQUEST-002  413
    │   ├── UnsupportedBody         E-REQUEST-003  415
    │   ├── InvalidFields           E-REQUEST-004  422
    │   ├── IdempotencyKeyReused    E-REQUEST-005  422
    │   ├── NoSuchAddress           E-REQUEST-006  404
    │   ├── MethodNotAllowed        E-REQUEST-007  405
    │   ├── LengthRequired          E-REQUEST-008  411
    │   ├── BadRequest              E-REQUEST-009  400
    │   ├── TooManyRequests         E-REQUEST-010  429
    │   ├── TooManyStreams          E-REQUEST-011  429
    │   └── NotAcceptable           E-REQUEST-012  406
    ├── AuthError
    │   ├── NotAuthenticated        E-AUTH-001     401
    │   ├── CsrfFailed              E-AUTH-002     403
    │   ├── CrossSite               E-AUTH-003     403
    │   └── NotPermitted            E-AUTH-004     403
    ├── SessionError
    │   ├── SessionExpired          E-SESSION-001  410
    │   ├── InvalidSession          E-SESSION-002  404
    │   ├── LeaseLost               E-SESSION-003  409
    │   ├── TopicInUse              E-SESSION-004  409
    │   ├── InvalidTransition       E-SESSION-005  409
    │   ├── TooManySessions         E-SESSION-006  429
    │   ├── OutsideWindow           E-SESSION-007  422
    │   └── SessionFull             E-SESSION-008  409
    ├── TierRequired                E-TIER-001     402
    ├── PlanUnknown                 E-TIER-002     503
    ├── DemoFull                    E-DEMO-001     429
    ├── NotInDemo                   E-DEMO-002     403
    ├── AudioRefused                E-PRIVACY-001  422
    ├── InvalidEvent                E-EVENT-001    422
    ├── VaultUnavailable            E-VAULT-001    503 / 409
    ├── SnapshotNotFound            E-VAULT-002    404
    ├── ServiceFault                E-SERVICE-001  500
    └── ServiceUnavailable          E-SERVICE-002  503

An error says what happened and what the person can do next: ``default_detail``, or what is known better where it is
raised. It never repeats what was sent, because that may be somebody's words. The class is the one home of its code,
status and title; the edges turn it into a problem document (RFC 9457).
"""

from sessions_app.errors.access import (
    AuthError,
    CrossSite,
    CsrfFailed,
    DemoFull,
    NotAuthenticated,
    NotInDemo,
    NotPermitted,
    PlanUnknown,
    TierRequired,
)
from sessions_app.errors.base import (
    FieldProblem,
    FieldsError,
    LinnetError,
    all_errors,
)
from sessions_app.errors.content import (
    AudioRefused,
    InvalidEvent,
    SnapshotNotFound,
    VaultUnavailable,
)
from sessions_app.errors.requests import (
    BadRequest,
    BodyTooLarge,
    IdempotencyKeyReused,
    InvalidFields,
    LengthRequired,
    MalformedBody,
    MethodNotAllowed,
    NoSuchAddress,
    NotAcceptable,
    RequestError,
    TooManyRequests,
    TooManyStreams,
    UnsupportedBody,
)
from sessions_app.errors.service import (
    ServiceFault,
    ServiceUnavailable,
)
from sessions_app.errors.sessions import (
    InvalidSession,
    InvalidTransition,
    LeaseLost,
    OutsideWindow,
    SessionError,
    SessionExpired,
    SessionFull,
    TooManySessions,
    TopicInUse,
)

__all__ = [
    "AudioRefused",
    "AuthError",
    "BadRequest",
    "BodyTooLarge",
    "CrossSite",
    "CsrfFailed",
    "DemoFull",
    "FieldProblem",
    "FieldsError",
    "IdempotencyKeyReused",
    "InvalidEvent",
    "InvalidFields",
    "InvalidSession",
    "InvalidTransition",
    "LeaseLost",
    "LengthRequired",
    "LinnetError",
    "MalformedBody",
    "MethodNotAllowed",
    "NoSuchAddress",
    "NotAcceptable",
    "NotAuthenticated",
    "NotInDemo",
    "NotPermitted",
    "OutsideWindow",
    "PlanUnknown",
    "RequestError",
    "ServiceFault",
    "ServiceUnavailable",
    "SessionError",
    "SessionExpired",
    "SessionFull",
    "SnapshotNotFound",
    "TierRequired",
    "TooManyRequests",
    "TooManySessions",
    "TooManyStreams",
    "TopicInUse",
    "UnsupportedBody",
    "VaultUnavailable",
    "all_errors",
]
