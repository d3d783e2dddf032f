import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as ClientProtocol from "../../../src/client/protocol/ClientProtocol.ts"
import * as Faults from "../../../src/schema/Faults.ts"
import * as ClientMessage from "../../../src/session/ClientMessage.ts"
import * as MergePatch from "../../../src/session/MergePatch.ts"
import { Metadata, SessionRequest } from "../../../src/session/SessionConfig.ts"
import * as SessionEvent from "../../../src/session/SessionEvent.ts"
import { textOf } from "../Mutate.ts"
import { CANARY, expect, expectDiscreet, type Surface, text } from "../Surface.ts"

const encoder = new TextEncoder()

/** Values of a schema, in JSON. */
const samples = <S extends Schema.Constraint & { readonly Type: unknown }>(
  schema: S,
  toJson: (value: S["Type"]) => string,
  count: number
) =>
  Effect.map(
    Effect.orDie(Arbitrary.sampleEffect(Arbitrary.schema(schema), { seed: "fuzz", count, size: 6 })),
    (values) => values.map((value) => encoder.encode(toJson(value)))
  )

const clientMessageJson = (message: ClientMessage.ClientMessage) =>
  JSON.stringify(Schema.encodeSync(ClientMessage.ClientMessage)(message))

/** The text frames of a user, and the messages of the data channel. */
export const clientMessage = Effect.map(
  samples(ClientMessage.ClientMessage, clientMessageJson, 40),
  (values): Surface => ({
    name: "client-message",
    json: true,
    seeds: [
      ...text(
        JSON.stringify({ type: "user.text", text: `hello ${CANARY}` }),
        JSON.stringify({ type: "playout.position", turn: 3, played_ms: 1_234.5 }),
        JSON.stringify({ type: "later", secret: CANARY })
      ),
      ...values
    ],
    dictionary: ["type", "user.text", "agent.interrupt", "playout.position", "session.end", "ping", "played_ms"],
    run: (input) => {
      const parsed = ClientMessage.parse(textOf(input))
      switch (parsed._tag) {
        case "Malformed":
          expect(parsed.reason.length < 120, () => `a long reason: ${parsed.reason}`)
          return expectDiscreet(parsed.reason)
        case "Unknown":
          return expect(parsed.type.length <= 64, () => "a long type")
        case "Message": {
          const { message } = parsed
          if (message.type === "playout.position") {
            expect(Number.isSafeInteger(message.turn) && message.turn >= 0, () => `turn ${message.turn}`)
            expect(Number.isFinite(message.playedMs) && message.playedMs >= 0, () => `played ${message.playedMs}`)
          }
          const again = ClientMessage.parse(clientMessageJson(message))
          expect(again._tag === "Message", () => "what was read cannot be written")
        }
      }
    }
  })
)

/** Events as a page, a log reader or another process reads them back. */
export const sessionEvent = Effect.map(
  samples(SessionEvent.SessionEvent, SessionEvent.toJson, 60),
  (values): Surface => ({
    name: "session-event",
    json: true,
    seeds: values,
    dictionary: ["type", "seq", "at_ms", "session.started", "turn.latency", "error", "details", "parts"],
    run: (input) => {
      const read = SessionEvent.fromJson(textOf(input))
      if (read._tag === "Failure") return
      expect(SessionEvent.fromJson(SessionEvent.toJson(read.success))._tag === "Success", () => "not written as read")
    }
  })
)

/** What the browser's client makes of a server that is not ours. */
export const serverMessage = Effect.map(
  samples(SessionEvent.SessionEvent, SessionEvent.toJson, 60),
  (values): Surface => ({
    name: "server-message",
    json: true,
    seeds: values,
    dictionary: ["type", "tool.", "session.state", "sample_rate", "parts", "total_ms"],
    run: (input) => {
      const message = ClientProtocol.parseServerMessage(textOf(input))
      if (message === undefined) return
      if (message.type === "unknown") {
        return expect(typeof message.name === "string" && typeof message.raw === "object", () => "no event")
      }
      expect(Number.isFinite(message.seq) && Number.isFinite(message.at_ms), () => "no number")
      if (message.type === "session.started") {
        for (const { sample_rate } of [message.input, message.output]) {
          expect(Number.isSafeInteger(sample_rate), () => `a rate of ${sample_rate}`)
        }
      }
      if (message.type === "turn.latency") {
        expect(message.parts.every(({ ms }) => Number.isFinite(ms)), () => "a part without a number")
      }
    }
  })
)

const metadataSeeds = text(
  "{}",
  JSON.stringify({ name: "Ada", tags: ["a", "b"], nested: { deep: { deeper: null } }, n: 1.5, secret: CANARY }),
  JSON.stringify({ __proto__x: { polluted: true }, nested: { deep: 1 } }),
  "{\"__proto__\":{\"polluted\":true},\"constructor\":{\"prototype\":{\"polluted\":true}}}"
)

/** A merge patch as the server takes it: decoded, merged, bounded, sent back. */
export const metadata: Surface = {
  name: "metadata",
  json: true,
  seeds: metadataSeeds,
  dictionary: ["__proto__", "constructor", "prototype", "null"],
  run: (input) => {
    let value: unknown
    try {
      value = JSON.parse(textOf(input))
    } catch {
      return
    }
    const exit = Effect.runSyncExit(Faults.decode(Metadata, value, { op: "fuzz", what: "the patch is not valid" }))
    if (exit._tag === "Failure") return expectFault(exit)
    const patch = exit.value
    const target = { nested: { deep: { kept: true } }, name: "old", list: [1, 2] }
    const merged = MergePatch.merge(target, patch)
    const again = MergePatch.merge(merged, patch)
    expect(JSON.stringify(again) === JSON.stringify(merged), () => "merging twice is not merging once")
    expect(Object.getPrototypeOf(merged) === Object.prototype, () => "another prototype")
    for (const [key, value] of Object.entries(patch)) {
      expect(Object.hasOwn(merged, key) === (value !== null), () => `the member ${key} is wrong`)
    }
  }
}

const expectFault = (exit: { readonly cause: { readonly reasons: ReadonlyArray<unknown> } }): void => {
  for (const reason of exit.cause.reasons) {
    const error = typeof reason === "object" && reason !== null && "error" in reason ? reason.error : undefined
    if (!(typeof error === "object" && error !== null && "code" in error && error.code === "invalid_config")) {
      throw new Error(`not a typed failure: ${describe(reason)}`)
    }
    const told = `${"message" in error ? String(error.message) : ""} ${
      JSON.stringify("details" in error ? error.details : {})
    }`
    expectDiscreet(told)
    expect(told.length < 262_144, () => `${told.length} characters of faults`)
  }
}

const describe = (reason: unknown): string =>
  typeof reason === "object" && reason !== null && "defect" in reason && reason.defect instanceof Error
    ? String(reason.defect.stack)
    : String(reason)

/** The body of `POST /v1/sessions`. */
export const sessionRequest = Effect.map(
  samples(SessionRequest, (value) => JSON.stringify(Schema.encodeSync(SessionRequest)(value)), 40),
  (values): Surface => ({
    name: "session-request",
    json: true,
    seeds: [
      ...text(JSON.stringify({
        user_id: "ada",
        transport: "websocket",
        agent: "builtin",
        pipeline_type: "stt_tts",
        token: CANARY,
        metadata: { plan: "gold", list: [{ a: 1 }] }
      })),
      ...values
    ],
    dictionary: ["user_id", "transport", "webrtc", "websocket", "metadata", "pipeline_type", "connection_url"],
    run: (input) => {
      let value: unknown
      try {
        value = JSON.parse(textOf(input))
      } catch {
        return
      }
      const exit = Effect.runSyncExit(
        Faults.decode(SessionRequest, value, { op: "fuzz", what: "the request is not valid" })
      )
      if (exit._tag === "Failure") return expectFault(exit)
      expect(exit.value.userId.length > 0 && exit.value.userId.length <= 256, () => "a bad user id")
    }
  })
)

export { expectFault }
