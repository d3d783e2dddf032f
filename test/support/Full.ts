/**
 * Whether `npm run verify:full` runs: the project `full` is among those that were asked for.
 *
 * CI runs one case of each kind; repeats, matrices and long counts belong to the full verification.
 */
export const isFull = process.env["VERIFY_FULL"] === "1"

/** All of them in the full verification, else the first `count`. */
export const some = <A>(all: ReadonlyArray<A>, count: number): ReadonlyArray<A> => isFull ? all : all.slice(0, count)

/** So many random runs in the full verification, and a quarter of them in CI. */
export const fewer = (runs: number): number => isFull ? runs : Math.ceil(runs / 4)
