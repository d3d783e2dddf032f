/**
 * The client's types and parser against the server's schemas, in both directions.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import * as WireFiles from "../../../scripts/check/WireFiles.ts"
import { lossOf } from "../../../src/client/media/WebSocketLink.ts"
import { fitsMessage, parseServerMessage } from "../../../src/client/protocol/ClientProtocol.ts"
import * as Wire from "../../../src/client/protocol/WireProtocol.ts"
import * as ClientMessage from "../../../src/session/ClientMessage.ts"
import * as SessionEvent from "../../../src/session/SessionEvent.ts"
import * as CloseCodes from "../../../src/transport/websocket/CloseCodes.ts"

type EncodedEvent = typeof SessionEvent.SessionEvent.Encoded
type EncodedMessage = typeof ClientMessage.ClientMessage.Encoded

/** Compiles only while both sides have the same messages. */
const sameTypes = {
  eventsOfTheServer: (event: EncodedEvent): Wire.ServerEvent => event,
  typesOfTheClient: (type: Wire.ServerEvent["type"]): EncodedEvent["type"] => type,
  messagesOfTheClient: (message: Wire.ClientMessage): EncodedMessage => message,
  messagesOfTheServer: (message: EncodedMessage): Wire.ClientMessage => message
}

const samples = <S extends Schema.Constraint & { readonly Type: unknown }>(schema: S, count: number) =>
  Effect.orDie(Arbitrary.sampleEffect(Arbitrary.schema(schema), { seed: "wire", count, size: 8 }))

describe("WireProtocol", () => {
  it("is made from the schemas: npm run fix", () => {
    for (const { file, text } of WireFiles.make()) assert.strictEqual(readFileSync(file, "utf8"), text, file)
    assert.lengthOf(Object.keys(sameTypes), 4)
  }, 60_000)

  it.effect("parses every event that the server can send into the same value", () =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      for (const member of SessionEvent.SessionEvent.members) {
        for (const event of yield* samples(member, 40)) {
          const json = SessionEvent.toJson(event)
          assert.deepStrictEqual<unknown>(parseServerMessage(json), JSON.parse(json))
          seen.add(event.type)
        }
      }
      assert.sameMembers(Array.from(seen), Object.keys(Wire.eventFields))
    }))

  it.effect("sends nothing that the server does not decode", () =>
    Effect.gen(function*() {
      const encode = Schema.encodeSync(ClientMessage.ClientMessage)
      const seen = new Set<string>()
      for (const member of ClientMessage.ClientMessage.members) {
        for (const sample of yield* samples(member, 40)) {
          const message: Wire.ClientMessage = encode(sample)
          if (!fitsMessage(message)) continue
          const parsed = ClientMessage.parse(JSON.stringify(message))
          assert.deepStrictEqual(parsed, { _tag: "Message", message: sample })
          seen.add(message.type)
        }
      }
      assert.sameMembers(Array.from(seen), [
        "user.text",
        "agent.interrupt",
        "playout.position",
        "user.dtmf",
        "session.end",
        "ping"
      ])
    }))

  it("acts on every close code that the server sends as the table says", () => {
    for (const { client, code, reason } of Object.values(CloseCodes.closeCodes)) {
      assert.deepStrictEqual(Wire.closeCodes[code], { client, reason })
      const loss = lossOf(code)
      assert.strictEqual(loss.closed === true || loss.error !== undefined, client === "stop", `${code}`)
    }
    assert.deepStrictEqual(lossOf(1000), { closed: true })
    assert.strictEqual(lossOf(4408).error?.code, "session_replaced")
    assert.strictEqual(lossOf(4429).error?.code, "rate_limit_exceeded")
    // Lost without a close code of the server: worth another attempt.
    assert.deepStrictEqual(lossOf(1006), {})
  })
})
