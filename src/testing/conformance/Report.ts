/**
 * The results of a suite as text, for people. Pure.
 *
 * @since 0.1.0
 */
import type { Result } from "./Case.ts"

/** Where the promises of a kind of part stand, in this package. */
const contracts: { readonly [kind: string]: string } = {
  stt: "src/speech/SpeechToText.ts",
  tts: "src/speech/TextToSpeech.ts",
  s2s: "src/speech/SpeechToSpeech.ts",
  vad: "src/speech/VoiceActivityDetector.ts",
  turn: "src/speech/TurnDetector.ts",
  noise: "src/speech/NoiseSuppressor.ts",
  store: "src/session/persistence/SessionStore.ts"
}

const contractOf = (id: string): string => {
  const file = contracts[id.split(".")[0] ?? ""]
  return file === undefined ? "" : `\n    contract: ${file}`
}

/**
 * Formats the totals: `conformance: 150 passed, 0 failed, 12 verified elsewhere`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const summary = (results: ReadonlyArray<Result>): string => {
  const count = (result: Result["result"]) => results.filter((each) => each.result === result).length
  const skipped = count("skipped")
  return `conformance: ${count("passed")} passed, ${count("failed")} failed, ${count("elsewhere")} verified elsewhere` +
    (skipped === 0 ? "" : `, ${skipped} skipped`)
}

/**
 * Formats the results as a Markdown table: id, title, result.
 *
 * @category conversions
 * @since 0.1.0
 */
export const table = (results: ReadonlyArray<Result>): string =>
  ["| id | title | result |", "|---|---|---|"].concat(
    results.map(({ detail, id, result, title }) =>
      `| ${id} | ${title} | ${result}${detail === undefined ? "" : `: ${detail.replaceAll("|", "\\|")}`} |`
    )
  ).join("\n")

/**
 * Formats what is to be looked at: the totals, then each failure with what it promises, what was found, and the file of this
 * package that has the contract, then what was skipped or is verified elsewhere, with the reason.
 *
 * @category conversions
 * @since 0.1.0
 */
export const report = (results: ReadonlyArray<Result>): string => {
  const of = (kind: Result["result"]) => results.filter(({ result }) => result === kind)
  return [
    summary(results),
    ...of("failed").map(({ detail, id, title }) =>
      `  failed ${id}: it ${title}\n    ${(detail ?? "").replaceAll("\n", "\n    ")}${contractOf(id)}`
    ),
    ...of("skipped").map(({ detail, id }) => `  skipped ${id}: ${detail}`),
    ...of("elsewhere").map(({ detail, id }) => `  verified elsewhere ${id}: ${detail}`)
  ].join("\n")
}
