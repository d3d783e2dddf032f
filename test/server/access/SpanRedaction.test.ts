import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Tracer } from "effect"
import { HttpServerRequest } from "effect/http"
import { redactToken } from "../../../src/server/access/SpanRedaction.ts"
import { everything, Recording } from "../../telemetry/RecordingTracer.ts"

const token = "eyJhbGciOiJIUzI1NiJ9.c2VzXzE"
const request = (url: string) => HttpServerRequest.fromWeb(new Request(`http://localhost${url}`))

/** A span of the application, in which a request is handled while no server has one. */
const inSpan = <A>(use: (span: Tracer.Span) => Effect.Effect<A>) =>
  Effect.useSpan("outer", (span) => Effect.provideService(use(span), Tracer.ParentSpan, span))

describe("SpanRedaction", () => {
  it.effect("filters a span that outlives its requests once, for the newest of them", () =>
    inSpan(Effect.fnUntraced(function*(span) {
      yield* redactToken(request(`/audio?token=${token}`))
      const { attribute } = span
      for (let i = 0; i < 100; i++) yield* redactToken(request(`/audio?token=${token}-${i}`))
      assert.strictEqual(span.attribute, attribute)
      span.attribute("url", `/audio?token=${token}-99`)
      assert.strictEqual(span.attributes.get("url"), "/audio?token=REDACTED")
    })))

  it.effect("keeps what only looks like a token", () =>
    inSpan(Effect.fnUntraced(function*(span) {
      span.attribute("word", "a late answer")
      span.attribute("path", "/audio?token=a")
      yield* redactToken(request("/audio?token=a"))
      assert.strictEqual(span.attributes.get("word"), "a late answer")
      span.attribute("url.query", "token=a")
      assert.strictEqual(span.attributes.get("url.query"), "token=REDACTED")
    })))

  it.effect("takes a token out of what has been written before, however it is written", () =>
    inSpan(Effect.fnUntraced(function*(span) {
      const escaped = encodeURIComponent(`${token}/+`)
      span.attribute("raw", `/audio?token=${escaped}`)
      span.attribute("list", [`token.${token}/+`, 7n])
      const circle: { me?: unknown } = {}
      circle.me = circle
      span.attribute("circle", circle)
      span.event(`connect ${token}/+`, 0n, { url: `?token=${escaped}` })
      yield* redactToken(request(`/audio?input_rate=8000&token=${escaped}`))
      assert.strictEqual(span.attributes.get("raw"), "/audio?token=REDACTED")
      assert(span instanceof Tracer.NativeSpan)
      assert.notInclude(JSON.stringify(span.events.map(([name, , attributes]) => [name, attributes])), token)
      assert.deepStrictEqual(span.attributes.get("list"), ["token.REDACTED", 7n])
      assert.include(JSON.stringify(span.attributes.get("circle")), "<redacted>")
    })))

  it.effect("takes a token out of failures, which tell the names of spans, and keeps their kind", () => {
    const recording = new Recording()
    const url = `/audio?token=${token}`
    const failing = (failure: Effect.Effect<never>) =>
      redactToken(request(url)).pipe(
        Effect.andThen(failure),
        Effect.withSpan(`application ${url}`),
        Effect.withSpan("GET", { kind: "server" }),
        Effect.exit
      )
    return Effect.gen(function*() {
      assert.include(
        String(
          Cause.prettyErrors(
            yield* Effect.flip(Effect.sandbox(Effect.interrupt.pipe(
              Effect.withSpan(`application ${url}`)
            )))
          )[0]?.stack
        ),
        token
      )
      yield* failing(Effect.interrupt)
      yield* failing(Effect.die(new TypeError(`nothing at ${url}`)))
      yield* failing(Effect.die(new Error("nothing")))
    }).pipe(
      recording.provide,
      Effect.map(() => {
        const spans = recording.spans.slice(1)
        assert.notInclude(everything({ ...recording, spans } as Recording), token)
        const causes = spans.map(({ exit }) => Exit.isFailure(exit) ? exit.cause : Cause.empty)
        assert.deepStrictEqual(causes.map(Cause.hasInterruptsOnly), [true, true, false, false, false, false])
        assert.deepStrictEqual(
          causes.slice(2).map((cause) =>
            Cause.prettyErrors(cause).map(({ message, name }) => `${name}: ${message}`)[0]
          ),
          [..."12"].map(() => "TypeError: nothing at /audio?token=REDACTED").concat(
            [..."12"].map(() => "Error: nothing")
          )
        )
      })
    )
  })
})
