"""The errors: one class for each code of the server, and two that only a client has.

`code`, `message` and `details` are what the server's problem JSON (RFC 9457) says; a code that this client does not
know is kept in a plain `VoiceError`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Mapping

from ._shapes import is_finite, parse_object

MAX_WORDS: Final = 500
"""Of the server's own words, as many characters as a person reads."""


class VoiceError(Exception):
    """Anything that went wrong with a call or a request."""

    CODE: ClassVar[str] = "request_failed"
    RETRYABLE: ClassVar[bool] = False

    code: str
    """What went wrong, for programs."""

    message: str
    """What went wrong, as a sentence for people."""

    details: Mapping[str, Any]
    """What the server says beyond that, for programs; empty where it says nothing."""

    status: int | None
    """The HTTP status, where there was one."""

    retry_after: float | None
    """Seconds to wait before another attempt, where the server names them."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = self.CODE if code is None else code
        self.message = message
        self.details = {} if details is None else details
        self.status = status
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same may succeed later."""
        return self.RETRYABLE


class InvalidConfig(VoiceError):
    """A value of a request is invalid, or names something that does not exist; `details["faults"]` names each."""

    CODE = "invalid_config"


class ProviderNotFound(VoiceError):
    """No provider of that name is registered."""

    CODE = "provider_not_found"


class ConnectionFailed(VoiceError):
    """The server, or something that it needs, could not be reached."""

    CODE = "connection_failed"
    RETRYABLE = True


class ConnectionTimeout(VoiceError):
    """A connection was not established in time."""

    CODE = "connection_timeout"
    RETRYABLE = True


class SessionNotFound(VoiceError):
    """No session has this id, or it has ended."""

    CODE = "session_not_found"


class SessionLimitExceeded(VoiceError):
    """The server accepts no new session now: it is full, stopping or overloaded."""

    CODE = "session_limit_exceeded"
    RETRYABLE = True


class RateLimitExceeded(VoiceError):
    """A rate limit refused it."""

    CODE = "rate_limit_exceeded"
    RETRYABLE = True


class AuthenticationFailed(VoiceError):
    """The key or the token is missing, wrong or has expired."""

    CODE = "authentication_failed"


class AuthorizationFailed(VoiceError):
    """The key or the token is good, and not for this."""

    CODE = "authorization_failed"


class PipelineError(VoiceError):
    """A part of the server failed."""

    CODE = "pipeline_error"
    RETRYABLE = True


class AgentError(VoiceError):
    """The agent failed."""

    CODE = "agent_error"
    RETRYABLE = True


class Timeout(VoiceError):
    """A part of the server did not answer in time."""

    CODE = "timeout"
    RETRYABLE = True


class ContextCanceled(VoiceError):
    """The operation was cancelled."""

    CODE = "context_canceled"


class ConnectionLost(VoiceError):
    """The connection was lost, and not restored within the resume window. Only a client has this one."""

    CODE = "connection_lost"


class SessionReplaced(VoiceError):
    """Another connection of the same user has the session now. Only a client has this one."""

    CODE = "session_replaced"


BY_CODE: Final[Mapping[str, type[VoiceError]]] = {
    each.CODE: each
    for each in (
        InvalidConfig,
        ProviderNotFound,
        ConnectionFailed,
        ConnectionTimeout,
        SessionNotFound,
        SessionLimitExceeded,
        RateLimitExceeded,
        AuthenticationFailed,
        AuthorizationFailed,
        PipelineError,
        AgentError,
        Timeout,
        ContextCanceled,
    )
}
"""The classes of the server's errors, by `code`."""

FINAL: Final = (SessionNotFound, SessionReplaced, AuthenticationFailed, AuthorizationFailed)
"""Errors after which another attempt to connect to the same session is of no use."""


def from_code(
    code: str,
    message: str,
    *,
    details: Mapping[str, Any] | None = None,
    status: int | None = None,
    retry_after: float | None = None,
) -> VoiceError:
    """The error of a code; a plain `VoiceError` where the code is not known."""
    return BY_CODE.get(code, VoiceError)(
        message, code=code, details=details, status=status, retry_after=retry_after
    )


def from_problem(status: int, body: bytes, retry_after: str | None = None) -> VoiceError:
    """The error that a response tells of: by its problem JSON, or where it has none by its status."""
    problem = parse_object(body) or {}

    def text(key: str) -> str | None:
        value = problem.get(key)
        return value[:MAX_WORDS] if isinstance(value, str) and value != "" else None

    code = text("code")
    message = text("detail") or text("title") or f"the server answered with status {status}"
    details = problem.get("details")
    given = details if isinstance(details, dict) else {}
    if status == 410 or (status == 404 and code is None):
        code = "session_not_found"
    elif code is None:
        code = (
            "authentication_failed"
            if status in (401, 403)
            else "connection_failed" if status >= 500 else VoiceError.CODE
        )
    return from_code(
        code, message, details=given, status=status, retry_after=_seconds(given.get("retryAfterMs"), retry_after)
    )


def _seconds(milliseconds: Any, header: str | None) -> float | None:
    if is_finite(milliseconds) and milliseconds >= 0:
        return float(milliseconds) / 1_000
    # a date is as good as no wait at all
    return float(header) if header is not None and header.isdecimal() and len(header) < 10 else None
