import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { openSocket } from "../../../src/client/media/WebSocketLink.ts"
import { SUBPROTOCOL } from "../../../src/client/protocol/WireProtocol.ts"
import { pair } from "../../server/nodes/TwoNodes.ts"

describe("a session that another node has", () => {
  it.live("is followed to that node by the client", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair({ nodeUrl: true })
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const socket = yield* Effect.acquireRelease(
        Effect.promise((signal) => openSocket({ baseUrl: other.url, id: "s1", token: session.token }, signal)),
        (socket) => Effect.sync(() => socket.close())
      )
      assert.deepStrictEqual([socket.protocol, new URL(socket.url).port], [SUBPROTOCOL, String(owner.port)])
      yield* session.attached
    }).pipe(Effect.scoped))
})
