/**
 * A session of another node, as if it were here.
 *
 * What needs the session's own process fails `invalid_config` (`details.reason: "remote_session"`): its audio, its connections, and agents,
 * which are programs and cannot be sent. Its state, metadata and language are at most a second old, or as old as the last answer
 * while the node does not answer.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as CallCommand from "../../session/call/CallCommand.ts"
import * as DigitCollection from "../../session/call/DigitCollection.ts"
import { textFault } from "../../session/ClientMessage.ts"
import { checkPolicy, decodeMetadata, decodeSpeech } from "../../session/SessionConfig.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { NodeClient } from "../nodes/Nodes.ts"
import type { SessionView } from "./SessionView.ts"

/** How long a view is good for, in ms. */
const FRESH_MS = 1_000
const LONG = "1 minute"
/** The longest prompt and the longest time-outs of a collection of digits end within it. */
const LONGEST = "10 minutes"

/**
 * How a session is reached at the node that has it now.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionNode {
  readonly ask: <A>(
    op: string,
    call: (client: NodeClient) => Effect.Effect<A, unknown>,
    within?: "1 minute" | "10 minutes"
  ) => Effect.Effect<A, BackendError>
  /** The session's events from now on, also when another node takes it over, until its end. */
  readonly events: Stream.Stream<SessionEvent>
  readonly states: VoiceSession["state"]["changes"]
}

const onlyThere = (op: string, why: string): Effect.Effect<never, InvalidConfig> =>
  Effect.fail(
    new InvalidConfig({
      op: `VoiceSession.${op}`,
      message: `the session is in another process, and ${why}`,
      details: { reason: "remote_session" }
    })
  )

// What a node would refuse is not sent: what cannot be encoded looks as if the node had not answered.

const checkText = (op: string, text: string): Effect.Effect<void, InvalidConfig> => {
  const fault = textFault(text)
  return fault === undefined ? Effect.void : Effect.fail(new InvalidConfig({ op, message: fault }))
}

const ofAudio = "its audio does not leave that process: connect to it there"
const ofAgents = "an agent cannot be sent to it: create the session with the agent's name"

/**
 * Makes the session from a view of it, which is a moment old.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (first: SessionView, { ask, events, states }: SessionNode, clock: Clock.Clock): VoiceSession => {
  const { id } = first
  const now = () => MonotonicTime.nowMs(clock)
  let view = first
  let seenMs = now()
  const seen = (next: SessionView) => {
    view = next
    seenMs = now()
    return next
  }

  /** A view that is not too old; the last one where no newer can be had. */
  const current: Effect.Effect<SessionView> = Effect.suspend(() =>
    now() - seenMs < FRESH_MS ? Effect.succeed(view) : ask("VoiceBackend.getSession", (node) => node.View({ id })).pipe(
      Effect.map(seen),
      Effect.catch((error): Effect.Effect<SessionView> =>
        Effect.succeed(
          error.code === "session_not_found" ? { ...view, state: "closed", persistenceStatus: "completed" } : view
        )
      )
    )
  )

  const call = (name: string, command: CallCommand.CallCommand): Effect.Effect<void, BackendError> =>
    Effect.andThen(
      CallCommand.check(`VoiceSession.${name}`, command),
      ask(`VoiceSession.${name}`, (node) => node.Call({ id, command }))
    )

  return {
    id,
    config: first.config,
    start: ask("VoiceSession.start", (node) => node.Start({ id })),
    stop: ask("VoiceSession.stop", (node) => node.Stop({ id }), LONG),
    processAudio: () => onlyThere("processAudio", ofAudio),
    sendAudio: () => onlyThere("sendAudio", ofAudio),
    receiveAudio: Stream.unwrap(Effect.orDie(onlyThere("receiveAudio", ofAudio))),
    setAgent: () => onlyThere("setAgent", ofAgents),
    setLanguage: (language) =>
      decodeSpeech("VoiceSession.setLanguage", { language }).pipe(
        Effect.andThen(ask("VoiceSession.setLanguage", (node) => node.SetLanguage({ id, language }))),
        Effect.tap(() => Effect.sync(() => seenMs = Number.NEGATIVE_INFINITY))
      ),
    language: Effect.map(current, ({ language }) => language),
    state: { get: Effect.map(current, ({ state }) => state), changes: states },
    persistenceStatus: Effect.map(current, ({ persistenceStatus }) => persistenceStatus),
    metadata: Effect.map(current, ({ metadata }) => metadata),
    updateMetadata: (patch) =>
      decodeMetadata("VoiceSession.updateMetadata", patch).pipe(
        Effect.andThen(ask("VoiceSession.updateMetadata", (node) => node.UpdateMetadata({ id, patch }))),
        Effect.map((view) => void seen(view))
      ),
    events,
    // a failure that has no place in the contract dies as the error that it is
    history: Effect.orDie(ask("VoiceSession.history", (node) => node.History({ id }))),
    say: (text, { interruptible = true } = {}) =>
      Effect.andThen(
        checkText("VoiceSession.say", text),
        ask("VoiceSession.say", (node) => node.Say({ id, text, interruptible }))
      ),
    updatePolicy: (policy) =>
      Effect.flatMap(
        checkPolicy(policy),
        (policy) => ask("VoiceSession.updatePolicy", (node) => node.UpdatePolicy({ id, policy }))
      ),
    control: (control) => ask("VoiceSession.control", (node) => node.Control({ id, control })),
    sendText: (text) =>
      Effect.andThen(
        checkText("VoiceSession.sendText", text),
        ask("VoiceSession.sendText", (node) => node.SendText({ id, text }))
      ),
    interrupt: ({ force = false } = {}) => ask("VoiceSession.interrupt", (node) => node.Interrupt({ id, force })),
    sendDtmf: (digits) => call("sendDtmf", { action: "send_dtmf", digits }),
    collectDigits: (options) =>
      Effect.flatMap(
        DigitCollection.make("VoiceSession.collectDigits", options),
        (asked) => ask("VoiceSession.collectDigits", (node) => node.CollectDigits({ id, asked }), LONGEST)
      ),
    transfer: (target, options) => call("transfer", CallCommand.transfer(target, options)),
    hangUp: call("hangUp", { action: "hang_up" }),
    hold: (on) => call("hold", { action: "hold", on }),
    mute: (on) => call("mute", { action: "mute", on }),
    attach: () => onlyThere("attach", "a connection is attached where the session is"),
    pipeline: () => Stream.fromEffect(onlyThere("pipeline", ofAudio)),
    ended: Stream.runFold(
      events,
      (): Parameters<typeof reasonOf>[1] => "closed",
      (reason, event) => reasonOf(event, reason)
    )
  }
}

type EndReason = Extract<SessionEvent, { readonly type: "session.ended" }>["reason"]

const reasonOf = (event: SessionEvent, otherwise: EndReason): EndReason =>
  event.type === "session.ended" ? event.reason : otherwise
