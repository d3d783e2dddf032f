/**
 * The kinds of carriers that the library has.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Asterisk from "./asterisk/Asterisk.ts"
import { AsteriskConfig } from "./asterisk/AsteriskConfig.ts"
import * as AudioSocket from "./audiosocket/AudioSocketCarrier.ts"
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
 * @category constants
 * @since 0.1.0
 */
export const kinds = {
  stream: Stream.kind,
  asterisk: Asterisk.kind,
  audiosocket: AudioSocket.kind,
  vonage: VonageCarrier.kind,
  telnyx: TelnyxCarrier.kind,
  plivo: PlivoCarrier.kind,
  twilio: Twilio.twilio,
  signalwire: Twilio.signalwire
}
