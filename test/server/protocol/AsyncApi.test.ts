import { assert, describe, it } from "@effect/vitest"
import { eventFields } from "../../../src/client/protocol/WireProtocol.ts"
import * as AsyncApi from "../../../src/server/protocol/AsyncApi.ts"
import { closeCodes } from "../../../src/transport/websocket/CloseCodes.ts"

type Node = { readonly [key: string]: unknown }

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value)

const at = (document: Node, ...path: ReadonlyArray<string>): Node => {
  const found = path.reduce<unknown>((node, key) => isNode(node) ? node[key] : undefined, document)
  if (!isNode(found)) throw new Error(`nothing at ${path.join("/")}`)
  return found
}

const references = (node: unknown): ReadonlyArray<string> => {
  if (Array.isArray(node)) return node.flatMap(references)
  if (!isNode(node)) return []
  const own = node["$ref"]
  return [...(typeof own === "string" ? [own] : []), ...Object.values(node).flatMap(references)]
}

const messages = ["user.text", "agent.interrupt", "playout.position", "user.dtmf", "session.end", "ping"]

describe("AsyncApi", () => {
  const document = AsyncApi.make()

  it("has the parts that AsyncAPI 3.0 requires, and no others", () => {
    assert.strictEqual(document["asyncapi"], "3.0.0")
    assert.sameMembers(Object.keys(document), [
      "asyncapi",
      "info",
      "defaultContentType",
      "channels",
      "operations",
      "components"
    ])
    assert.containsAllKeys(at(document, "info"), ["title", "version"])
    for (const operation of Object.values(at(document, "operations"))) {
      assert.containsAllKeys(operation, ["action", "channel"])
    }
    for (const name of Object.keys(at(document, "components", "messages"))) assert.match(name, /^[\w.-]+$/u)
    // Every parameter of the address is described.
    const { address, parameters } = at(document, "channels", "session")
    const named = Array.from(String(address).matchAll(/\{(\w+)\}/gu), ([, name]) => name)
    assert.deepStrictEqual(Object.keys(isNode(parameters) ? parameters : {}), named)
  })

  it("refers to nothing that it does not hold", () => {
    const found = references(document)
    assert.isAbove(found.length, 60)
    for (const reference of found) {
      assert.isTrue(reference.startsWith("#/"), reference)
      at(document, ...reference.slice(2).split("/"))
    }
  })

  it("names every event as sent, every message as received, and audio in both directions", () => {
    const ofOperation = (name: string) =>
      references(at(document, "operations", name)["messages"]).map((reference) => reference.split("/").at(-1))
    assert.sameMembers(ofOperation("sendToClient"), [...Object.keys(eventFields), "audio.output"])
    assert.sameMembers(ofOperation("receiveFromClient"), [...messages, "audio.input"])
    for (const [type, message] of Object.entries(at(document, "components", "messages"))) {
      if (!isNode(message) || type.startsWith("audio.")) continue
      assert.isString(message["summary"], type)
      assert.deepStrictEqual(at(message, "payload", "properties", "type"), { type: "string", enum: [type] })
    }
  })

  it("describes every field", () => {
    const fieldsOf = (node: Node, path: string): ReadonlyArray<string> =>
      Object.entries(isNode(node["properties"]) ? node["properties"] : {}).flatMap(([name, field]) => {
        if (name === "type" || !isNode(field)) return []
        if (isNode(field["properties"])) return fieldsOf(field, `${path}.${name}`)
        const reference = references(field).at(0)
        const target = reference === undefined ? field : at(document, ...reference.slice(2).split("/"))
        return field["description"] === undefined && target["description"] === undefined ? [`${path}.${name}`] : []
      })
    for (const [type, message] of Object.entries(at(document, "components", "messages"))) {
      assert.deepStrictEqual(fieldsOf(at(isNode(message) ? message : {}, "payload"), type), [])
    }
  })

  it("lists every close code, for readers and for programs", () => {
    const session = at(document, "channels", "session")
    assert.deepStrictEqual(session["x-close-codes"], Object.values(closeCodes))
    for (const { code } of Object.values(closeCodes)) assert.include(String(session["description"]), `- ${code}: `)
  })

  it("says where the routes are mounted, and how the server is reached", () => {
    const mounted = AsyncApi.make({ prefix: "/voice", publicUrl: "https://example.org/apps" })
    assert.strictEqual(at(mounted, "channels", "session")["address"], "/voice/v1/sessions/{id}/audio")
    assert.deepStrictEqual(at(mounted, "servers", "public"), {
      host: "example.org",
      pathname: "/apps",
      protocol: "wss"
    })
  })
})
