/**
 * The metadata of a dispatch as the metadata of a session. Pure.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Metadata } from "../../../session/SessionConfig.ts"

const decodeObject = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))
const decodeMetadata = Schema.decodeUnknownOption(Metadata)

/**
 * A JSON object gives the fields of the metadata; any other text is its field `livekit.metadata`. `undefined` for one that does
 * not fit: more than 16 KiB or 32 levels.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toSession = (
  text: string,
  livekit: { readonly [key: string]: Schema.Json }
): Metadata | undefined => {
  const fields = decodeObject(text)
  const metadata = Option.isSome(fields)
    ? { ...fields.value, livekit }
    : { livekit: text === "" ? livekit : { ...livekit, metadata: text } }
  return Option.getOrUndefined(decodeMetadata(metadata))
}
