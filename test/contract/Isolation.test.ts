import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as SpokenAudio from "../../src/testing/scenario/SpokenAudio.ts"
import * as VirtualTime from "../../src/testing/scenario/VirtualTime.ts"
import * as Sessions from "./Sessions.ts"

const SESSIONS = 200
const echo = Agent.fromCallback((text, { userId }) => Effect.succeed(`You said ${text} as ${userId}.`))

/** A different level for each session, below the samples of encoded text. */
const levelOf = (i: number) => 2_000 + i * 10

describe("200 sessions at once (P9)", () => {
  it(
    "give no sample, word or event of one to another",
    () =>
      Effect.runPromise(VirtualTime.provide("isolation", (time) =>
        Effect.scoped(Effect.gen(function*() {
          const backend = yield* Sessions.backend(echo)
          const users = yield* Effect.forEach(
            Array.from({ length: SESSIONS }, (_, i) => i),
            (i) => Sessions.call(backend, `user${i}`, `number ${i}`)
          )
          const pass = Effect.fnUntraced(function*(ms: number) {
            for (let at = 0; at < ms; at += 20) {
              for (const { hear } of users) hear()
              yield* time.tick
            }
          })
          // all users speak and are answered at the same time
          yield* pass(3_500)
          yield* Effect.forEach(
            users,
            ({ session }, i) => session.sendAudio(Pcm.fromInt16(new Int16Array(4_800).fill(levelOf(i))))
          )
          yield* pass(1_000)

          for (const [i, { events, frames, session }] of users.entries()) {
            const answer = `You said number ${i} as user${i}.`
            const history = yield* session.history
            assert.deepStrictEqual(
              history.map(({ text }) => text).slice(0, 2),
              [`number ${i}`, answer]
            )
            assert.deepStrictEqual(yield* session.metadata, { userId: `user${i}` })
            const spelt = SpokenAudio.encode(answer, { sampleRate: 24_000, msPerCharacter: 40 })
            const samples = frames.flatMap((frame) => [...frame])
            const tone = samples.filter((sample) => sample === levelOf(i)).length
            assert.strictEqual(tone, 4_800, `user${i} gets all of their own tone`)
            // every sample belongs to their own answer, their own tone, or silence
            const own = new Set([0, levelOf(i), ...spelt])
            assert.strictEqual(samples.find((sample) => !own.has(sample)), undefined, `user${i} gets nothing else`)
            assert.deepStrictEqual(samples.slice(0, spelt.length), [...spelt])
            const said = events.flatMap((event) => "text" in event ? [event.text] : [])
            assert.isTrue(said.length > 0 && said.every((text) => `number ${i} ${answer}`.includes(text)))
          }
          assert.strictEqual(new Set(users.map(({ session }) => session.id)).size, SESSIONS)
          for (const { link } of users) link.message({ type: "session.end" })
          yield* pass(200)
          assert.strictEqual(yield* backend.activeSessionCount, 0)
        }))))
  )
})
