/**
 * Tells what happens to what works on the user's audio: to the log, and to the session.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as ThrownValue from "../../ThrownValue.ts"
import type { ProcessorIncident } from "./ProcessorHealth.ts"

/**
 * Logs each incident, and passes it on. `kind`: what it happens to, such as `audio processor`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reporter = (
  kind: string,
  run: (effect: Effect.Effect<void>) => void,
  onIncident: (incident: ProcessorIncident) => void
) => {
  const loggedFailures = new Set<string>()
  return (incident: ProcessorIncident): void => {
    const { error, name, what } = incident
    // the event has only the code: the log has the whole error, and the same failure again only for its author
    if (error !== undefined) {
      const log = loggedFailures.has(name) && what === "failed" ? Effect.logDebug : Effect.logWarning
      loggedFailures.add(name)
      run(
        Effect.annotateLogs(log(`${kind} ${name} ${what}`, ThrownValue.loggable(Cause.fail(error))), {
          processor: name
        })
      )
    }
    onIncident(incident)
  }
}
