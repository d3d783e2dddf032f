/**
 * No side at all: what the driver itself costs.
 *
 * @since 0.1.0
 */
import type { Peer } from "./Load.ts"

/** Sessions that ignore everything. */
export const connect = (): Promise<Peer> =>
  Promise.resolve({
    open: (sink) => Promise.resolve({ sink, push: () => {}, tick: () => {}, close: () => Promise.resolve() }),
    close: () => Promise.resolve()
  })
