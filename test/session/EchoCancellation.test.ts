import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { type BackendError, PipelineError } from "../../src/BackendError.ts"
import { EchoCanceller, FRAME } from "../../src/speech/EchoCanceller.ts"
import { call, layer, running, type Setup } from "./Harness.ts"

/** A canceller that leaves nothing of the user's audio while something is played, or breaks, and counts its streams. */
const scripted = (options: { readonly open?: BackendError; readonly breaks?: () => boolean } = {}) => {
  const seen = { opened: 0, closed: 0, played: 0, frames: 0 }
  const canceller = Layer.succeed(EchoCanceller, {
    name: "scripted",
    open: Effect.acquireRelease(
      Effect.suspend(() => {
        seen.opened++
        return options.open === undefined ? Effect.void : Effect.fail(options.open)
      }),
      () => Effect.sync(() => seen.closed++)
    ).pipe(Effect.as({
      played: (pcm: Int16Array) => {
        assert.strictEqual(pcm.length, FRAME)
        if (pcm.some((sample) => sample !== 0)) seen.played++
      },
      heard: (pcm: Int16Array) => {
        seen.frames++
        if (options.breaks?.() === true) throw new Error("no more of this")
        pcm.fill(0)
      }
    }))
  })
  return { seen, canceller }
}

/** The agent repeats what was said: 30 ms a character. */
const setup: Setup = { policy: { echoGuard: false } }

const logged = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${message}`))]) }
}

describe("echo cancellation of a session", () => {
  it.effect("keeps the agent's own voice from interrupting it", () =>
    Effect.forEach([true, false], (isUsed) => {
      const { canceller, seen } = scripted()
      const cancelled = layer(setup).pipe(Layer.provide(canceller))
      return running(
        isUsed ? cancelled : layer(setup),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(1_000)
          yield* user.hears(500)
          // the loudspeaker gives back what is played
          yield* user.speaks(600)
          yield* user.hears(3_000)
          const interrupted = user.connection.types.includes("agent.speech_paused")
          assert.strictEqual(interrupted, !isUsed)
          if (!isUsed) return
          assert.isAbove(seen.played, 20)
          assert.strictEqual(seen.opened, 1)
          assert.strictEqual(seen.closed, 0)
          const backend = yield* VoiceBackend
          yield* backend.closeSession(user.session.id)
          assert.strictEqual(seen.closed, 1)
          assert.strictEqual((yield* backend.healthCheck).status, "healthy")
        })
      )
    }))

  it.effect("costs only itself when it breaks: one line in the log, an incident, health that is degraded for a minute", () => {
    const { canceller, seen } = scripted({ breaks: () => true })
    const { layer: logger, lines } = logged()
    return running(
      layer(setup).pipe(Layer.provide(canceller)),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(4_000)
        yield* user.speaks(1_000)
        yield* user.hears(4_000)
        assert.deepStrictEqual((yield* user.said).filter((line) => line.startsWith("agent")), [
          "agent: You said one.",
          "agent: You said two."
        ])
        const incidents = user.connection.of("processor.incident")
        assert.strictEqual(incidents[0]?.name, "scripted")
        assert.strictEqual(incidents[0]?.what, "failed")
        assert.strictEqual(incidents[0]?.code, "pipeline_error")
        assert.strictEqual(lines.filter((line) => line.includes("echo canceller scripted")).length, 1, lines.join("\n"))
        assert.isBelow(seen.frames, 10)
        const backend = yield* VoiceBackend
        const { parts, status } = yield* backend.healthCheck
        assert.strictEqual(status, "degraded")
        assert.include(parts.find((part) => part.status !== "healthy")?.cause ?? "", "scripted")
        yield* user.hears(61_000)
        assert.strictEqual((yield* backend.healthCheck).status, "healthy")
      })
    ).pipe(Effect.provide(logger))
  })

  it.effect("is left out of a session in which it cannot be opened", () => {
    const error = new PipelineError({ op: "test", message: "no memory for a canceller", retryable: true })
    const { canceller } = scripted({ open: error })
    return running(
      layer(setup).pipe(Layer.provide(canceller)),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(4_000)
        assert.include(yield* user.said, "agent: You said one.")
        const incidents = user.connection.of("processor.incident")
        assert.deepStrictEqual(incidents.map(({ code, name, what }) => ({ code, name, what })), [
          { code: "pipeline_error", name: "scripted", what: "bypassed" }
        ])
      })
    )
  })

  it.effect("needs a canceller that a program provides, and does not use one that its config does not want", () =>
    Effect.gen(function*() {
      const wanted = { config: { echoCancellation: true } }
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer(wanted))))
      assert.strictEqual(error.code, "invalid_config")
      assert.include(error.message, "echo_cancellation")
      const { canceller, seen } = scripted()
      for (const [echoCancellation, opened] of [[true, 1], [false, 0]] as const) {
        seen.opened = 0
        yield* running(
          layer({ config: { echoCancellation } }).pipe(Layer.provide(canceller)),
          Effect.andThen(call(), () => Effect.sync(() => assert.strictEqual(seen.opened, opened)))
        )
      }
    }))
})
