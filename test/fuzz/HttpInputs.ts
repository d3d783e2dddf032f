import { Schema } from "effect"
import * as Problem from "../../src/transport/Problem.ts"
import type { Chance } from "./Chance.ts"
import * as Json from "./Json.ts"
import * as Mutate from "./Mutate.ts"
import { expect, expectDiscreet } from "./Surface.ts"
import { authorization } from "./TestServer.ts"

/** Malformed HTTP requests, and the rules for their answers. */

const encoder = new TextEncoder()
const methods = [
  "GET",
  "POST",
  "PATCH",
  "DELETE",
  "PUT",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "get",
  "BREW",
  "",
  "POST POST",
  "QUERY"
]

const bodies = [
  JSON.stringify({ user_id: "ada", transport: "websocket", metadata: { a: [1, { b: null }] }, agent: "default" }),
  JSON.stringify({ user_id: "ada", transport: "webrtc", token: "user-token" }),
  JSON.stringify({ plan: "gold", nested: { a: { b: 1 } }, gone: null }),
  "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n" +
  "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 " +
  Array.from({ length: 32 }, () => "AB").join(":") + "\r\na=setup:actpass\r\n",
  ""
]

const types = [
  "application/json",
  "application/sdp",
  "application/merge-patch+json",
  "text/plain",
  "application/json; charset=utf-7",
  "multipart/form-data; boundary=x",
  "",
  "application/json".repeat(50)
]

const paths = (id: string, token: string): ReadonlyArray<string> => [
  "/v1/sessions",
  `/v1/sessions/${id}`,
  `/v1/sessions/${id}/metadata`,
  `/v1/sessions/${id}/audio?token=${token}`,
  `/v1/sessions/${id}/audio?token=${token}&input_rate=8000&output_rate=48000`,
  `/v1/sessions/${id}/offer?token=${token}`,
  "/v1/sessions/nobody/audio",
  "/v1/providers",
  "/health/live",
  "/health/ready",
  "/metrics",
  "/openapi.json",
  "/docs",
  "/",
  "/assets/console/console.js",
  "/client/index.js",
  "/favicon.ico",
  "/assets/console/../../package.json",
  "/assets/console/..%2f..%2fserver%2fServer.ts",
  "//",
  "*",
  `http://127.0.0.1/v1/sessions`
]

/** The bytes of one request. Most close the connection; all carry the API key or a mutation of it. */
export const request = (chance: Chance, session: { readonly id: string; readonly token: string }): Uint8Array => {
  const spoil = (text: string, one: number): string =>
    chance.one(one)
      ? Buffer.from(Mutate.bytes(encoder.encode(text), chance, { pool: [encoder.encode(text)], maxBytes: 20_000 }))
        .toString("latin1")
      : text
  const [create, rtc, patch, offer] = bodies
  const { id, token } = session
  // Half of them are valid before the mutations below.
  const [method, straight, source] = chance.one(2)
    ? chance.pick(
      [
        ["POST", "/v1/sessions", create!],
        ["POST", "/v1/sessions", rtc!],
        ["PATCH", `/v1/sessions/${id}/metadata`, patch!],
        ["POST", `/v1/sessions/${id}/offer?token=${token}`, offer!],
        ["GET", `/v1/sessions/${id}/audio?token=${token}&input_rate=8000`, ""]
      ] as const
    )
    : [
      chance.one(3) ? chance.pick(methods) : chance.pick(["GET", "POST", "PATCH"]),
      chance.pick(paths(id, token)),
      chance.pick(bodies)
    ] as const
  const path = spoil(straight, 3)
  const body = Buffer.from(
    chance.one(3)
      ? encoder.encode(source)
      : chance.one(3)
      ? Mutate.bytes(encoder.encode(source), chance, {
        pool: bodies.map((each) => encoder.encode(each)),
        maxBytes: 70_000
      })
      : encoder.encode(Json.mutate(source, chance) ?? source)
  )
  const headers = [
    `Host: ${chance.one(12) ? spoil("127.0.0.1", 1) : "127.0.0.1"}`,
    "Connection: close",
    ...(chance.one(10) ? [] : [`Authorization: ${spoil(authorization, 10)}`]),
    ...(chance.one(6)
      ? []
      : [`Content-Type: ${chance.one(4) ? chance.pick(types) : source.startsWith("v=0") ? types[1] : types[0]}`]),
    ...(chance.one(12) ? [`Content-Encoding: ${chance.pick(["gzip", "identity", "br", "zstd, gzip", "x"])}`] : []),
    ...(chance.one(12) ? [`Origin: ${spoil("https://evil.example", 2)}`] : []),
    ...(chance.one(12) ? [`Expect: ${chance.pick(["100-continue", "200-ok", ""])}`] : []),
    ...(chance.one(12) ? [`X-${"a".repeat(chance.pick([1, 300, 9_000, 20_000]))}: 1`] : []),
    ...(chance.one(12) ? Array.from({ length: chance.pick([3, 90, 1_000]) }, (_, i) => `X-${i}: ${i}`) : []),
    ...(chance.one(10)
      ? [
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${chance.one(3) ? spoil("dGhlIHNhbXBsZSBub25jZQ==", 1) : "dGhlIHNhbXBsZSBub25jZQ=="}`,
        `Sec-WebSocket-Version: ${chance.pick(["13", "8", "-1", ""])}`,
        `Sec-WebSocket-Protocol: ${spoil(`effect-voice.v1, token.${session.token}`, 2)}`
      ]
      : []),
    ...(chance.one(16) ? [spoil("Cookie: a=b; c=d", 1)] : [])
  ]
  const framing = chance.below(20)
  const head = (lines: ReadonlyArray<string>) =>
    Buffer.from(
      `${method} ${path} HTTP/1.${chance.one(30) ? 0 : 1}\r\n${[...headers, ...lines].join("\r\n")}\r\n\r\n`,
      "latin1"
    )
  const whole = framing === 0
    ? Buffer.concat([
      head(["Transfer-Encoding: chunked"]),
      Buffer.from(`${spoil(body.length.toString(16), 3)}\r\n`, "latin1"),
      body,
      Buffer.from("\r\n0\r\n\r\n")
    ])
    : framing === 1
    ? Buffer.concat([head([`Content-Length: ${body.length + chance.below(50)}`]), body])
    : framing === 2
    ? Buffer.concat([
      head([`Content-Length: ${chance.pick(["-1", "1e9", "0x10", "99999999999999999999", "5, 6", ""])}`]),
      body
    ])
    : framing === 3
    ? Buffer.concat([head([`Content-Length: ${body.length}`, "Transfer-Encoding: chunked"]), body])
    : Buffer.concat([head([`Content-Length: ${body.length}`]), body])
  return chance.one(12) ? Mutate.bytes(whole, chance, { pool: [whole], maxBytes: 140_000 }) : whole
}

const isProblem = Schema.is(Problem.Problem)
const isProblemJson = (text: string): boolean => {
  try {
    return isProblem(JSON.parse(text))
  } catch {
    return false
  }
}

const unchunked = (text: string): string => {
  let out = ""
  let rest = Buffer.from(text)
  for (;;) {
    const line = rest.indexOf("\r\n")
    const length = Number.parseInt(rest.subarray(0, line).toString(), 16)
    if (line === -1 || !(length > 0)) return out
    out += rest.subarray(line + 2, line + 2 + length).toString()
    rest = rest.subarray(line + 4 + length)
  }
}

/** Checks an answer: valid HTTP, refusals as problem JSON with a known code, no secret, no path. Returns its status. */
export const judge = (sent: Uint8Array, answer: string, closed: boolean): number => {
  const method = /^\s*(\S+)/.exec(Buffer.from(sent.subarray(0, 40)).toString("latin1"))?.[1] ?? ""
  expectDiscreet(answer)
  expect(!answer.includes("node_modules"), () => `a path leaked: ${answer.slice(0, 300)}`)
  if (answer === "") return 0
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
  expect(status >= 100, () => `not HTTP: ${answer.slice(0, 200)}`)
  if (status === 100) return judge(sent, answer.slice(answer.indexOf("\r\n\r\n") + 4), closed)
  if (status === 101) return status
  expect(closed, () => `the connection stayed open: ${answer.slice(0, 200)}`)
  expect(status !== 500 && status !== 501, () => `status ${status}: ${answer.slice(0, 2_000)}`)
  const end = answer.indexOf("\r\n\r\n")
  const head = answer.slice(0, end).toLowerCase()
  if (status < 400 || method === "HEAD" || (method === "OPTIONS" && status === 403)) return status
  const ready = status === 503 && head.includes("application/json") && answer.includes("\"parts\"")
  if (ready) return status
  expect(head.includes("content-type: application/problem+json"), () => `not problem JSON: ${answer.slice(0, 400)}`)
  const rest = answer.slice(end + 4)
  const body = head.includes("transfer-encoding: chunked")
    ? unchunked(rest)
    : Buffer.from(rest).subarray(0, Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0)).toString()
  expect(isProblemJson(body), () => `unknown problem: ${body.slice(0, 400)}`)
  return status
}
