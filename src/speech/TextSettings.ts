/**
 * How text is prepared for the voice: its language, the tags that are kept, and pronunciations. A backend's config has them
 * (`text`), and a session may bring its own.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { encodeKeys } from "../schema/EncodedKeys.ts"

/**
 * A language tag of BCP 47 (RFC 5646), such as `en`, `en-GB` or `zh-Hant-TW`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Language = Schema.String.check(
  Schema.isPattern(/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*$/u, {
    expected: "a language tag (BCP 47), such as en or en-GB"
  }),
  Schema.isMaxLength(35)
)

/** The most pronunciations, and the most tags that are kept. */
const MAX_PRONUNCIATIONS = 500
const MAX_TAGS = 50

const Tag = Schema.String.check(
  Schema.isPattern(/^(?:<?[A-Za-z][A-Za-z0-9:_-]{0,30}>?|\[[^[\]<>\n]{1,40}\]|\*)$/u, {
    expected: "the name of a tag, such as break, or a cue in brackets, such as [laughs] or [*]"
  })
)

const Pronunciations = Schema.Record(Schema.String, Schema.String.check(Schema.isMaxLength(256))).check(
  Schema.makeFilter((entries) => {
    const written = Object.keys(entries)
    if (written.length > MAX_PRONUNCIATIONS) return `expected at most ${MAX_PRONUNCIATIONS} entries`
    return written.every((word) => word.trim() !== "" && word.length <= 128) ||
      "expected words or phrases of 1 to 128 characters"
  })
)

/**
 * How text is prepared for the voice.
 *
 * - `language`: the language of the text, BCP 47: whose words stand for signs, and whose abbreviations do not end a
 *   sentence. There are tables for English, German, French, Spanish, Italian, Portuguese and Dutch; of a text in any other
 *   language only the layout changes (Markdown, code, emoji). Default: the voice's.
 * - `keepTags`: tags that are sent to the voice, besides those that it is known to understand: the name of an element
 *   (`break`), a cue in brackets (`[laughs]`), any element (`*`), any cue (`[*]`). At most 50.
 * - `pronunciations`: how words and phrases are said: `{ SQL: "sequel" }`. Upper and lower case are the same, the longest
 *   entry wins. Only the voice gets them: transcript and history keep what was written. At most 500, of 128 characters.
 * - `off`: the text goes to the voice exactly as the agent wrote it. false.
 *
 * @category models
 * @since 0.1.0
 */
export const TextSettings = Schema.Struct({
  language: Schema.optionalKey(Language),
  keepTags: Schema.optionalKey(Schema.Array(Tag).check(Schema.isMaxLength(MAX_TAGS))),
  pronunciations: Schema.optionalKey(Pronunciations),
  off: Schema.optionalKey(Schema.Boolean)
}).pipe(encodeKeys({ keepTags: "keep_tags" }))

/**
 * @category models
 * @since 0.1.0
 */
export type TextSettings = typeof TextSettings.Type

/**
 * A session's settings over the backend's: tags and pronunciations are added, of everything else the session's own holds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (backend: TextSettings, session: TextSettings): TextSettings =>
  // the same object for most sessions: what is derived from it is shared
  Object.keys(session).length === 0 ? backend : {
    ...backend,
    ...session,
    keepTags: [...backend.keepTags ?? [], ...session.keepTags ?? []],
    pronunciations: { ...backend.pronunciations, ...session.pronunciations }
  }
