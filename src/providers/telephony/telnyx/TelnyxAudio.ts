/**
 * The audio of an application's media streams.
 *
 * @since 0.1.0
 */
import * as MediaStream from "../../../protocols/media-streams/MediaStream.ts"
import { dialect } from "../../../protocols/media-streams/Telnyx.ts"
import type { MediaProtocol } from "../../../protocols/MediaProtocol.ts"
import type { StreamOptions } from "./Rest.ts"
import type { TelnyxConfig } from "./TelnyxConfig.ts"

const codecs = { l16: "L16", pcmu: "PCMU", pcma: "PCMA" } as const
const encodings = { l16: "l16", pcmu: "mulaw", pcma: "alaw" } as const

/**
 * As the interface is asked for it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const formatOf = (
  { codec, sampleRate }: Pick<TelnyxConfig, "codec" | "sampleRate">
): Pick<StreamOptions, "codec" | "sampleRate"> => ({
  codec: codecs[codec],
  sampleRate: codec === "l16" ? sampleRate : 8_000
})

/**
 * The messages of its streams.
 *
 * @category accessors
 * @since 0.1.0
 */
export const protocolOf = ({ byteOrder, codec, sampleRate }: TelnyxConfig): MediaProtocol => {
  const littleEndian = byteOrder === "little_endian"
  return MediaStream.make({ ...dialect, littleEndian }, {
    output: { encoding: encodings[codec], sampleRate: codec === "l16" ? sampleRate : 8_000, littleEndian }
  })
}
