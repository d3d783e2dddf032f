"""The wire protocol: events, messages, close codes and limits.

Made by `npm run fix` from the document that the server answers `/asyncapi.json` with. Change the schemas of
`src/session/SessionEvent.ts` and `src/session/ClientMessage.ts`, not this file.

Of sets of values a newer server may know more: they are open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Mapping, NamedTuple, TypeAlias

from ._shapes import Event, Field, Message, Value


class CloseCode(NamedTuple):
    """What a close code of the server means."""

    reason: str
    """The reason in the close frame, where the server gives one."""

    client: Literal["stop", "reconnect"]
    """`stop`: the session cannot or must not be reached again. `reconnect`: it can be resumed."""

    meaning: str
    """A sentence for people."""


SessionState: TypeAlias = (
    Literal[
        "idle",
        "listening",
        "processing",
        "speaking",
        "error",
        "closed",
    ]
    | str
)
"""The state of a session. `error`: an engine is down and the session waits for it. `closed` is final."""


SessionEnd: TypeAlias = (
    Literal[
        "user_ended",
        "closed",
        "never_connected",
        "resume_expired",
        "input_ended",
        "drained",
        "drain_deadline",
        "longest",
        "user_away",
        "taken_over",
        "link_ended",
        "hung_up",
        "transferred",
        "not_reached",
        "failed",
    ]
    | str
)
"""Why a session ended. `taken_over`: another process continues it, so reconnect. `link_ended`: the
provider cannot reach the user any more, as when a room is deleted. `hung_up`: the agent or the application
has ended the call. `transferred`: the call goes on without the agent. `not_reached`: nobody has answered a
call that we made.
"""


SpeechEnd: TypeAlias = (
    Literal[
        "completed",
        "interrupted",
        "failed",
    ]
    | str
)
"""Why the agent's speech ended."""


@dataclass(frozen=True, kw_only=True)
class LatencyPart(Value):
    """One part of the latency of a turn."""

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("name", "name", "string", True),
        Field("ms", "ms", "number", True),
    )

    name: str
    """`vad`, `endpointing`, `transcript`, `agent`, `clause`, `tts` or `playout`, in this order."""

    ms: float
    """Milliseconds."""


UnansweredReason: TypeAlias = (
    Literal[
        "empty",
        "nothing_to_speak",
        "no_reply",
        "failed",
        "interrupted",
    ]
    | str
)
"""Why a turn got no answer. `empty`: the agent or the model ended without a word. `nothing_to_speak`: it
wrote something, but nothing that can be spoken, such as emoji or markup alone. `no_reply`: a model that
decides turns began no reply. `failed`: it failed before anything was heard; an `error` event says why, and
the apology follows, if there is one. `interrupted`: it was stopped before anything was heard.
"""


ErrorCode: TypeAlias = (
    Literal[
        "invalid_config",
        "provider_not_found",
        "connection_failed",
        "connection_timeout",
        "session_not_found",
        "session_limit_exceeded",
        "rate_limit_exceeded",
        "authentication_failed",
        "authorization_failed",
        "pipeline_error",
        "agent_error",
        "timeout",
        "context_canceled",
    ]
    | str
)
"""What kind of error it is."""


@dataclass(frozen=True, kw_only=True)
class SessionStartedEventInput(Value):
    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("sample_rate", "sample_rate", "integer", True),
    )

    sample_rate: int
    """Samples per second of the PCM that the server takes: signed 16-bit little-endian mono."""


@dataclass(frozen=True, kw_only=True)
class SessionStartedEventOutput(Value):
    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("sample_rate", "sample_rate", "integer", True),
    )

    sample_rate: int
    """Samples per second of the PCM that the server sends: signed 16-bit little-endian mono."""


@dataclass(frozen=True, kw_only=True)
class SessionStartedEvent(Event):
    """The first event of every connection."""

    type: ClassVar[str] = "session.started"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("input", "input", SessionStartedEventInput, True),
        Field("output", "output", SessionStartedEventOutput, True),
        Field("resumed", "resumed", "boolean", True),
    )

    input: SessionStartedEventInput

    output: SessionStartedEventOutput

    resumed: bool
    """Whether the user was connected before: the conversation goes on."""


@dataclass(frozen=True, kw_only=True)
class SessionStateEvent(Event):
    """The state of the session has changed, or a client has connected."""

    type: ClassVar[str] = "session.state"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("state", "state", "string", True),
    )

    state: SessionState


@dataclass(frozen=True, kw_only=True)
class SessionEndedEvent(Event):
    """The last event of a session; the connection is closed after it."""

    type: ClassVar[str] = "session.ended"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("reason", "reason", "string", True),
    )

    reason: SessionEnd


@dataclass(frozen=True, kw_only=True)
class SessionMovedEvent(Event):
    """Another node has the session: the only event of a connection to the wrong node, which is then closed
    with 4301. Only a client that offers the subprotocol `effect-voice.moved` gets it; it connects to the
    URL as it did here.
    """

    type: ClassVar[str] = "session.moved"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("url", "url", "string", True),
    )

    url: str
    """The session's WebSocket at that node, without a token."""


@dataclass(frozen=True, kw_only=True)
class SessionSavedEvent(Event):
    """Everything up to an event is stored, and survives a crash of the server."""

    type: ClassVar[str] = "session.saved"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("through", "through", "integer", True),
    )

    through: int
    """The `seq` of the last event that is stored."""


@dataclass(frozen=True, kw_only=True)
class ConnectionAttachedEvent(Event):
    """A connection of the user belongs to the session."""

    type: ClassVar[str] = "connection.attached"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("connection", "connection", "string", True),
        Field("transport", "transport", "string", True),
    )

    connection: str
    """The connection's id, unique in the server's process."""

    transport: str
    """`websocket`, `webrtc`, `memory` or a provider's name."""


@dataclass(frozen=True, kw_only=True)
class ConnectionDetachedEvent(Event):
    """The session has detached a connection, or the connection was lost."""

    type: ClassVar[str] = "connection.detached"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("connection", "connection", "string", True),
        Field("reason", "reason", "string", True),
    )

    connection: str
    """The connection's id, unique in the server's process."""

    reason: str
    """Why; `replaced` when another connection has taken over: a client must not reconnect then, or it
    would take it back.
    """


@dataclass(frozen=True, kw_only=True)
class ConnectionSlowEvent(Event):
    """The connection has not accepted the agent's audio for more than a second."""

    type: ClassVar[str] = "connection.slow"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("connection", "connection", "string", True),
    )

    connection: str
    """The connection's id, unique in the server's process."""


@dataclass(frozen=True, kw_only=True)
class UserSpeechStartedEvent(Event):
    """The user has started to speak."""

    type: ClassVar[str] = "user.speech_started"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class UserSpeechStoppedEvent(Event):
    """The user has stopped speaking; the turn may go on."""

    type: ClassVar[str] = "user.speech_stopped"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class UserAwayEvent(Event):
    """The user has been silent for as long as the server is configured to wait."""

    type: ClassVar[str] = "user.away"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class UserBackchannelEvent(Event):
    """The user said something that needs no answer ("mhm")."""

    type: ClassVar[str] = "user.backchannel"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("text", "text", "string", True),
    )

    text: str
    """The words."""


@dataclass(frozen=True, kw_only=True)
class UserTranscriptEvent(Event):
    """What the user has said so far in a turn; it replaces the former transcript of the turn."""

    type: ClassVar[str] = "user.transcript"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("text", "text", "string", True),
        Field("final", "final", "boolean", True),
    )

    turn: int
    """The number of the turn, from 1."""

    text: str
    """All words of the turn so far."""

    final: bool
    """Whether the words are final; an interim transcript may change."""


@dataclass(frozen=True, kw_only=True)
class AgentSpeechStartedEvent(Event):
    """The audio of a reply begins."""

    type: ClassVar[str] = "agent.speech_started"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
    )

    turn: int
    """The number of the turn, from 1."""


@dataclass(frozen=True, kw_only=True)
class AgentSpeechPausedEvent(Event):
    """The reply is paused, because the user may be interrupting."""

    type: ClassVar[str] = "agent.speech_paused"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
    )

    turn: int
    """The number of the turn, from 1."""


@dataclass(frozen=True, kw_only=True)
class AgentSpeechResumedEvent(Event):
    """The reply goes on after a pause."""

    type: ClassVar[str] = "agent.speech_resumed"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
    )

    turn: int
    """The number of the turn, from 1."""


@dataclass(frozen=True, kw_only=True)
class AgentTranscriptEvent(Event):
    """The next words of the reply, to be appended to those of the same turn."""

    type: ClassVar[str] = "agent.transcript"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("text", "text", "string", True),
    )

    turn: int
    """The number of the turn, from 1."""

    text: str
    """The words that are about to be played."""


@dataclass(frozen=True, kw_only=True)
class AgentSpeechStoppedEvent(Event):
    """The reply is over."""

    type: ClassVar[str] = "agent.speech_stopped"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("reason", "reason", "string", True),
        Field("text", "text", "string", True),
    )

    turn: int
    """The number of the turn, from 1."""

    reason: SpeechEnd

    text: str
    """The words that were played: not all of the reply when it was interrupted."""


@dataclass(frozen=True, kw_only=True)
class AgentHandedOverEvent(Event):
    """Another agent answers from now on."""

    type: ClassVar[str] = "agent.handed_over"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("to", "to", "string", True),
        Field("from", "from_", "string", False),
    )

    turn: int
    """The number of the turn, from 1."""

    to: str
    """The name of the new agent."""

    from_: str | None = None
    """The name of the former agent, where it has one."""


@dataclass(frozen=True, kw_only=True)
class AgentTranscriptCutEvent(Event):
    """The client has told that less of an answer was heard than the conversation had: the text of the
    turn's last answer is this.
    """

    type: ClassVar[str] = "agent.transcript_cut"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("text", "text", "string", True),
    )

    turn: int
    """The number of the turn, from 1."""

    text: str
    """The words that were heard; empty when none were."""


@dataclass(frozen=True, kw_only=True)
class PlayoutClearEvent(Event):
    """The reply was interrupted: drop all audio of this turn that is buffered, at once."""

    type: ClassVar[str] = "playout.clear"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
    )

    turn: int
    """The number of the turn, from 1."""


@dataclass(frozen=True, kw_only=True)
class TurnLatencyEvent(Event):
    """How long the user waited for the reply of a turn."""

    type: ClassVar[str] = "turn.latency"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("total_ms", "total_ms", "number", True),
        Field("parts", "parts", [LatencyPart], True),
    )

    turn: int
    """The number of the turn, from 1."""

    total_ms: float
    """Milliseconds from the end of the user's speech to the first audio of the reply."""

    parts: tuple[LatencyPart, ...]
    """Where the time went, in order and without gaps."""


@dataclass(frozen=True, kw_only=True)
class TurnLatencyExceededEvent(Event):
    """The user waited longer than the configured target. Nothing is cut."""

    type: ClassVar[str] = "turn.latency_exceeded"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("total_ms", "total_ms", "number", True),
        Field("target_ms", "target_ms", "number", True),
    )

    turn: int
    """The number of the turn, from 1."""

    total_ms: float
    """Milliseconds from the end of the user's speech to the first audio of the reply."""

    target_ms: float
    """The configured `latency_target` in milliseconds."""


@dataclass(frozen=True, kw_only=True)
class TurnUnansweredEvent(Event):
    """Nothing was heard in answer to a turn, and nothing more will be: the session listens again."""

    type: ClassVar[str] = "turn.unanswered"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("reason", "reason", "string", True),
    )

    turn: int
    """The number of the turn, from 1."""

    reason: UnansweredReason


@dataclass(frozen=True, kw_only=True)
class EngineIncidentEvent(Event):
    """Something happened to an engine or an agent that the session uses; the session goes on."""

    type: ClassVar[str] = "engine.incident"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("engine", "engine", "string", True),
        Field("kind", "kind", "string", True),
        Field("what", "what", "string", True),
        Field("to", "to", "string", False),
        Field("code", "code", "string", False),
    )

    engine: str
    """The name of the engine or agent."""

    kind: str
    """`stt`, `tts`, `s2s` or `agent`."""

    what: str
    """What happened. `unavailable`: the session has no such engine until `available`. `opened_circuit`: no
    session uses it before its cool-down is over.
    """

    to: str | None = None
    """With `switched`: the engine that takes over."""

    code: ErrorCode | None = None
    """The code of the error, where there was one."""


@dataclass(frozen=True, kw_only=True)
class ProcessorIncidentEvent(Event):
    """Something happened to an audio processor."""

    type: ClassVar[str] = "processor.incident"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("name", "name", "string", True),
        Field("what", "what", "string", True),
        Field("code", "code", "string", False),
    )

    name: str
    """The name of the processor."""

    what: str
    """What happened. `bypassed`: audio goes on without it. `stopped`: the session ends because of it."""

    code: ErrorCode | None = None
    """The code of the error, where there was one."""


@dataclass(frozen=True, kw_only=True)
class AudioDroppedEvent(Event):
    """Audio of the user was dropped. At most one event a second."""

    type: ClassVar[str] = "audio.dropped"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("reason", "reason", "string", True),
        Field("ms", "ms", "number", True),
    )

    reason: str
    """`rate limit` or `faster than real time`."""

    ms: float
    """Milliseconds of audio dropped since the last such event."""


@dataclass(frozen=True, kw_only=True)
class ToolStartedEvent(Event):
    """The agent calls a tool."""

    type: ClassVar[str] = "tool.started"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("name", "name", "string", True),
        Field("id", "id", "string", True),
    )

    turn: int
    """The number of the turn, from 1."""

    name: str
    """The tool's name."""

    id: str
    """The id of the call, the same when it starts and when it finishes."""


@dataclass(frozen=True, kw_only=True)
class ToolFinishedEvent(Event):
    """A call of a tool has ended."""

    type: ClassVar[str] = "tool.finished"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("turn", "turn", "integer", True),
        Field("name", "name", "string", True),
        Field("id", "id", "string", True),
        Field("ok", "ok", "boolean", True),
    )

    turn: int
    """The number of the turn, from 1."""

    name: str
    """The tool's name."""

    id: str
    """The id of the call, the same when it starts and when it finishes."""

    ok: bool
    """Whether it succeeded."""


@dataclass(frozen=True, kw_only=True)
class DtmfReceivedEvent(Event):
    """The user has pressed a key of the telephone."""

    type: ClassVar[str] = "dtmf.received"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("digit", "digit", "string", True),
    )

    digit: str
    """`0` to `9`, `*`, `#`, or `A` to `D`."""


@dataclass(frozen=True, kw_only=True)
class CallRingingEvent(Event):
    """The call that was made rings."""

    type: ClassVar[str] = "call.ringing"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class CallAnsweredEvent(Event):
    """The call that was made is answered."""

    type: ClassVar[str] = "call.answered"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class CallMachineEvent(Event):
    """What has answered the call that was made."""

    type: ClassVar[str] = "call.machine"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("result", "result", "string", True),
        Field("by", "by", "string", True),
    )

    result: str
    """A human, an answering machine, or it could not be told. `beep`: the machine records from now on."""

    by: str
    """Who has found it out: the carrier, or the server from the audio or from what was said."""


@dataclass(frozen=True, kw_only=True)
class CallHeldEvent(Event):
    """The call is on hold: the agent is neither heard nor hears."""

    type: ClassVar[str] = "call.held"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class CallResumedEvent(Event):
    """The call is not on hold any more."""

    type: ClassVar[str] = "call.resumed"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class CallMutedEvent(Event):
    """The agent does not hear the user."""

    type: ClassVar[str] = "call.muted"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class CallUnmutedEvent(Event):
    """The agent hears the user again."""

    type: ClassVar[str] = "call.unmuted"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class CallTransferringEvent(Event):
    """The call is being transferred."""

    type: ClassVar[str] = "call.transferring"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("warm", "warm", "boolean", True),
    )

    warm: bool
    """Whether whoever answers hears a summary before they are connected."""


@dataclass(frozen=True, kw_only=True)
class CallTransferFailedEvent(Event):
    """The call could not be transferred: the agent has it again."""

    type: ClassVar[str] = "call.transfer_failed"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("cause", "cause", "string", True),
    )

    cause: str
    """Why."""


@dataclass(frozen=True, kw_only=True)
class CallEndedEvent(Event):
    """The call is over; the session ends with it."""

    type: ClassVar[str] = "call.ended"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("cause", "cause", "string", True),
    )

    cause: str
    """How it ended. `machine`: an answering machine, with which the application does not talk. `busy`,
    `no_answer`, `rejected` and `failed`: of a call that was made and did not come about.
    """


@dataclass(frozen=True, kw_only=True)
class ErrorEvent(Event):
    """Something failed, or a message of the client was malformed. The session goes on unless it ends next."""

    type: ClassVar[str] = "error"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        *Event.FIELDS,
        Field("code", "code", "string", True),
        Field("message", "message", "string", True),
        Field("details", "details", "object", False),
    )

    code: ErrorCode

    message: str
    """What is wrong, as a sentence for people."""

    details: Mapping[str, Any] | None = None
    """Further facts about the error, for programs."""


@dataclass(frozen=True, kw_only=True)
class PongEvent(Event):
    """The answer to `ping`."""

    type: ClassVar[str] = "pong"
    FIELDS: ClassVar[tuple[Field, ...]] = Event.FIELDS


@dataclass(frozen=True, kw_only=True)
class UserTextMessage(Message):
    """The user typed a turn; the agent answers aloud."""

    type: ClassVar[str] = "user.text"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("text", "text", "string", True),
    )

    text: str
    """What the user typed. Characters are counted in UTF-16 code units."""


@dataclass(frozen=True, kw_only=True)
class AgentInterruptMessage(Message):
    """Stop the agent's reply now. What may not be interrupted goes on, and an `error` with
    `details.reason` `uninterruptible` follows.
    """

    type: ClassVar[str] = "agent.interrupt"
    FIELDS: ClassVar[tuple[Field, ...]] = ()


@dataclass(frozen=True, kw_only=True)
class PlayoutPositionMessage(Message):
    """How much of a turn's audio the user has heard."""

    type: ClassVar[str] = "playout.position"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("turn", "turn", "integer", True),
        Field("played_ms", "played_ms", "number", True),
    )

    turn: int
    """The number of the turn."""

    played_ms: float
    """Milliseconds of the turn's audio that have left the loudspeaker."""


@dataclass(frozen=True, kw_only=True)
class UserDtmfMessage(Message):
    """The user has pressed a key; `dtmf.received` follows."""

    type: ClassVar[str] = "user.dtmf"
    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("digit", "digit", "string", True),
    )

    digit: str
    """`0` to `9`, `*`, `#`, or `A` to `D`."""


@dataclass(frozen=True, kw_only=True)
class SessionEndMessage(Message):
    """The user hangs up; `session.ended` follows."""

    type: ClassVar[str] = "session.end"
    FIELDS: ClassVar[tuple[Field, ...]] = ()


@dataclass(frozen=True, kw_only=True)
class PingMessage(Message):
    """Answered by `pong`."""

    type: ClassVar[str] = "ping"
    FIELDS: ClassVar[tuple[Field, ...]] = ()


ServerEvent: TypeAlias = (
    SessionStartedEvent
    | SessionStateEvent
    | SessionEndedEvent
    | SessionMovedEvent
    | SessionSavedEvent
    | ConnectionAttachedEvent
    | ConnectionDetachedEvent
    | ConnectionSlowEvent
    | UserSpeechStartedEvent
    | UserSpeechStoppedEvent
    | UserAwayEvent
    | UserBackchannelEvent
    | UserTranscriptEvent
    | AgentSpeechStartedEvent
    | AgentSpeechPausedEvent
    | AgentSpeechResumedEvent
    | AgentTranscriptEvent
    | AgentSpeechStoppedEvent
    | AgentHandedOverEvent
    | AgentTranscriptCutEvent
    | PlayoutClearEvent
    | TurnLatencyEvent
    | TurnLatencyExceededEvent
    | TurnUnansweredEvent
    | EngineIncidentEvent
    | ProcessorIncidentEvent
    | AudioDroppedEvent
    | ToolStartedEvent
    | ToolFinishedEvent
    | DtmfReceivedEvent
    | CallRingingEvent
    | CallAnsweredEvent
    | CallMachineEvent
    | CallHeldEvent
    | CallResumedEvent
    | CallMutedEvent
    | CallUnmutedEvent
    | CallTransferringEvent
    | CallTransferFailedEvent
    | CallEndedEvent
    | ErrorEvent
    | PongEvent
)
"""An event of the server that this client knows."""


ClientMessage: TypeAlias = (
    UserTextMessage
    | AgentInterruptMessage
    | PlayoutPositionMessage
    | UserDtmfMessage
    | SessionEndMessage
    | PingMessage
)
"""A message of the client."""


EVENTS: Final[Mapping[str, type[Event]]] = {
    "session.started": SessionStartedEvent,
    "session.state": SessionStateEvent,
    "session.ended": SessionEndedEvent,
    "session.moved": SessionMovedEvent,
    "session.saved": SessionSavedEvent,
    "connection.attached": ConnectionAttachedEvent,
    "connection.detached": ConnectionDetachedEvent,
    "connection.slow": ConnectionSlowEvent,
    "user.speech_started": UserSpeechStartedEvent,
    "user.speech_stopped": UserSpeechStoppedEvent,
    "user.away": UserAwayEvent,
    "user.backchannel": UserBackchannelEvent,
    "user.transcript": UserTranscriptEvent,
    "agent.speech_started": AgentSpeechStartedEvent,
    "agent.speech_paused": AgentSpeechPausedEvent,
    "agent.speech_resumed": AgentSpeechResumedEvent,
    "agent.transcript": AgentTranscriptEvent,
    "agent.speech_stopped": AgentSpeechStoppedEvent,
    "agent.handed_over": AgentHandedOverEvent,
    "agent.transcript_cut": AgentTranscriptCutEvent,
    "playout.clear": PlayoutClearEvent,
    "turn.latency": TurnLatencyEvent,
    "turn.latency_exceeded": TurnLatencyExceededEvent,
    "turn.unanswered": TurnUnansweredEvent,
    "engine.incident": EngineIncidentEvent,
    "processor.incident": ProcessorIncidentEvent,
    "audio.dropped": AudioDroppedEvent,
    "tool.started": ToolStartedEvent,
    "tool.finished": ToolFinishedEvent,
    "dtmf.received": DtmfReceivedEvent,
    "call.ringing": CallRingingEvent,
    "call.answered": CallAnsweredEvent,
    "call.machine": CallMachineEvent,
    "call.held": CallHeldEvent,
    "call.resumed": CallResumedEvent,
    "call.muted": CallMutedEvent,
    "call.unmuted": CallUnmutedEvent,
    "call.transferring": CallTransferringEvent,
    "call.transfer_failed": CallTransferFailedEvent,
    "call.ended": CallEndedEvent,
    "error": ErrorEvent,
    "pong": PongEvent,
}
"""The classes of events, by `type`."""


MESSAGES: Final[Mapping[str, type[Message]]] = {
    "user.text": UserTextMessage,
    "agent.interrupt": AgentInterruptMessage,
    "playout.position": PlayoutPositionMessage,
    "user.dtmf": UserDtmfMessage,
    "session.end": SessionEndMessage,
    "ping": PingMessage,
}
"""The classes of messages, by `type`."""


CLOSE_CODES: Final[Mapping[int, CloseCode]] = {
    1000: CloseCode(
        "session_ended",
        "stop",
        "The session is over; `session.ended` says why.",
    ),
    1001: CloseCode(
        "server_closed",
        "reconnect",
        "The server is going away. Another process, or this one after a restart, may continue the session.",
    ),
    1002: CloseCode(
        "",
        "reconnect",
        "The client violated the WebSocket protocol (RFC 6455).",
    ),
    1007: CloseCode(
        "",
        "reconnect",
        "A text frame was not valid UTF-8.",
    ),
    1009: CloseCode(
        "",
        "reconnect",
        "A frame was larger than 64 KiB.",
    ),
    1011: CloseCode(
        "internal_error",
        "reconnect",
        "The server failed to process what the client sent.",
    ),
    4301: CloseCode(
        "moved",
        "reconnect",
        "Another node has the session; `session.moved` says where.",
    ),
    4408: CloseCode(
        "replaced",
        "stop",
        "Another connection of the same user has taken over the session. Reconnecting would take it back.",
    ),
    4409: CloseCode(
        "too_slow",
        "reconnect",
        "The client did not read: it accepted no audio for 10 s.",
    ),
    4429: CloseCode(
        "rate_limited",
        "stop",
        "The user has used up the audio that the server's rate limit allows.",
    ),
}
"""The close codes that the server sends. After `reconnect`, and after a connection that was lost without a
close code, the session can be resumed.
"""


SUBPROTOCOL: Final = "effect-voice.v1"
"""The WebSocket subprotocol that both sides speak; the token is offered beside it as `token.<token>`."""

MOVED_SUBPROTOCOL: Final = "effect-voice.moved"
"""The subprotocol that a client offers beside it when it follows `session.moved`. A server that selects it
sends that event alone.
"""

MAX_MESSAGE_BYTES: Final = 65_536
"""The largest text message that the server accepts; it closes the socket of a larger one with 1009."""

MAX_TEXT_LENGTH: Final = 16_384
"""The longest text of a `user.text` message, in UTF-16 code units."""

MAX_TEXT_BYTES: Final = 49_152
"""The longest text of a `user.text` message, in bytes of JSON; only control characters make it the limit."""

DEFAULT_RATES: Final = {"input": 16_000, "output": 24_000}
"""The sample rates of a session that asks for no others, in Hz, as the server takes and sends them."""
