import { Effect } from "effect"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Server from "../../src/server/Server.ts"
import { Chance } from "./Chance.ts"
import { judge, request } from "./HttpInputs.ts"
import { create, exchange, portOf } from "./TestServer.ts"

const SEED = process.env["FUZZ_SEED"] ?? "effect-voice"
const AT_ONCE = 16

/** Sends mutated requests to a whole server; fails with the first wrong answer. */
export const http = Effect.fnUntraced(function*(inputs: number) {
  const { url } = yield* Server.VoiceServer
  const backend = yield* VoiceBackend
  const port = portOf(url)
  let session = yield* Effect.promise(() => create(url))
  const statuses = new Map<number, number>()
  let slowest = 0
  const replay = process.env["FUZZ_REPLAY"]
  if (replay?.startsWith("http:") === true) {
    const sent = Buffer.from(replay.slice("http:".length), "base64")
    const { closed, text } = yield* Effect.promise(() => exchange(port, sent))
    judge(sent, text, closed)
  }
  for (let first = 0; first < inputs; first += AT_ONCE) {
    yield* Effect.promise(() =>
      Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => {
        const index = first + i
        const sent = request(new Chance(`${SEED}/http/${index}`), session)
        const from = performance.now()
        const { closed, text } = await exchange(port, sent)
        const ms = performance.now() - from
        slowest = Math.max(slowest, ms)
        try {
          const status = judge(sent, text, closed)
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        } catch (cause) {
          throw new Error(
            `http failed at input ${index} (seed "${SEED}"): ${String(cause)}\nFUZZ_REPLAY=http:${
              Buffer.from(sent).toString("base64")
            }`,
            { cause }
          )
        }
      }))
    )
    // Close what was created; otherwise the remaining requests would only see a full server.
    if (first % (AT_ONCE * 8) === 0) {
      for (const { id } of yield* backend.listSessions) yield* Effect.ignore(backend.closeSession(id))
      session = yield* Effect.promise(() => create(url))
    }
  }
  return { slowest, statuses: Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)) }
})
