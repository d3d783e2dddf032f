/**
 * The media streams that the library knows, by the name that `provider_config.carriers[].kind` has for them.
 *
 * @since 0.1.0
 */
import * as Exotel from "./media-streams/Exotel.ts"
import * as Plivo from "./media-streams/Plivo.ts"
import * as SignalWire from "./media-streams/SignalWire.ts"
import * as Telnyx from "./media-streams/Telnyx.ts"
import * as Twilio from "./media-streams/Twilio.ts"
import type { MediaProtocol } from "./MediaProtocol.ts"

const all: ReadonlyArray<MediaProtocol> = [
  Twilio.protocol,
  Telnyx.protocol,
  Plivo.protocol,
  SignalWire.protocol,
  Exotel.protocol
]

/**
 * Every protocol by its name.
 *
 * @category constants
 * @since 0.1.0
 */
export const mediaProtocols: ReadonlyMap<string, MediaProtocol> = new Map(all.map((each) => [each.name, each]))
