/**
 * Reads the snapshots of sessions that are taken over, and logs what is wrong with them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import * as SessionSnapshot from "../../session/persistence/SessionSnapshot.ts"
import type { SnapshotDamage, StoredSession } from "../../session/persistence/SessionStore.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { LeaseTable } from "./LeaseTable.ts"

/** Whether a session cannot be resumed here, however often it is tried. */
const isFinal = ({ code }: BackendError): boolean => code === "pipeline_error" || code === "invalid_config"

const whyOf = (error: BackendError): string =>
  [error, ...(error.cause === undefined ? [] : [error.cause])].map(ThrownValue.textOf).join(": ")

const describeDamage = ({ missing, surplus }: SnapshotDamage): string =>
  [
    ...(missing > 0 ? [`${missing} of its history items ${missing === 1 ? "is" : "are"} missing`] : []),
    ...(surplus > 0
      ? [
        `${surplus} ${surplus === 1 ? "item that does" : "items that do"} not belong to it ${
          surplus === 1 ? "was" : "were"
        } left out`
      ]
      : [])
  ].join(", ")

/**
 * - `read`: decodes a snapshot; a damaged one is logged and gives what is left.
 * - `refused`: logs, once for each session, why it cannot be resumed in this process, unless a retry may help.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (table: LeaseTable) => {
  const refused = (id: string, error: BackendError) =>
    // a caller who tries again and again makes one line
    isFinal(error) && table.noteRefused(id)
      ? Effect.annotateLogs(
        Effect.logWarning("a stored session cannot be resumed here", whyOf(error)),
        { session: id, code: error.code }
      )
      : Effect.void

  const read = Effect.fnUntraced(function*(id: string, stored: StoredSession, damage: SnapshotDamage | undefined) {
    const restored = yield* SessionSnapshot.decode(stored)
    const worst = damage ?? restored.damage
    if (worst !== undefined) {
      yield* Effect.annotateLogs(Effect.logWarning("session snapshot is damaged", describeDamage(worst)), {
        session: id
      })
    }
    return restored
  })

  return { read, refused }
}
