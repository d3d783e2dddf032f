/** Tells the events of all sessions of a backend, as they come. */
import { Effect, type Scope, Stream } from "effect"
import type { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import type { SessionEvent } from "../../../src/session/SessionEvent.ts"

export type Told = SessionEvent & { readonly session: string }

/** Those of one type. */
export const ofType = <Type extends SessionEvent["type"]>(
  events: ReadonlyArray<Told>,
  type: Type
): ReadonlyArray<Extract<SessionEvent, { readonly type: Type }> & { readonly session: string }> =>
  events.filter((event): event is Extract<typeof event, { readonly type: Type }> => event.type === type)

export const follow = Effect.fnUntraced(function*(
  backend: VoiceBackend["Service"],
  onEvent: (event: Told) => void,
  /** Called before the events of a session, of which the first may have passed already. */
  onSession: (id: string) => void = () => {}
): Effect.fn.Return<void, never, Scope.Scope> {
  const followed = new Set<string>()
  const scope = yield* Effect.scope
  yield* Effect.gen(function*() {
    for (const session of yield* backend.listSessions) {
      if (followed.has(session.id)) continue
      followed.add(session.id)
      onSession(session.id)
      yield* session.events.pipe(
        Stream.runForEach((event) => Effect.sync(() => onEvent({ ...event, session: session.id }))),
        Effect.forkIn(scope, { startImmediately: true })
      )
    }
    yield* Effect.sleep(5)
  }).pipe(Effect.forever, Effect.forkScoped)
})
