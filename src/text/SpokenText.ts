/**
 * Converts an agent's text into text that can be spoken.
 *
 * The text goes through `spoken`, then through the application's own transforms, then to `SentenceTokenizer`. Pure and
 * incremental.
 *
 * @since 0.1.0
 */
import type { SpokenWords } from "./language/TextLanguage.ts"
import { markdown } from "./markdown/SpokenMarkdown.ts"
import { plainOf, withPlainTextPath } from "./PlainTextPath.ts"
import { symbols } from "./signs/SpokenSymbols.ts"
import { tidy, withoutEmoji } from "./SpokenCleanup.ts"
import * as SpeechTags from "./tags/SpeechTags.ts"
import { compose, fromReader, replace, type TextTransform } from "./TextTransform.ts"
import * as TextWords from "./TextWords.ts"
import { withoutThoughts } from "./thoughts/ThoughtFilter.ts"

/**
 * - `language`: BCP 47; its words stand for signs, addresses and abbreviations. Of a language without tables only the layout
 *   changes: Markdown, code and emoji. `en`.
 * - `words`: words for signs that replace the language's.
 * - `code`: what is spoken for a fenced code block; `""` for nothing. Default: the language's "(code omitted)".
 * - `keepTags`: tags that are left in the text: names of elements (`break`), cues in brackets (`[laughs]`), `*` for any
 *   element, `[*]` for any cue. All other tags are removed whole. Default: none.
 * - `pronunciations`: how words and phrases are said; upper and lower case are the same, the longest entry wins. Not inside
 *   tags. Default: none.
 * - `off`: the text is not changed at all. false.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpokenOptions {
  readonly language?: string | undefined
  readonly words?: Partial<SpokenWords> | undefined
  readonly code?: string | undefined
  readonly keepTags?: ReadonlyArray<string> | undefined
  readonly pronunciations?: { readonly [written: string]: string } | undefined
  readonly off?: boolean | undefined
}

const unchanged: TextTransform = compose([])

/** Abbreviations that the fast path would take for plain words. */
const plainWords = TextWords.derived(({ language }) =>
  plainOf(
    (language?.expansions ?? []).flatMap(([written]) => /^\p{L}+\.?(?=$|\s)/u.exec(written)?.[0] ?? []),
    (language?.numbered ?? []).map(([written]) => written)
  )
)

/** Replaces words and phrases before their signs are converted; what replaces them is not converted again. */
const pronounce = (entries: { readonly [written: string]: string }): ReadonlyArray<TextTransform> =>
  Object.keys(entries).length === 0
    ? []
    : [replace(entries, { caseSensitive: false, as: (said) => SpeechTags.encode(said) })]

/** Leaves phrases as they are written. */
const keep = (phrases: ReadonlyArray<string>): ReadonlyArray<TextTransform> =>
  phrases.length === 0 ? [] : [
    replace(Object.fromEntries(phrases.map((phrase) => [phrase, ""])), {
      caseSensitive: false,
      as: (_, written) => SpeechTags.encode(written)
    })
  ]

/**
 * Makes the transform for the output of language models. It leaves tags that are kept encoded, for `SpeechTags.decode` at the
 * end of a sentence. `phrases` are said in their own way; those of `kept` stay as they are written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const encoded = (
  context: TextWords.TextWords,
  options: {
    readonly code?: string | undefined
    readonly tags?: SpeechTags.TagSet | undefined
    readonly phrases?: { readonly [written: string]: string } | undefined
    readonly kept?: ReadonlyArray<string> | undefined
    readonly fast?: boolean | undefined
  } = {}
): TextTransform => {
  const { code, fast = true, kept = [], phrases = {}, tags = SpeechTags.noTags } = options
  const full = compose([
    markdown({ code, words: context.words, tags }),
    withoutEmoji,
    ...pronounce(phrases),
    ...keep(kept),
    symbols(context),
    tidy
  ])
  return fast ? withPlainTextPath(full, plainWords(context)) : full
}

/** Decodes what is encoded, while the text is streamed. */
const decoded: TextTransform = fromReader(() => ({
  step: (text, at, final, emit) => {
    const end = !final && /[\uD800-\uDBFF]/u.test(text.charAt(text.length - 1)) ? text.length - 1 : text.length
    emit(SpeechTags.decode(text.slice(at, end)))
    return end
  }
}))

/**
 * Makes the transform for the output of language models: thoughts, Markdown, formulas, tags, emoji, signs, addresses. It holds back one word, and
 * at most 200 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spoken = (options: SpokenOptions = {}): TextTransform => make(options, true)

/**
 * Makes the same transform without the fast path for plain text; its output is equal to that of `spoken`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spokenByFullPath = (options: SpokenOptions = {}): TextTransform => make(options, false)

const make = (options: SpokenOptions, fast: boolean): TextTransform => {
  const { code, keepTags = [], language = "en", off = false, pronunciations = {}, words } = options
  if (off) return unchanged
  const hasEntries = Object.keys(pronunciations).length > 0
  const transform = encoded(TextWords.make(language, words), {
    code,
    tags: SpeechTags.tagSet(keepTags),
    phrases: pronunciations,
    // a plain word may be an entry
    fast: fast && !hasEntries
  })
  return compose([withoutThoughts, transform, ...keepTags.length === 0 && !hasEntries ? [] : [decoded]])
}

/**
 * Applies a transform to a whole text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const transform = (transform: TextTransform, text: string): string => {
  const transformer = transform()
  return transformer.push(text) + transformer.flush()
}
