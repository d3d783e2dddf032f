/**
 * The contract as test suites: `suite` for providers, with one case for each row of the contract and each requirement behind
 * it; `stt`, `tts`, `s2s`, `vad`, `turnDetector`, `noiseSuppressor` and `sessionStore` for the parts of a backend, with one case
 * for each promise of their interface. Plain data and effects, for any test runner.
 *
 * A provider supplies a `Harness`: itself, and how a scripted user connects over its real transport. Engines, agents and
 * users come from the suite. Cases that need an unsupported capability are skipped with the reason; rows that are verified
 * elsewhere say where.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Case, type Result, result, runOf } from "./Case.ts"
import type { Capability, Harness } from "./Harness.ts"
import type { Row } from "./Row.ts"
import * as BackendRows from "./rows/BackendRows.ts"
import * as ConfigRows from "./rows/ConfigRows.ts"
import * as ErrorCodes from "./rows/ErrorCodes.ts"
import * as FunctionalRequirements from "./rows/FunctionalRequirements.ts"
import * as HookRows from "./rows/HookRows.ts"
import * as Promises from "./rows/Promises.ts"
import * as ProviderRows from "./rows/ProviderRows.ts"
import * as SessionConfigRows from "./rows/SessionConfigRows.ts"
import * as SessionRows from "./rows/SessionRows.ts"
import * as SuccessCriteria from "./rows/SuccessCriteria.ts"
import * as TestBackends from "./TestBackends.ts"

export { ConformanceError, type Failure } from "./Assertions.ts"
export type { Case, Result, RunOptions, Skipped } from "./Case.ts"
export { noiseSuppressor, type NoiseSuppressorHarness } from "./engines/NoiseSuppressorSuite.ts"
export { s2s, type SpeechToSpeechHarness } from "./engines/SpeechToSpeechSuite.ts"
export { type SpeechToTextHarness, stt } from "./engines/SpeechToTextSuite.ts"
export type { Spoken } from "./engines/TestAudio.ts"
export { type TextToSpeechHarness, tts } from "./engines/TextToSpeechSuite.ts"
export { turnDetector, type TurnDetectorHarness } from "./engines/TurnDetectorSuite.ts"
export { vad, type VoiceActivityHarness } from "./engines/VoiceActivitySuite.ts"
export type { Capability, ClientConnection, ConnectClient, Harness, Listener } from "./Harness.ts"
export { memoryClient, virtualTime } from "./InMemoryHarness.ts"
export type { PartHarness } from "./PartSuite.ts"
export { report, summary, table } from "./Report.ts"
export {
  type OwnerLeases,
  sessionStore,
  type SessionStoreHarness,
  type StoreDamage,
  type StoreUnderTest
} from "./stores/SessionStoreSuite.ts"

const rows: ReadonlyArray<Row> = [
  ...BackendRows.rows,
  ...ProviderRows.rows,
  ...SessionRows.rows,
  ...SessionConfigRows.rows,
  ...ConfigRows.rows,
  ...HookRows.rows,
  ...ErrorCodes.rows,
  ...FunctionalRequirements.rows,
  ...SuccessCriteria.rows,
  ...Promises.rows
]

const unsupportedReason = (harness: Harness, requires: ReadonlyArray<Capability>): string | undefined => {
  const { capabilities } = harness.provider
  const reasons = {
    ...(capabilities.s2s ? {} : { s2s: "the provider's capabilities exclude speech-to-speech sessions" }),
    ...(capabilities.multiUser ? {} : { multiUser: "the provider's capabilities allow one user at a time" }),
    ...harness.unsupported
  }
  return requires.map((capability) => reasons[capability]).find((reason) => reason !== undefined)
}

/**
 * Makes the cases for one provider, in the order of the contract.
 *
 * @category constructors
 * @since 0.1.0
 */
export const suite = (harness: Harness): ReadonlyArray<Case> => {
  const backends = TestBackends.make(harness)
  return rows.map((row): Case => {
    const { id, title } = row
    if (row._tag === "Elsewhere") return { id, title, elsewhere: row.reason, run: Effect.void }
    const skip = unsupportedReason(harness, row.requires)
    return skip === undefined
      ? { id, title, run: runOf(id, row.check(backends), harness) }
      : { id, title, skip, run: Effect.void }
  })
}

/**
 * Runs cases, or those of a provider, several at once (default: 8), and returns every result.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (
  of: Harness | ReadonlyArray<Case>,
  options: { readonly concurrency?: number | undefined; readonly only?: RegExp | undefined } = {}
): Effect.Effect<ReadonlyArray<Result>> =>
  Effect.forEach(
    (isCases(of) ? of : suite(of)).filter(({ id }) => options.only?.test(id) ?? true),
    result,
    { concurrency: options.concurrency ?? 8 }
  )

/** `Array.isArray` does not know lists that are only read. */
const isCases = (of: Harness | ReadonlyArray<Case>): of is ReadonlyArray<Case> => Array.isArray(of)
