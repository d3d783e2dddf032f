/**
 * What an owner has in Redis as a whole: the list of its sessions, and the sweep of what other owners have left. Nothing here is
 * on the way of a renewal; long lists are gone through in parts, between which the server serves others.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import type { OwnedSession } from "../session/persistence/SessionStore.ts"
import type { scripts } from "./RedisScripts.ts"
import * as StoreOwner from "./StoreOwner.ts"
import * as SweepRule from "./SweepRule.ts"

/** Sessions that one script goes through: about 0.5 ms of the server. */
const PART = 250

/**
 * @category models
 * @since 0.1.0
 */
export interface RedisOwnersOptions {
  readonly owner: string
  readonly prefix: string
  /** Sends a command, by its words. */
  readonly command: (op: string, ...words: ReadonlyArray<string>) => Effect.Effect<unknown, BackendError>
  /** Runs a script that is about no single session. */
  readonly run: (
    op: string,
    name: keyof typeof scripts,
    ...args: ReadonlyArray<string | number>
  ) => Effect.Effect<ReadonlyArray<string>, BackendError>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RedisOwners {
  readonly listOwned: Effect.Effect<ReadonlyArray<OwnedSession>, BackendError>
  readonly releaseAll: Effect.Effect<void, BackendError>
  readonly sweep: Effect.Effect<number, BackendError>
}

/** Divides what follows one another into equal parts; an incomplete one is left out. */
const parts = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.floor(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))

interface Candidate extends SweepRule.SweepCandidate {
  readonly id: string
  readonly storedOwner: string
  readonly fence: string
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ command, owner, prefix, run }: RedisOwnersOptions): RedisOwners => {
  const sessionsOf = (op: string, owner: string) =>
    Effect.map(
      command(op, "SMEMBERS", `${prefix}o:${owner}`),
      (answer) => Array.isArray(answer) ? answer.map(String) : []
    )
  /** Goes through a list, part by part. */
  const inParts = <A>(
    ids: ReadonlyArray<string>,
    use: (part: ReadonlyArray<string>) => Effect.Effect<A, BackendError>
  ) =>
    Effect.forEach(
      Array.from({ length: Math.ceil(ids.length / PART) }, (_, i) => ids.slice(i * PART, (i + 1) * PART)),
      use
    )

  const readTime = Effect.map(run("SessionStore.sweep", "owners"), ([now = "0", ...fields]) => {
    const nowMs = Number(now)
    const owners = new Map(
      parts(fields, 2).map(([name = "", lease = ""]) => {
        const [since, until] = lease.split(":")
        return [name, { sinceMs: Number(since), untilMs: Number(until) }] as const
      })
    )
    const present = Array.from(owners.values()).filter(({ untilMs }) => untilMs > nowMs)
    const upSinceMs = present.length === 0 ? undefined : Math.min(...present.map(({ sinceMs }) => sinceMs))
    return { owners, time: { nowMs, upSinceMs, hasExited: StoreOwner.exits() } }
  })

  type Time = Effect.Success<typeof readTime>

  const candidates = (answer: ReadonlyArray<string>, { owners }: Time): ReadonlyArray<Candidate> =>
    parts(answer, 5).map(([id = "", owner = "", fence = "", end = "", window = ""]) => ({
      id,
      storedOwner: owner,
      fence,
      owner: owner === "" ? undefined : owner,
      endMs: owners.get(owner)?.untilMs ?? Number(end),
      windowMs: Number(window)
    }))

  const erase = Effect.fnUntraced(function*(found: ReadonlyArray<Candidate>, { time }: Time) {
    const abandoned = found.filter((candidate) => SweepRule.isAbandoned(candidate, time))
    if (abandoned.length === 0) return { abandoned: 0, erased: 0 }
    // one that was taken over or given back meanwhile has another fence or owner
    const [erased] = yield* run(
      "SessionStore.sweep",
      "erase",
      prefix,
      ...abandoned.flatMap(({ fence, id, storedOwner }) => [id, storedOwner, fence])
    )
    return { abandoned: abandoned.length, erased: Number(erased ?? 0) }
  })

  /** What was let go, and what releases before the leases of owners have left. */
  const sweepExpired = Effect.fnUntraced(function*(time: Time) {
    let [count, passed] = [0, 0]
    while (true) {
      const found = candidates(yield* run("SessionStore.sweep", "expired", prefix, passed, PART), time)
      const { abandoned, erased } = yield* erase(found, time)
      count += erased
      passed += found.length - abandoned
      if (found.length < PART) return count
    }
  })

  /** What an owner has left whose lease has run out. */
  const sweepOwner = Effect.fnUntraced(function*(owner: string, time: Time) {
    const ids = yield* sessionsOf("SessionStore.sweep", owner)
    const erased = yield* inParts(
      ids,
      (part) =>
        Effect.flatMap(
          run("SessionStore.sweep", "ofOwner", prefix, owner, ...part),
          (answer) => erase(candidates(answer, time), time)
        )
    )
    yield* run("SessionStore.sweep", "forget", prefix, owner, time.time.nowMs - SweepRule.FORGET_MS)
    return erased.reduce((sum, { erased }) => sum + erased, 0)
  })

  return {
    listOwned: Effect.gen(function*() {
      const op = "SessionStore.listOwned"
      const answers = yield* inParts(
        yield* sessionsOf(op, owner),
        (part) => run(op, "listOwned", owner, prefix, ...part)
      )
      return answers.flatMap((fields) =>
        parts(fields, 3).map(([id = "", fence, items]) => ({ id, fence: Number(fence), items: Number(items) }))
      )
    }),
    releaseAll: Effect.gen(function*() {
      const op = "SessionStore.releaseAll"
      // from then on others may have them, also those that are not gone through
      yield* run(op, "renew", owner, 0)
      yield* inParts(yield* sessionsOf(op, owner), (part) => run(op, "releaseAll", owner, prefix, ...part))
    }),
    sweep: Effect.gen(function*() {
      const time = yield* readTime
      let count = yield* sweepExpired(time)
      for (const [name, { untilMs }] of time.owners) {
        if (untilMs <= time.time.nowMs) count += yield* sweepOwner(name, time)
      }
      return count
    })
  }
}
