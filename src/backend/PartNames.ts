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
  echo: "echo cancellation",
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

/**
 * What a backend has found of its application.
 *
 * @category models
 * @since 0.1.0
 */
export interface FoundParts {
  readonly provider: string
  readonly engines: { readonly [kind: string]: string }
  /** The default agent. */
  readonly agent: string | undefined
  /** How many agents sessions may name; `undefined` without a registry. */
  readonly agents: number | undefined
  /** How many processors change the user's audio. */
  readonly processors: number
  /** The name of the store; `undefined` without one. */
  readonly store: string | undefined
  readonly hasAuth: boolean
  readonly hasRateLimiter: boolean
  /** Where the limits of the config are counted; `undefined` if it has none. */
  readonly limits: string | undefined
  readonly hasRetentionHook: boolean
  /** The kinds of data that the config keeps. */
  readonly kept: ReadonlyArray<string>
  readonly hasArchive: boolean
}

const retentionOf = ({ hasArchive, hasRetentionHook, kept }: FoundParts): string => {
  const who = hasRetentionHook ? "hook" : kept.length === 0 ? "none" : kept.join(", ")
  return who === "none" || hasArchive ? who : `${who}, but no archive`
}

/**
 * Describes in one line what a backend has found: `"provider: local; speech-to-text: moonshine; …; agent: concierge; agents: 2;
 * store: postgres; auth: hook; rate limits: none; retention: none"`. There are only names in it.
 *
 * @category formatting
 * @since 0.1.0
 */
export const foundInWords = (found: FoundParts): string => {
  const { agent, agents, engines, hasAuth, hasRateLimiter, limits, processors, provider, store } = found
  const counted = [...(hasRateLimiter ? ["limiter"] : []), ...(limits === undefined ? [] : [limits])]
  return [
    `provider: ${provider}`,
    inWords(engines, agent),
    ...(agents === undefined ? [] : [`agents: ${agents}`]),
    ...(processors === 0 ? [] : [`audio processors: ${processors}`]),
    `store: ${store ?? "memory"}`,
    `auth: ${hasAuth ? "hook" : "none"}`,
    `rate limits: ${counted.length === 0 ? "none" : counted.join(", ")}`,
    `retention: ${retentionOf(found)}`
  ].join("; ")
}
