/**
 * The manifest of a session's folder: whose data it is, who records it, and when each kind of it expires.
 *
 * While the session is recorded, it names the recording process and has no expiries: the retention periods begin with the
 * end. What an older version has written has expiries from its beginning on, and no `owner`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type { DataType } from "../hooks/DataRetentionHook.ts"
import type { Periods } from "../hooks/RetentionPolicy.ts"
import { orAbsent, replaceFile } from "./ArchiveFiles.ts"

/**
 * The file name of each kind of data.
 *
 * @category constants
 * @since 0.1.0
 */
export const FILE_NAMES: { readonly [Type in DataType]: string } = {
  audio: "recording.wav",
  transcript: "transcript.json",
  metadata: "metadata.json",
  events: "events.ndjson"
}

/**
 * The kinds of data.
 *
 * @category constants
 * @since 0.1.0
 */
export const types: ReadonlyArray<DataType> = ["audio", "transcript", "metadata", "events"]

/**
 * The file name of a manifest.
 *
 * @category constants
 * @since 0.1.0
 */
export const NAME = "manifest.json"

/**
 * - `keptSince`: Unix time in ms at which the recording began.
 * - `expiresAt`: when each kind of data expires, in Unix time in ms.
 * - `key`: a short hash of the secret that made `userHash`.
 * - `owner`: who records the session now; absent once the recording has ended.
 * - `seenAt`: when the owner was last heard of, by its wall clock.
 * - `periods`: how long each kind that is recorded, or was at last, is kept after the end, in ms.
 * - `gaps`: parts of the recording without audio, because it could not be written, in ms.
 * - `erased`: the data was erased while the session was recorded, and nothing more may be stored.
 *
 * @category models
 * @since 0.1.0
 */
export const Manifest = Schema.Struct({
  version: Schema.optionalKey(Schema.Literal(2)),
  session: Schema.String,
  userHash: Schema.String,
  key: Schema.optionalKey(Schema.String),
  keptSince: Schema.Finite,
  expiresAt: Schema.Record(Schema.String, Schema.Finite),
  owner: Schema.optionalKey(Schema.String),
  seenAt: Schema.optionalKey(Schema.Finite),
  periods: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
  gaps: Schema.optionalKey(Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite]))),
  erased: Schema.optionalKey(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Manifest = typeof Manifest.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Manifest))

/**
 * Reads the manifest of a folder; `undefined` when it is missing or damaged.
 *
 * @category operations
 * @since 0.1.0
 */
export const read = async (folder: string): Promise<Manifest | undefined> => {
  const text = await orAbsent(Fs.readFile(Path.join(folder, NAME), "utf8"), undefined)
  return text === undefined ? undefined : Option.getOrUndefined(decode(text))
}

/**
 * Replaces the manifest of a folder.
 *
 * @category operations
 * @since 0.1.0
 */
export const write = (folder: string, manifest: Manifest, writer: string): Promise<void> =>
  replaceFile(Path.join(folder, NAME), JSON.stringify(manifest), writer)

/**
 * Periods in ms.
 *
 * @category converters
 * @since 0.1.0
 */
export const toMillis = (periods: Periods): { readonly [type: string]: number } =>
  Object.fromEntries(types.flatMap((type) => {
    const period = periods[type]
    return period === undefined ? [] : [[type, Duration.toMillis(period)]]
  }))

/**
 * Ends a recording: its periods begin now, each that is given here in place of the one with which it was begun.
 *
 * @category transitions
 * @since 0.1.0
 */
export const finish = (
  manifest: Manifest,
  nowMs: number,
  given: { readonly [type: string]: number } = {}
): Manifest => {
  const { owner: _, seenAt: __, ...rest } = manifest
  const begun = Object.fromEntries(
    Object.entries(manifest.periods ?? {}).map(([type, period]) => [type, nowMs + (given[type] ?? period)])
  )
  return { ...rest, version: 2, expiresAt: { ...manifest.expiresAt, ...begun } }
}

/**
 * When a kind of data expires; of one that is being recorded, if the recording ended now. `undefined` when it is not kept.
 *
 * @category accessors
 * @since 0.1.0
 */
export const expiryOf = (manifest: Manifest, type: DataType, nowMs: number): number | undefined => {
  const period = manifest.owner === undefined ? undefined : manifest.periods?.[type]
  return period === undefined ? manifest.expiresAt[type] : nowMs + period
}
