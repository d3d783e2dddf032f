/**
 * The parts of a conversation by what they do, in the words of the documentation, for the lines that name them. Pure.
 *
 * @since 0.1.0
 */

const kinds: { readonly [kind: string]: string } = {
  stt: "speech-to-text",
  s2s: "speech-to-speech",
  turn: "turn detection",
  tts: "text-to-speech",
  vad: "voice activity detection",
  noise: "noise suppression",
  llm: "language model"
}

/**
 * Names an engine and those that step in for it: `"hibari (fallback: flite)"`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const withFallbacks = ([first = "", ...others]: ReadonlyArray<string>): string =>
  others.length === 0 ? first : `${first} (fallback: ${others.join(", ")})`

/**
 * Describes the parts of a backend in one line: `"speech-to-text: moonshine; turn detection: smart-turn; …; agent: builtin"`.
 * `engines` are those of `VoiceBackend.engines`. Without a turn detector, where words are recognised, silence ends a turn.
 *
 * @category formatting
 * @since 0.1.0
 */
export const inWords = (engines: { readonly [kind: string]: string }, agent: string | undefined): string => {
  const { stt } = engines
  const all: { readonly [kind: string]: string } = { ...(stt === undefined ? {} : { turn: "silence" }), ...engines }
  return [
    ...Object.entries(kinds).flatMap(([kind, what]) => {
      const names = all[kind]
      return names === undefined ? [] : [`${what}: ${withFallbacks(names.split(", "))}`]
    }),
    `agent: ${agent ?? "none"}`
  ].join("; ")
}
