/**
 * What becomes of an agent's text before it is cut into sentences, by settings that may change while it is written. Pure.
 *
 * @since 0.1.0
 */
import { expandNumbers } from "./language/ExpandNumbers.ts"
import type { TextLanguage } from "./language/TextLanguage.ts"
import { encoded } from "./SpokenText.ts"
import * as SpeechTags from "./tags/SpeechTags.ts"
import { compose, type TextTransform, type Transformer } from "./TextTransform.ts"
import * as TextWords from "./TextWords.ts"

/**
 * - `language`: of the text, BCP 47; `undefined`: unknown.
 * - `keepTags`: the tags that one of the voices understands.
 * - `pronunciations`: words and phrases that the voice says in its own way. They are kept as they are written here.
 * - `off`: the text is not changed.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentTextSettings {
  readonly language?: string | undefined
  readonly keepTags?: ReadonlyArray<string> | undefined
  readonly pronunciations?: { readonly [written: string]: string } | undefined
  readonly off?: boolean | undefined
}

/**
 * - `transform`: its output holds encoded tags (`SpeechTags`).
 * - `language`: the tables of the text's language, now.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentText {
  readonly transform: TextTransform
  readonly language: () => TextLanguage | undefined
}

const unchanged = compose([])

/** An entry with signs, which would be said as words before the voice gets it. */
const hasSigns = /[^\p{L}\p{N}\s'’]/u

/** Follows a transform that may be replaced by another while a text is written. */
const following = (current: () => TextTransform): TextTransform => () => {
  let start = current()
  let transformer: Transformer = start()
  return {
    push: (text) => {
      const next = current()
      if (next === start) return transformer.push(text)
      const rest = transformer.flush()
      start = next
      transformer = start()
      return rest + transformer.push(text)
    },
    flush: () => transformer.flush()
  }
}

/** Has something of everything, so that what is derived and compiled for a language is there before its first reply. */
const SAMPLE = "A **b**, 5% of <i>20 °C</i> at x@y.com & 3–5 (so), e.g. *c* `d` [e](f).\n- g → h\n"

const warmed = TextWords.derived((context) => {
  const transformer = encoded(context)()
  transformer.push(SAMPLE)
  transformer.flush()
  if (context.language !== undefined) expandNumbers("on Oct 3, 2026 it cost €5.50", context.language)
})

/** How texts with these settings are made ready. */
interface Prepared {
  readonly context: TextWords.TextWords
  readonly transform: TextTransform
}

const preparedBySettings = new WeakMap<AgentTextSettings, Prepared>()

/** Sessions with the same settings share what is made of them. */
const preparedOf = (settings: AgentTextSettings): Prepared => {
  const found = preparedBySettings.get(settings)
  if (found !== undefined) return found
  const { keepTags = [], language, off = false, pronunciations = {} } = settings
  const context = TextWords.make(language)
  warmed(context)
  const kept = Object.keys(pronunciations).filter((written) => hasSigns.test(written))
  const transform = off ? unchanged : encoded(context, { tags: SpeechTags.tagSet(keepTags), kept })
  const prepared = { context, transform }
  preparedBySettings.set(settings, prepared)
  return prepared
}

/**
 * Derives what a language needs: the first use takes about a tenth of a second.
 *
 * @category constructors
 * @since 0.1.0
 */
export const warmUp = (language: string | undefined): void => warmed(TextWords.make(language))

/**
 * Prepares text by settings that are read as it comes; they are the same object until they change.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: () => AgentTextSettings): AgentText => {
  preparedOf(settings())
  return {
    transform: following(() => preparedOf(settings()).transform),
    language: () => preparedOf(settings()).context.language
  }
}
