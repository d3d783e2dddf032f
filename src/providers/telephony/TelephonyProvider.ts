/**
 * Makes the telephony provider of kinds of carriers.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type * as Schema from "effect/Schema"
import type { OutboundCarrier } from "../../backend/calls/OutboundCalls.ts"
import type { HealthPart } from "../../backend/health/HealthStatus.ts"
import * as BackendProvider from "../../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../../BackendError.ts"
import { SilenceClock } from "../../protocols/SilenceClock.ts"
import * as PhoneAddress from "../../session/call/PhoneAddress.ts"
import * as SessionLinks from "../SessionLinks.ts"
import * as SocketRoute from "../SocketRoute.ts"
import type { Carrier, CarrierKind, CarrierOptions } from "./Call.ts"
import * as Calls from "./Calls.ts"
import { isAllowed } from "./CarrierFields.ts"
import * as StreamTokens from "./StreamTokens.ts"
import { telephonyConfig } from "./TelephonyConfig.ts"

/** Of the sessions that the API creates, to hear an agent without a telephone. */
const nativeRates = { inputSampleRate: 16_000, outputSampleRate: 24_000 }

/** A name of the config, or an address that calls may go to: a transfer is paid for like a call. */
const targetIn =
  (targets: { readonly [name: string]: string }, destinations: ReadonlyArray<string>) => (target: string) =>
    Object.hasOwn(targets, target)
      ? Effect.succeed(targets[target]!)
      : PhoneAddress.isAllowed(destinations, target)
      ? Effect.succeed(target)
      : Effect.fail(
        new InvalidConfig({
          op: "VoiceSession.transfer",
          message: "neither a name of transfer_targets nor a number or address of allowed_destinations",
          details: { path: "target" }
        })
      )

const outboundOf = (
  { inputSampleRate }: Carrier,
  { allowedNumbers, callsPerSecond, from, maxConcurrentCalls, name }: CarrierOptions
): OutboundCarrier => ({
  name,
  from,
  mayCallFrom: (number) => isAllowed(allowedNumbers, number),
  maxConcurrentCalls,
  callsPerSecond,
  inputSampleRate
})

/**
 * The telephony provider of the carriers whose options `schema` has, each made by `makeCarrier`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Options extends CarrierOptions>(
  schema: Schema.Codec<Options, unknown>,
  makeCarrier: CarrierKind<Options>["make"]
): BackendProvider.BackendProvider["Service"] => {
  return BackendProvider.make({
    name: "telephony",
    description: "Users call by telephone, or are called, through carriers and telephone systems",
    capabilities: {
      s2s: true,
      multiUser: true,
      sessionPersistence: true,
      customAuth: false,
      customRateLimiting: false,
      maxConcurrentSessions: 0,
      // Frames of 20 ms, 4 ms through a media stream on loopback, and 5 ms each way in the filters between 8 kHz and the rates of
      // the engines. The carrier's own path to the caller is added to it.
      minLatency: Duration.millis(34),
      codecs: ["pcmu", "pcma", "pcm_s16le"]
    },
    config: telephonyConfig(schema),
    connect: Effect.fnUntraced(function*(options, config, host) {
      const client = yield* HttpClient.HttpClient
      const links = yield* SessionLinks.make({
        host,
        limits: host.limits ?? (() => config.session),
        maxConnectionsPerSession: options.maxConnectionsPerSession
      })
      const carriers = new Map<string, { readonly carrier: Carrier; readonly options: CarrierOptions }>()
      const calls = Calls.make({
        host,
        links,
        cell: config.cluster?.cell,
        carriers: () => carriers,
        keypadTurns: options.keypad === "turns",
        targetOf: targetIn(options.transferTargets, options.allowedDestinations),
        scope: yield* Effect.scope
      })
      const tokens = yield* StreamTokens.make(host)
      const silence = yield* SilenceClock.make
      for (const each of options.carriers) {
        const carrier = yield* makeCarrier(each, {
          publicUrl: options.publicUrl?.replace(/\/+$/, ""),
          answerPath: `/telephony/${each.name}/answer`,
          mediaPath: `/telephony/${each.name}/media`,
          calls,
          tokens,
          silence,
          refuses: () => host.places?.().refuses ?? false,
          client,
          timeout: config.timeout
        })
        carriers.set(each.name, { carrier, options: each })
      }
      const all = Array.from(carriers.values(), ({ carrier }) => carrier)
      const dialling = Array.from(carriers.values()).filter(({ carrier }) => carrier.dial !== undefined)
      return {
        open: (session: BackendProvider.LinkedSession) =>
          session.config.call === undefined
            // somebody who tries an agent without a telephone
            ? Effect.map(links.open(session), ({ attachments, expiresAt, token }) => ({
              access: { connectionUrl: `/v1/sessions/${encodeURIComponent(session.id)}/audio`, token, expiresAt },
              attachments
            }))
            : calls.open(session, session.config.call),
        outbound: dialling.length === 0 ? undefined : {
          carriers: dialling.map(({ carrier, options }) => outboundOf(carrier, options)),
          allowedDestinations: options.allowedDestinations,
          maxConcurrentCalls: options.maxConcurrentCalls
        },
        routes: [
          SocketRoute.make({ path: "/v1/sessions/:id/audio", links, rates: nativeRates }),
          ...all.flatMap(({ routes }) => routes)
        ],
        probe: probe(all)
      }
    }, Effect.provide(FetchHttpClient.layer))
  })
}

/** Asks the carriers that can be asked; one that does not answer degrades the provider, all of them make it unhealthy. */
const probe = (carriers: ReadonlyArray<Carrier>): Effect.Effect<HealthPart> =>
  Effect.map(
    Effect.forEach(
      carriers,
      ({ check = Effect.void, name }) =>
        Effect.match(check, {
          onFailure: ({ code, message }) => [`${name}: ${code}: ${message}`],
          onSuccess: () => []
        }),
      { concurrency: 8 }
    ),
    (results): HealthPart => {
      const causes = results.flat()
      if (causes.length === 0) return { name: "provider", status: "healthy" }
      return {
        name: "provider",
        status: causes.length === carriers.length ? "unhealthy" : "degraded",
        cause: causes.join("; ")
      }
    }
  )
