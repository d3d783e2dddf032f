import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, References, Tracer } from "effect"
import * as Formatter from "effect/Formatter"
import { inspect } from "node:util"
import { toProblemJson } from "../../../src/BackendError.ts"
import { provider } from "../../../src/providers/telephony/index.ts"
import { call, dial, immediates, only, SECRET, start } from "./Phone.ts"

type Fields = { readonly [name: string]: unknown }

const MARKER = "do-not-sing"
const CANARY = `canary-${MARKER}-7f3a9c-${MARKER}`

/** The carriers with what they must have, and their fields that are secrets. */
const carriers: ReadonlyArray<readonly [fields: { readonly [name: string]: unknown }, secrets: ReadonlyArray<string>]> =
  [
    [{ kind: "stream", protocol: "twilio" }, ["secret"]],
    [{ kind: "asterisk" }, ["password"]],
    [{ kind: "asterisk", password: "0123456789abcdef", ari: { url: "http://127.0.0.1:8088/ari", username: "u" } }, [
      "ari.password"
    ]],
    [{ kind: "vonage", application_id: "a" }, ["private_key", "signature_secret"]],
    [{ kind: "telnyx", public_key: Buffer.alloc(32, 1).toString("base64") }, ["api_key"]],
    [{ kind: "plivo", auth_id: "MA1" }, ["auth_token"]],
    [{ kind: "twilio", account_sid: `AC${"0".repeat(32)}` }, ["auth_token", "next_auth_token", "api_secret"]],
    [{ kind: "signalwire", space: "example.signalwire.com", project: "p" }, ["api_token", "signing_key"]]
  ]

const shown = (value: unknown): string =>
  [
    JSON.stringify(value),
    String(value),
    inspect(value, { depth: Infinity, showHidden: true, getters: true }),
    inspect(value, { depth: Infinity, customInspect: false }),
    Formatter.format(value),
    Formatter.formatJson(value),
    Cause.pretty(Cause.die(value))
  ].join("\n")

const silent = (what: string, text: string) =>
  assert.notInclude(text, MARKER, `${what} tells a secret: ${text.slice(0, 2_000)}`)

const put = (fields: Fields, path: string, value: unknown): Fields => {
  const [key = "", ...rest] = path.split(".")
  const inner = fields[key]
  return {
    ...fields,
    [key]: rest.length === 0 ? value : put(typeof inner === "object" ? { ...inner } : {}, rest.join("."), value)
  }
}

describe("the secrets of carriers", () => {
  it.effect("are shown by no config, however it is printed, and are in no fault", () =>
    Effect.gen(function*() {
      for (const [fields, secrets] of carriers) {
        const given = secrets.reduce<Fields>((all, path) => put(all, path, CANARY), { name: "main", ...fields })
        const read = (carrier: unknown) => provider.configure({ carriers: [carrier] })
        const configured = yield* Effect.result(read(given))
        silent(String(fields["kind"]), shown(configured))
        if (configured._tag === "Success") silent(String(fields["kind"]), shown(configured.success.options))
        else silent(String(fields["kind"]), `${configured.failure.message}`)
        for (const path of secrets) {
          for (const value of [CANARY.repeat(500), [CANARY], { value: CANARY }, null]) {
            const result = yield* Effect.result(read({ ...put(given, path, value), agent: 7 }))
            if (result._tag === "Success") return assert.fail("a faulty config was taken")
            silent(path, result.failure.message)
            silent(path, JSON.stringify(toProblemJson(result.failure)))
            silent(path, shown(result.failure))
          }
        }
      }
    }))
})

describe("what a call tells", () => {
  const NUMBER = "+4915112345678"
  const OURS = "+4930987654321"
  const DIGITS = "8642097531"

  it.live("is in no log and no span: its numbers, the keys that are pressed, its secret", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const spans: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          span.end = (endTime, exit) => {
            end(endTime, exit)
            const { attributes, events, name, status } = span
            spans.push(inspect({ name, status, events, attributes: [...attributes] }, { depth: 8 }))
          }
          return span
        }
      })
      yield* Effect.gen(function*() {
        const { backend, url } = yield* start({ carrier: { allowed_callers: [NUMBER], allowed_numbers: [OURS] } })
        const stranger = yield* call(url, { from: `${NUMBER}9`, to: OURS, call: "stranger" })
        yield* stranger.until("the refusal", () => stranger.closed !== undefined)
        const guess = yield* dial(url, { from: NUMBER, to: OURS, call: "guess" })
        guess.start({ custom_parameters: { secret: `${SECRET}!` } })
        yield* guess.until("the refusal", () => guess.closed !== undefined)

        const phone = yield* call(url, { from: NUMBER, to: OURS })
        yield* Effect.repeat(Effect.andThen(immediates(10), backend.activeSessionCount), {
          until: (count) => count === 1
        })
        for (const [i, digit] of [...DIGITS].entries()) {
          phone.send({ event: "dtmf", sequence_number: `${i + 10}`, stream_id: "s1", dtmf: { digit } })
        }
        phone.send({ event: "dtmf", stream_id: "s1", dtmf: { digit: DIGITS } })
        phone.send(`garbage ${NUMBER} ${DIGITS}`)
        phone.say("good morning")
        yield* phone.until("the answer", () => phone.heard.endsWith("You said good morning."))
        const session = yield* only(backend)
        // they stand in the session's own
        assert.include(JSON.stringify(yield* session.metadata), NUMBER)
        phone.hangUp()
        yield* session.ended
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.mergeAll(
          Logger.layer([Logger.map(Logger.formatJson, (line) => void lines.push(line))]),
          Layer.succeed(References.MinimumLogLevel, "Trace"),
          Layer.succeed(Tracer.Tracer, tracer)
        ))
      )
      assert.isAbove(lines.length, 3)
      assert.isAbove(spans.length, 0)
      for (const text of [...lines, ...spans]) {
        for (const secret of [NUMBER.slice(1), OURS.slice(1), DIGITS, SECRET]) {
          assert.notInclude(text, secret, text.slice(0, 600))
        }
      }
      const all = [...lines, ...spans].join("\n")
      assert.include(all, "authorization_failed")
      assert.include(all, "authentication_failed")
    }), 60_000)
})
