/**
 * Removes what dead processes left in the cache directory.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"

/** Temporary directories of a day ago are nobody's; a download that was not finished may still be, for a month. */
const keptFor: ReadonlyArray<readonly [prefix: string, Duration.Duration]> = [
  [".tmp-", Duration.days(1)],
  [".partial-", Duration.days(30)]
]

/**
 * Removes them. It never fails: it is only housekeeping.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remove = (cacheDir: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const now = yield* Clock.currentTimeMillis
    for (const name of yield* fs.readDirectory(cacheDir)) {
      const age = keptFor.find(([prefix]) => name.startsWith(prefix))?.[1]
      if (age === undefined) continue
      const entry = path.join(cacheDir, name)
      const info = yield* fs.stat(entry).pipe(Effect.option)
      const modified = Option.flatMap(info, (info) => info.mtime)
      if (Option.isSome(modified) && now - modified.value.getTime() > Duration.toMillis(age)) {
        yield* fs.remove(entry, { recursive: true, force: true })
      }
    }
  }).pipe(Effect.ignore)
