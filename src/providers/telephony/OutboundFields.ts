/**
 * The options of carriers that make calls for us.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import type { Call } from "./Call.ts"

const MachineDetection = Schema.Literals(["off", "detect", "beep"])
type MachineDetection = typeof MachineDetection.Type

/**
 * - `from`: our number that calls are made with, where whoever makes one names none. Default: none.
 * - `ringTimeout`: how long a call rings, and a person to whom one is transferred. 30 s.
 * - `machineDetection`: the carrier's own: `off`; `detect`, a human or a machine; `beep`, which tells its beep, too. `off`.
 *
 * @category models
 * @since 0.1.0
 */
export const outboundFields = {
  from: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(64))),
  ringTimeout: boundedDuration("5 seconds", "2 minutes").pipe(withDefault("30s")),
  machineDetection: MachineDetection.pipe(withDefault("off" as const))
}

/**
 * Their names in a config file.
 *
 * @category constants
 * @since 0.1.0
 */
export const outboundKeys = { ringTimeout: "ring_timeout", machineDetection: "machine_detection" } as const

/**
 * The whole seconds of a duration, as carriers take them.
 *
 * @category conversions
 * @since 0.1.0
 */
export const secondsOf = (duration: Duration.Duration): number => Math.max(1, Math.round(Duration.toSeconds(duration)))

/**
 * Our number in a call: the one that was called, or that we called with.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ownNumber = ({ details }: Call): string | undefined =>
  details.direction === "inbound" ? details.to : details.from

/**
 * What a carrier cannot do, as an error.
 *
 * @category errors
 * @since 0.1.0
 */
export const unsupported = (op: string, message: string): InvalidConfig =>
  new InvalidConfig({ op, message, details: { reason: "unsupported" } })

/**
 * What of its own detection a carrier is asked for: what who makes the call says, else what the options say. A message is left after
 * the beep.
 *
 * @category accessors
 * @since 0.1.0
 */
export const machineDetectionOf = (
  { details: { dial } }: Pick<Call, "details">,
  configured: MachineDetection
): MachineDetection => {
  const machine = dial?.machine
  if (machine === undefined) return configured
  if (machine.detect !== "carrier") return "off"
  return machine.onMachine === "leave_message" || configured === "beep" ? "beep" : "detect"
}
