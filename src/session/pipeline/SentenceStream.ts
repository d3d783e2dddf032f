/**
 * Splits an agent's text into the sentences that are spoken one after another.
 *
 * @since 0.1.0
 */
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import type { TextSettings } from "../../speech/TextSettings.ts"
import type { AgentText, AgentTextSettings } from "../../text/AgentText.ts"
import { SentenceSplitter } from "../../text/sentences/SentenceSplitter.ts"
import { TaggedPieces } from "../../text/tags/TaggedPieces.ts"
import { compose, type TextTransform } from "../../text/TextTransform.ts"
import type { PipelineContext } from "./Pipeline.ts"
import * as SentenceReader from "./SentenceReader.ts"

/**
 * Turns pieces of text of any size into sentences. A text that fails ends with the whole sentences that were written.
 *
 * @category models
 * @since 0.1.0
 */
export type SplitSentences = (
  text: Stream.Stream<string, BackendError>,
  reading: SentenceReader.Reading
) => Stream.Stream<string>

/** Makes pieces ready for a voice. */
const withTags = <E, R>(pieces: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  Stream.mapAccum(
    pieces,
    () => new TaggedPieces(),
    (state, piece) => [state, state.push(piece)],
    { onHalt: (state) => state.flush() }
  )

interface VoiceCapabilities {
  readonly language?: string | undefined
  readonly tags?: ReadonlyArray<string> | undefined
}

/** Sessions of one voice with the same settings share what is made of them. */
const settingsByVoice = new WeakMap<VoiceCapabilities, WeakMap<TextSettings, AgentTextSettings>>()

/**
 * The settings of the text of a session, for voices of these capabilities: their language where the session and the config
 * name none, and the tags that they understand.
 *
 * @category accessors
 * @since 0.1.0
 */
export const settingsOf = (
  { textSettings }: Pick<PipelineContext, "textSettings">,
  capabilities: VoiceCapabilities
): () => AgentTextSettings => {
  const made = settingsByVoice.get(capabilities) ?? new WeakMap<TextSettings, AgentTextSettings>()
  settingsByVoice.set(capabilities, made)
  return () => {
    const now = textSettings()
    const found = made.get(now)
    if (found !== undefined) return found
    const { language, tags = [] } = capabilities
    const settings = { ...now, language: now.language ?? language, keepTags: [...tags, ...now.keepTags ?? []] }
    made.set(now, settings)
    return settings
  }
}

/**
 * Makes a splitter that works while the text is written. `agentText` makes it speakable first (Markdown, tags, signs), then
 * these transforms are applied.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (agentText: AgentText, textTransforms: ReadonlyArray<TextTransform> = []): SplitSentences => {
  const transform = compose([agentText.transform, ...textTransforms])
  return (text, reading) =>
    withTags(SentenceReader.read(text, () => new SentenceSplitter(transform, agentText.language), reading))
}
