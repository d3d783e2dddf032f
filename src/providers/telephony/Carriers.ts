/**
 * The kinds of carriers that the library has.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Asterisk from "./asterisk/Asterisk.ts"
import { AsteriskConfig } from "./asterisk/AsteriskConfig.ts"
import * as AudioSocket from "./audiosocket/AudioSocketCarrier.ts"
import type { CarrierKind } from "./Call.ts"
import * as PlivoCarrier from "./plivo/PlivoCarrier.ts"
import { PlivoConfig } from "./plivo/PlivoConfig.ts"
import * as Stream from "./stream/StreamCarrier.ts"
import * as TelnyxCarrier from "./telnyx/TelnyxCarrier.ts"
import { TelnyxConfig } from "./telnyx/TelnyxConfig.ts"
import * as Twilio from "./twilio/TwilioCarrier.ts"
import { SignalWireConfig, TwilioConfig } from "./twilio/TwilioConfig.ts"
import * as VonageCarrier from "./vonage/VonageCarrier.ts"
import { VonageConfig } from "./vonage/VonageConfig.ts"

/**
 * One carrier of `provider_config.carriers`, by its `kind`.
 *
 * @category models
 * @since 0.1.0
 */
export const CarrierConfig = Schema.Union([
  Stream.StreamConfig,
  AsteriskConfig,
  AudioSocket.AudioSocketConfig,
  VonageConfig,
  TelnyxConfig,
  PlivoConfig,
  TwilioConfig,
  SignalWireConfig
])

/**
 * @category models
 * @since 0.1.0
 */
export type CarrierConfig = typeof CarrierConfig.Type

/**
 * Makes a carrier of the kind that its options name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCarrier: CarrierKind<CarrierConfig>["make"] = (options, host) => {
  switch (options.kind) {
    case "stream":
      return Stream.kind.make(options, host)
    case "asterisk":
      return Asterisk.kind.make(options, host)
    case "audiosocket":
      return AudioSocket.kind.make(options, host)
    case "vonage":
      return VonageCarrier.kind.make(options, host)
    case "telnyx":
      return TelnyxCarrier.kind.make(options, host)
    case "plivo":
      return PlivoCarrier.kind.make(options, host)
    case "twilio":
      return Twilio.twilio.make(options, host)
    case "signalwire":
      return Twilio.signalwire.make(options, host)
  }
}
