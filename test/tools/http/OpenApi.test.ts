/** The operations of OpenAPI documents as tools. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger, Redacted, Schema } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { OpenApiOptions } from "../../../src/agent/tools/OpenApiOptions.ts"
import * as Http from "../../../src/tools/http/index.ts"
import * as OpenApiOperations from "../../../src/tools/http/OpenApiOperations.ts"

const document = {
  openapi: "3.0.3",
  servers: [{ url: "/v2" }],
  paths: {
    "/orders/{number}": {
      parameters: [{ $ref: "#/components/parameters/number" }],
      get: {
        operationId: "getOrder",
        summary: "Finds an order",
        description: "By its number.",
        parameters: [
          { name: "fields", in: "query", schema: { type: "array", items: { type: "string" }, "x-internal": 1 } },
          { name: "filter.odd", in: "query", schema: { type: "string" } },
          { name: "trace", in: "header", schema: { type: "string" } }
        ]
      },
      post: {
        operationId: "change order",
        parameters: [{ name: "notify", in: "query", required: true, schema: { type: "boolean" } }],
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Change" } } }
        }
      },
      delete: { parameters: [{ name: "x-reason", in: "header", required: true, schema: { type: "string" } }] }
    },
    "/notes": {
      put: {
        operationId: "putNotes",
        requestBody: { content: { "application/json": { schema: { type: "array", items: { type: "string" } } } } }
      }
    },
    "/upload": {
      post: {
        operationId: "upload",
        requestBody: { required: true, content: { "multipart/form-data": { schema: {} } } }
      }
    }
  },
  components: {
    parameters: {
      number: { name: "number", in: "path", required: true, description: "Its number", schema: { type: "string" } }
    },
    schemas: {
      Change: {
        type: "object",
        required: ["note"],
        properties: { note: { type: "string", nullable: true }, next: { $ref: "#/components/schemas/Change" } }
      }
    }
  }
}

const made = (
  given: object,
  operations?: ReadonlyArray<string>,
  base = "https://api.example.com/v2/",
  headers: ReadonlyArray<string> = []
) =>
  OpenApiOperations.make(given as never, {
    base,
    operations,
    headers: Object.fromEntries(headers.map((name) => [name, Redacted.make("1")])),
    timeout: Duration.seconds(1)
  })

describe("OpenApiOperations", () => {
  it("makes a tool of each operation whose input a model can write", () => {
    const { missing, skipped, tools } = made(document)
    assert.deepStrictEqual(skipped, ["delete /orders/{number}", "upload"])
    assert.deepStrictEqual(missing, [])
    const [get, change, notes] = tools
    assert.deepStrictEqual([get?.name, get?.description, get?.method, get?.url], [
      "getOrder",
      "Finds an order. By its number.",
      "GET",
      "https://api.example.com/v2/orders/{number}?fields={fields*}"
    ])
    assert.deepStrictEqual(get?.parameters, {
      type: "object",
      properties: {
        number: { type: "string", description: "Its number" },
        fields: { type: "array", items: { type: "string" } }
      },
      required: ["number"],
      additionalProperties: false
    })
    assert.deepStrictEqual([change?.name, change?.url], [
      "change_order",
      "https://api.example.com/v2/orders/{number}?notify={notify*}"
    ])
    assert.deepStrictEqual(change?.parameters["required"], ["number", "notify", "note"])
    assert.deepInclude((change!.parameters["properties"] as { readonly note: object }).note, {
      type: ["string", "null"]
    })
    assert.deepStrictEqual([notes?.method, notes?.body], ["PUT", "{body}"])
    assert.deepStrictEqual(made(document, ["putNotes", "nothing"]).missing, ["nothing"])
    assert.lengthOf(made(document, ["putNotes", "nothing"]).tools, 1)
  })

  it("takes the headers that the config has for given, and asks no other server", () => {
    const header = { name: "X-Version", in: "header", required: true, schema: { type: "string" } }
    const paths = {
      "/a": { parameters: [header], get: { operationId: "a" } },
      "/b": { get: { operationId: "b", servers: [{ url: "https://evil.example/v2" }] } },
      "/c": { servers: [{ url: "https://api.example.com/v3" }], get: { operationId: "c" } },
      "/d": { servers: [{ url: "https://{host}/" }], get: { operationId: "d" } }
    }
    const { skipped, tools } = made({ paths }, undefined, undefined, ["x-version"])
    assert.deepStrictEqual(tools.map(({ url }) => url), [
      "https://api.example.com/v2/a",
      "https://api.example.com/v3/c"
    ])
    assert.deepStrictEqual(skipped, ["b", "d"])
    assert.deepStrictEqual(made({ paths }).skipped, ["a", "b", "d"])
  })

  it("finds a server by the default values of its variables", () => {
    const server = (url: string, variables: object = {}) => OpenApiOperations.serverOf([{ url, variables }])
    assert.strictEqual(
      server("https://{region}.example.com/v{major}", {
        region: { default: "eu", enum: ["eu", "us"] },
        major: { default: 2 }
      }),
      "https://eu.example.com/v2"
    )
    for (const variables of [{}, { region: {} }, { region: { default: "{x}" } }, { region: { default: "a b" } }]) {
      assert.strictEqual(server("https://{region}.example.com", variables), undefined)
    }
    assert.strictEqual(OpenApiOperations.serverOf([]), undefined)
  })

  it("makes tools of schemas that lead into themselves, and of a thousand operations", () => {
    const node = {
      type: "object",
      properties: { name: { type: "string" }, parent: { $ref: "#/components/schemas/Node" } }
    }
    const list = { type: "array", items: { $ref: "#/components/schemas/Node" } }
    const body = { required: true, content: { "application/json": { schema: { $ref: "#/components/schemas/Node" } } } }
    const paths = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [`/o/${i}`, { post: { operationId: `op${i}`, requestBody: body } }])
    )
    const { skipped, tools } = made({
      paths,
      components: {
        schemas: { Node: { ...node, properties: { ...node.properties, children: list, all: { allOf: [list] } } } }
      }
    })
    assert.deepStrictEqual(skipped, [])
    assert.lengthOf(tools, 1_000)
    assert.deepStrictEqual((tools[0]!.parameters["properties"] as { readonly children: object }).children, {
      type: "array",
      items: {}
    })
  })

  it("takes any document without harm", () => {
    const circle = { $ref: "#/paths/~1a/get/parameters/0" }
    const deep = {
      type: "object",
      properties: { a: { $ref: "#/components/schemas/Deep" }, b: { $ref: "#/components/schemas/Deep" } }
    }
    for (
      const paths of [
        [],
        { "/a": 3 },
        { "/a": { get: { parameters: [circle] } } },
        { "/a": { get: { parameters: {} } } },
        { "@evil.example/": { get: {} }, ".evil.example/": { get: {} } },
        {
          "/a": {
            post: {
              requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Deep" } } } }
            }
          }
        }
      ]
    ) {
      const { tools } = made({ paths, components: { schemas: { Deep: deep } } }, undefined, "https://api.example.com")
      for (const tool of tools) assert.strictEqual(new URL(tool.url).host, "api.example.com")
    }
  })
})

describe("an API", () => {
  const start = (answer: () => { readonly status?: number; readonly body: string }) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const asked: Array<string> = []
        const server = createServer((request, response) => {
          asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
          const { body, status = 200 } = request.url === "/openapi.json" ? answer() : { body: "{\"state\":\"sent\"}" }
          response.writeHead(status, { "content-type": "application/json" }).end(body)
        })
        await new Promise<void>((resume) => void server.listen(0, "127.0.0.1", resume))
        const { port } = server.address() as AddressInfo // it listens on a port
        return { asked, server, url: `http://127.0.0.1:${port}` }
      }),
      ({ server }) =>
        Effect.promise(() =>
          new Promise<void>((resume) => {
            server.closeAllConnections()
            server.close(() => resume())
          })
        )
    )

  const open = (given: typeof OpenApiOptions.Encoded) =>
    Effect.map(Http.openApi([Schema.decodeSync(OpenApiOptions)(given)]), ([source]) => source!)

  it.live("is called by its document, and tried again until that can be read", () =>
    Effect.gen(function*() {
      let isUp = false
      const { asked, url } = yield* start(() => isUp ? { body: JSON.stringify(document) } : { status: 503, body: "" })
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* Effect.gen(function*() {
        const source = yield* open({
          name: "orders",
          url: `${url}/openapi.json`,
          operations: ["getOrder", "nothing"],
          headers: { authorization: "Bearer key-of-ours-123" }
        })
        assert.deepStrictEqual(source.tools(), [])
        assert.match((yield* Effect.flip(source.health!.probe)).message, /answered with status 503/u)
        isUp = true
        while (source.tools().length === 0) yield* Effect.sleep("10 millis")
        yield* source.health!.probe
        assert.strictEqual(yield* source.tools()[0]!.call({ number: "7/8" }), "{\"state\":\"sent\"}")
        assert.strictEqual(asked.at(-1), "GET /v2/orders/7%2F8 Bearer key-of-ours-123")
        assert.lengthOf(lines.filter((line) => line.includes("cannot be used")), 1)
        assert.isTrue(lines.some((line) => line.includes("has no operation nothing")))
      }).pipe(Effect.provide(Logger.layer([logger])))
    }).pipe(Effect.scoped), 20_000)

  it.live("is read in YAML, and told a list with a part for each", () =>
    Effect.gen(function*() {
      const yaml = [
        "openapi: 3.1.0",
        "servers:",
        "  - url: /{version}",
        "    variables: { version: { default: v2 } }",
        "paths:",
        "  /orders:",
        "    get:",
        "      operationId: findOrders # by their tags",
        "      summary: Finds orders",
        "      parameters:",
        "        - { name: tags, in: query, schema: { type: array, items: { type: string } } }",
        "        - { name: ids, in: query, explode: false, schema: { type: array, items: { type: integer } } }",
        ""
      ].join("\n")
      const { asked, url } = yield* start(() => ({ body: yaml }))
      const source = yield* open({ name: "orders", url: `${url}/openapi.json` })
      assert.deepStrictEqual(source.tools().map(({ name }) => name), ["findOrders"])
      yield* source.tools()[0]!.call({ tags: ["a&b", "c"], ids: [1, 2] })
      assert.strictEqual(asked.at(-1), "GET /v2/orders?tags=a%26b&tags=c&ids=1%2C2 undefined")
      yield* source.tools()[0]!.call({ tags: "a" })
      assert.strictEqual(asked.at(-1), "GET /v2/orders?tags=a undefined")
    }).pipe(Effect.scoped))

  it.live("sends its headers to the origin of its document alone", () =>
    Effect.gen(function*() {
      const { url } = yield* start(() => ({
        body: JSON.stringify({ ...document, servers: [{ url: "https://evil.example" }] })
      }))
      const source = yield* open({ name: "orders", url: `${url}/openapi.json` })
      assert.deepStrictEqual(source.tools(), [])
      assert.match((yield* Effect.flip(source.health!.probe)).message, /a server of another origin: set base_url/u)
      const other = yield* open({ name: "orders", url: `${url}/openapi.json`, base_url: "https://api.example.com" })
      assert.lengthOf(other.tools(), 3)
    }).pipe(Effect.scoped))

  it.live("says what is wrong with a document", () =>
    Effect.gen(function*() {
      for (const body of ["", "{}", "[]", "<html>", "{\"paths\":3}"]) {
        const { url } = yield* start(() => ({ body }))
        const source = yield* open({ name: "orders", url: `${url}/openapi.json` })
        assert.match(
          (yield* Effect.flip(source.health!.probe)).message,
          /no OpenAPI document in JSON or YAML|neither JSON nor YAML/u
        )
      }
      const missing = yield* open({ name: "orders", file: "no/such.json", base_url: "https://api.example.com" })
      assert.match((yield* Effect.flip(missing.health!.probe)).message, /cannot read no\/such\.json/u)
    }).pipe(Effect.scoped))
})
