/**
 * The ids of sessions: `ses_<random>`, or `ses_<cell>_<random>` in a cell of a larger service.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/**
 * Makes a new id, with 82 random bits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (cell: string | undefined): Effect.Effect<string> =>
  Effect.map(
    Effect.all([Random.nextIntBetween(0, 36 ** 8), Random.nextIntBetween(0, 36 ** 8)]),
    (parts) =>
      `ses_${cell === undefined ? "" : `${cell}_`}${parts.map((part) => part.toString(36).padStart(8, "0")).join("")}`
  )

/**
 * The id that belongs to something of the platform's, from a secret digest of it that has at least 16 bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (cell: string | undefined, digest: Uint8Array): string => {
  let number = 0n
  for (const byte of digest.subarray(0, 16)) number = number << 8n | BigInt(byte)
  const text = number.toString(36).padStart(16, "0").slice(-16)
  return `ses_${cell === undefined ? "" : `${cell}_`}${text}`
}

const withCell = /^ses_([a-z0-9-]{1,32})_[a-z0-9]{16}$/

/**
 * The cell that an id names; `undefined` for an id without one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const cellOf = (id: string): string | undefined => withCell.exec(id)?.[1]
