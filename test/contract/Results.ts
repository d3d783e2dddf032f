import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"

/**
 * The promises, and what a user and an application see of a session. What depends on no provider (the codes of errors, hooks,
 * fields of configs, requirements) runs over `local` and `pipecat` in CI, and over every provider in the full verification.
 */
export const ofProvider = /^(?:P\d+$|VoiceBackend\.|VoiceSession\.|SessionConfig\.|BackendProvider\.|Provider\.)/u

/**
 * Makes a test of each case of the suite, named by its id and title. All cases run together before the first result is
 * looked at, because most of their time is spent waiting for speech.
 */
export const each = (
  harness: Conformance.Harness,
  options: {
    readonly concurrency: number
    readonly only?: RegExp
    /**
     * Runs cases that failed once more, alone: LiveKit drops media that a busy machine handles too late, and a bridge in a
     * process of its own passes audio on late there, so that the user has heard less than the server has played.
     */
    readonly again?: boolean
  }
): void => {
  const cases = Conformance.suite(harness).filter(({ id }) => options.only?.test(id) ?? true)
  let results: Promise<ReadonlyMap<string, Conformance.Result>> | undefined
  const retried = new Set<string>()
  const run = async () => {
    const together = await Effect.runPromise(Conformance.run(harness, options))
    const all: Array<Conformance.Result> = []
    for (const result of together) {
      if (result.result !== "failed" || options.again !== true) {
        all.push(result)
        continue
      }
      retried.add(result.id)
      process.stdout.write(`${harness.name}: running once more, alone: ${result.id}: ${result.detail}\n`)
      const only = new RegExp(`^${result.id.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&")}$`, "u")
      all.push(...await Effect.runPromise(Conformance.run(harness, { concurrency: 1, only })))
    }
    process.stdout.write(`${harness.name}: ${Conformance.summary(all)}\n`)
    if (process.env["CONFORMANCE_TABLE"] !== undefined) process.stdout.write(`${Conformance.table(all)}\n`)
    return new Map(all.map((result) => [result.id, result]))
  }
  it("has a name of its own for each test", () => {
    assert.strictEqual(new Set(cases.map(({ id }) => id)).size, cases.length)
  })
  for (const { id, elsewhere, title, skip } of cases) {
    const why = elsewhere ?? skip
    if (why !== undefined) {
      it.skip(`${id}: ${title} (${elsewhere === undefined ? "skipped" : "verified elsewhere"}: ${why})`, () => {})
    } else {
      it(`${id}: ${title}`, async ({ task }) => {
        results ??= run()
        const result = (await results).get(id)
        if (retried.has(id)) task.meta.retries = 1
        assert.strictEqual(result?.detail ?? result?.result, "passed")
      })
    }
  }
}
