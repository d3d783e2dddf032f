/**
 * Decodes a tar archive as it arrives, within limits: `Tar.decode` of Effect has none on what an archive unpacks to.
 *
 * It writes nothing, follows no link and interprets no path: its caller decides which entry goes where.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * The limits of an archive.
 *
 * - `maxEntries`: 10,000.
 * - `maxBytes`: of the whole unpacked archive. 512 MiB: the largest package in use has 160 MB, a bomb has a thousand times
 *   its own size.
 * - `maxHeaderBytes`: of what lies between two entries: extended headers, which the decoder keeps in memory, and padding.
 *   4 MiB.
 *
 * @category models
 * @since 0.1.0
 */
export interface TarLimits {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxHeaderBytes: number
}

/**
 * @category constants
 * @since 0.1.0
 */
export const defaultLimits: TarLimits = { maxEntries: 10_000, maxBytes: 2 ** 29, maxHeaderBytes: 2 ** 22 }

/**
 * An archive that is larger than its limits allow.
 *
 * @category errors
 * @since 0.1.0
 */
export class TarLimitExceeded extends Schema.TaggedError<TarLimitExceeded>()("TarLimitExceeded", {
  message: Schema.String
}) {}

const BLOCK = 512

/**
 * The entries of an archive. Read each body before the next entry is pulled, as with `Tar.decode`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = <E>(
  archive: Stream.Stream<Uint8Array, E>,
  { maxBytes, maxEntries, maxHeaderBytes }: TarLimits = defaultLimits
): Stream.Stream<Tar.Entry<Tar.TarError | TarLimitExceeded | E>, Tar.TarError | TarLimitExceeded | E> =>
  Stream.suspend(() => {
    let received = 0
    let entries = 0
    /** The sizes that the entries declare, together. */
    let declared = 0
    /** Where the newest entry ends in the archive. */
    let end = 0
    const fail = (message: string) => Effect.fail(new TarLimitExceeded({ message }))
    return archive.pipe(
      Stream.tap((chunk) => {
        received += chunk.length
        if (received > maxBytes) return fail(`unpacks to more than ${maxBytes} bytes`)
        return received - end > maxHeaderBytes + chunk.length
          ? fail(`has more than ${maxHeaderBytes} bytes of headers between two entries`)
          : Effect.void
      }),
      Stream.pipeThroughChannel(Tar.decode<E | TarLimitExceeded>()),
      Stream.tap(({ header }) => {
        end = Math.max(end, received) + Math.ceil(header.size / BLOCK) * BLOCK
        declared += header.size
        // refused by its header: waiting for the bytes would make a cut-off transfer of it, which is tried again
        if (declared > maxBytes) return fail(`unpacks to more than ${maxBytes} bytes`)
        return ++entries > maxEntries ? fail(`has more than ${maxEntries} entries`) : Effect.void
      })
    )
  })
