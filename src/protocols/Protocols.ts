/**
 * The media streams over WebSocket that the library knows, by the name that `server.protocols` has for them.
 *
 * @since 0.1.0
 */
import * as Asterisk from "./asterisk/AsteriskProtocol.ts"
import * as Exotel from "./media-streams/Exotel.ts"
import * as Plivo from "./media-streams/Plivo.ts"
import * as SignalWire from "./media-streams/SignalWire.ts"
import * as Telnyx from "./media-streams/Telnyx.ts"
import * as Twilio from "./media-streams/Twilio.ts"
import type { MediaProtocol } from "./MediaProtocol.ts"
import * as Vonage from "./vonage/VonageProtocol.ts"

const all: ReadonlyArray<MediaProtocol> = [
  Twilio.protocol,
  Telnyx.protocol,
  Plivo.protocol,
  SignalWire.protocol,
  Exotel.protocol,
  Vonage.protocol,
  Asterisk.protocol
]

/**
 * Every protocol by its name.
 *
 * @category constants
 * @since 0.1.0
 */
export const mediaProtocols: ReadonlyMap<string, MediaProtocol> = new Map(all.map((each) => [each.name, each]))
