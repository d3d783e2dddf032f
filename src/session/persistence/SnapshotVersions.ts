/**
 * The versions of a stored snapshot's head, and how one of a former version is brought to the present one. Pure.
 *
 * A field that an older process may pass over (an optional one) needs no new version. Any other change does, with a migration
 * here, and a snapshot of the former version in `test/fixtures/snapshots`.
 *
 * @since 0.1.0
 */
import * as Json from "../../schema/Json.ts"

type Head = Record<string, unknown>

/** Before version 2, an utterance in the queue could be `{ text, uninterruptible }`, and the head had no count of items. */
const fromVersion1 = (head: Head): Head => {
  const standing = head["standing"]
  if (!Json.isRecord(standing) || !Array.isArray(standing["queue"])) return head
  const queue = standing["queue"].map((entry: unknown) =>
    Json.isRecord(entry) && "text" in entry && !("say" in entry)
      ? { say: entry["text"], optional: false, uninterruptible: entry["uninterruptible"] === true }
      : entry
  )
  return { ...head, standing: { ...standing, queue } }
}

/** The migration at index n brings a head from version n + 1 to n + 2. */
const migrations: ReadonlyArray<(head: Head) => Head> = [fromVersion1]

/**
 * The version that is written.
 *
 * @category constants
 * @since 0.1.0
 */
export const VERSION = migrations.length + 1

/**
 * A head of the present version, or why there is none: `newer` when another release wrote it, with its version.
 *
 * @category models
 * @since 0.1.0
 */
export type Migrated =
  | { readonly _tag: "Head"; readonly head: Head }
  | { readonly _tag: "Newer"; readonly version: number }
  | { readonly _tag: "Unreadable"; readonly why: string }

const unreadable = (why: string): Migrated => ({ _tag: "Unreadable", why })

/**
 * Reads the JSON of a head of any version.
 *
 * @category conversions
 * @since 0.1.0
 */
export const migrate = (text: string): Migrated => {
  if (text === "") return unreadable("the head is missing")
  const head = Json.parseRecord(text)
  if (head === undefined) return unreadable("the head is not a JSON object")
  const version = head["version"]
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1) {
    return unreadable("the head has no valid version")
  }
  if (version > VERSION) return { _tag: "Newer", version }
  const migrated = migrations.slice(version - 1).reduce<Head>((former, step) => step(former), head)
  return { _tag: "Head", head: { ...migrated, version: VERSION } }
}
