"""Plays a recording as the user and waits for the reply: the state of such a conversation. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from .call import CallEvent
from .messages import (
    AgentSpeechStartedEvent,
    AgentSpeechStoppedEvent,
    ErrorEvent,
    PongEvent,
    SessionStateEvent,
    TurnUnansweredEvent,
    UserSpeechStartedEvent,
    UserSpeechStoppedEvent,
    UserTranscriptEvent,
)


class Patience(NamedTuple):
    """How long to wait after the recording, in seconds, by what has happened."""

    speech: float = 4.0
    """For speech to be noticed at all."""

    words: float = 15.0
    """For words, after speech."""

    reply: float = 45.0
    """For a reply after words, or for the audio of one that has begun."""

    more: float = 1.5
    """For more to come after a reply."""

    total: float = 600.0
    """For the end of it all."""


PATIENCE: Final = Patience()

Verdict = Literal["replied", "silent", "no_speech", "no_words", "no_reply", "endless", "failed"]
"""The result of a conversation: the agent replied, or why not."""


@dataclass
class TalkState:
    """What has been heard and said so far. The caller passes the time, in seconds."""

    patience: Patience = PATIENCE
    agent_speaking: bool = False
    agent_preparing: bool = False
    error: str | None = None
    _user_speaking: bool = False
    _speech: bool = False
    _words: bool = False
    _replied: bool = False
    _received: bool = False
    _heard: bool = False
    _open: set[int] = field(default_factory=set)
    _started: float | None = None
    _last: float = 0.0
    _audible: float = 0.0

    def event(self, event: CallEvent, now: float) -> None:
        """An event has come."""
        self._received = True
        if not isinstance(event, (PongEvent, SessionStateEvent)):
            self._last = now
        if isinstance(event, UserSpeechStartedEvent):
            self._user_speaking = self._speech = True
        elif isinstance(event, UserSpeechStoppedEvent):
            self._user_speaking = False
        elif isinstance(event, UserTranscriptEvent):
            if event.final and event.text.strip() != "":
                self._words = self._speech = True
                self._open.add(event.turn)
        elif isinstance(event, SessionStateEvent):
            self.agent_preparing = event.state == "processing"
        elif isinstance(event, AgentSpeechStartedEvent):
            if not self.agent_speaking:
                self._audible = now
            self.agent_speaking = True
        elif isinstance(event, AgentSpeechStoppedEvent):
            self.agent_speaking = False
            self._replied = self._replied or self._words
            # the reply of a later turn replaces those of earlier turns
            self._open = {turn for turn in self._open if turn > event.turn}
        elif isinstance(event, TurnUnansweredEvent):
            # after a failure the apology may follow
            if event.reason != "failed":
                self._open.discard(event.turn)
        elif isinstance(event, ErrorEvent):
            self.error = event.message

    def audio(self, now: float) -> None:
        """Some of the agent's audio was heard."""
        self._received = True
        self._audible = now
        self._heard = self._heard or self._words

    def wait(self, now: float) -> Verdict | None:
        """The recording has been played, and time passes: says when there is nothing more to wait for."""
        if self._started is None:
            self._started = self._last = now
            self._audible = max(self._audible, now)
        if now - self._started >= self.patience.total:
            return self.outcome("endless")
        if self.agent_speaking:
            return self.outcome("no_reply") if now - self._audible >= self.patience.reply else None
        if not self._words:
            if not self._speech:
                return self._after(self.patience.speech, now, "no_speech" if self._received else "silent")
            longest = self.patience.reply if self._user_speaking else self.patience.words
            return self._after(longest, now, "no_words")
        waits = len(self._open) > 0 or self._user_speaking
        return self._after(self.patience.reply if waits else self.patience.more, now, self.outcome("no_reply"))

    def outcome(self, otherwise: Verdict) -> Verdict:
        """The result, if the conversation ended now."""
        if self._replied and self._heard:
            return "replied"
        return otherwise if self.error is None else "failed"

    def _after(self, seconds: float, now: float, verdict: Verdict) -> Verdict | None:
        return verdict if now - self._last >= seconds else None
