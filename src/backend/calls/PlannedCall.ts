/**
 * Decides how a call is made: by which carrier, from which number, and whether it may be. Pure.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { AuthorizationFailed, type BackendError, InvalidConfig } from "../../BackendError.ts"
import * as Json from "../../schema/Json.ts"
import { type DialRequest, RING_TIMEOUT } from "../../session/call/DialRequest.ts"
import { isAllowed } from "../../session/call/PhoneAddress.ts"
import { type SessionConfig, speechOf } from "../../session/SessionConfig.ts"
import type { OutboundCalls, OutboundCarrier } from "./OutboundCalls.ts"

const op = "VoiceBackend.dial"

/** A request that has been checked. */
type Checked = typeof DialRequest.Type

const unsupported = new InvalidConfig({
  op,
  message: "the provider of this backend cannot call anybody",
  details: { reason: "unsupported" }
})

const carrierOf = (
  { carriers }: OutboundCalls,
  { carrier: name, from }: Checked
): Effect.Effect<OutboundCarrier, InvalidConfig> => {
  const named = name === undefined ? carriers : carriers.filter((carrier) => carrier.name === name)
  const [first] = named
  if (first === undefined) {
    return Effect.fail(
      name === undefined
        ? unsupported
        : new InvalidConfig({
          op,
          message: "carrier: no carrier of this name makes calls",
          details: { path: "carrier" }
        })
    )
  }
  if (from === undefined) return Effect.succeed(first)
  const having = named.find(({ mayCallFrom }) => mayCallFrom?.(from) ?? true)
  return having !== undefined ? Effect.succeed(having) : Effect.fail(
    new InvalidConfig({ op, message: "from: this number is not one of the carrier's", details: { path: "from" } })
  )
}

/**
 * A digest of what is asked for, whatever the order of its fields; of what says who asks, nothing.
 *
 * @category accessors
 * @since 0.1.0
 */
export const digestOf = (checked: Checked): string => {
  const { idempotencyKey: _, token: __, ...request } = checked
  return createHash("sha256").update(Json.canonical(request)).digest("base64url")
}

/**
 * The session of a call that is to be made. Fails `invalid_config` where the provider has no such carrier or number, or cannot call at
 * all (`details.reason: "unsupported"`), and `authorization_failed` (`details.reason: "destination_not_allowed"`) where it may not call
 * there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  calls: OutboundCalls | undefined,
  request: Checked
): Effect.fn.Return<SessionConfig, BackendError> {
  if (calls === undefined) return yield* unsupported
  const carrier = yield* carrierOf(calls, request)
  if (!isAllowed(calls.allowedDestinations, request.to)) {
    return yield* new AuthorizationFailed({
      op,
      message: "to: this destination is not one of the provider's allowed_destinations",
      details: { reason: "destination_not_allowed", path: "to" }
    })
  }
  const { agent, longest, machine, metadata, parameters, pipelineType, policy, ringTimeout, to, token, userId } =
    request
  const from = request.from ?? carrier.from
  const { inputSampleRate } = carrier
  const facts = {
    carrier: carrier.name,
    direction: "outbound" as const,
    ...(from === undefined ? {} : { from }),
    to,
    parameters: parameters ?? {}
  }
  return {
    userId,
    transport: "websocket",
    ...speechOf(request),
    ...(agent === undefined ? {} : { agent }),
    ...(pipelineType === undefined ? {} : { pipelineType }),
    // as that of an inbound call has it
    metadata: { call: facts, ...metadata },
    ...(policy === undefined ? {} : { policy }),
    ...(token === undefined ? {} : { token }),
    ...(inputSampleRate === undefined ? {} : { inputSampleRate }),
    call: {
      ...facts,
      dial: {
        ringTimeoutMs: Math.round(Duration.toMillis(ringTimeout ?? RING_TIMEOUT)),
        ...(longest === undefined ? {} : { longestMs: Math.round(Duration.toMillis(longest)) }),
        ...(machine === undefined ? {} : {
          machine: {
            detect: machine.detect,
            onMachine: machine.onMachine ?? "hang_up",
            ...(machine.message === undefined ? {} : { message: machine.message })
          }
        }),
        request: digestOf(request)
      }
    }
  }
})
