"""A client of effect-voice: talks to a voice agent over a WebSocket.

    async with effect_voice.connect("http://127.0.0.1:8080", user_id="ada") as call:
        call.send_text("What time is it?")
        async for event in call:
            ...
"""

from ._shapes import Event, Message, UnknownEvent, Value
from .call import CallEnded, CallEvent, ConnectionEvent, VoiceCall
from .connecting import Connecting, connect
from .errors import (
    AgentError,
    AuthenticationFailed,
    AuthorizationFailed,
    ConnectionFailed,
    ConnectionLost,
    ConnectionTimeout,
    ContextCanceled,
    InvalidConfig,
    PipelineError,
    ProviderNotFound,
    RateLimitExceeded,
    SessionLimitExceeded,
    SessionNotFound,
    SessionReplaced,
    Timeout,
    VoiceError,
)
from .sessions import Session, create_session

__all__ = [
    "AgentError",
    "AuthenticationFailed",
    "AuthorizationFailed",
    "CallEnded",
    "CallEvent",
    "Connecting",
    "ConnectionEvent",
    "ConnectionFailed",
    "ConnectionLost",
    "ConnectionTimeout",
    "ContextCanceled",
    "Event",
    "InvalidConfig",
    "Message",
    "PipelineError",
    "ProviderNotFound",
    "RateLimitExceeded",
    "Session",
    "SessionLimitExceeded",
    "SessionNotFound",
    "SessionReplaced",
    "Timeout",
    "UnknownEvent",
    "Value",
    "VoiceCall",
    "VoiceError",
    "connect",
    "create_session",
]
