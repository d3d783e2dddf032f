/** What the session store says of a session, asked by a process that is no node. */
import { Effect, Redacted } from "effect"
import * as PostgresStore from "../../src/store/PostgresStore.ts"

const withStore = <A, E>(
  url: string,
  run: (store: Effect.Success<ReturnType<typeof PostgresStore.make>>) => Effect.Effect<A, E>
): Promise<A> => Effect.runPromise(Effect.scoped(Effect.flatMap(PostgresStore.make({ url: Redacted.make(url) }), run)))

export const locate = (url: string, id: string) => withStore(url, (store) => store.locate(id))

export const secret = (url: string, name: string) => withStore(url, (store) => store.secret(name, "not there"))
