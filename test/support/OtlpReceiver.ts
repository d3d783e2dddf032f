/**
 * A receiver of OTLP over HTTP on loopback that decodes all it gets, JSON or protobuf, by the published message
 * definitions, and that can be made to fail as receivers do.
 *
 * @since 0.1.0
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire"
import { Effect } from "effect"
import * as Http from "node:http"
import type { Socket } from "node:net"
import * as Zlib from "node:zlib"

export type Value = string | number | boolean | Uint8Array | ReadonlyArray<unknown> | {
  readonly [key: string]: unknown
}
export type Attributes = { readonly [key: string]: Value }

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Attributes
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: Attributes }>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }>
  readonly status: { readonly code: number; readonly message: string }
  readonly resource: Attributes
}

export interface Point {
  readonly name: string
  readonly kind: "gauge" | "sum" | "histogram"
  readonly monotonic: boolean
  readonly temporality: number
  readonly attributes: Attributes
  readonly value: number
  /** Of histograms. */
  readonly count: number
  readonly bucketCounts: ReadonlyArray<number>
  readonly bounds: ReadonlyArray<number>
  readonly resource: Attributes
}

export interface LogRecord {
  readonly time: bigint
  readonly severity: string
  readonly severityNumber: number
  readonly body: unknown
  readonly attributes: Attributes
  readonly traceId: string
  readonly spanId: string
  readonly resource: Attributes
}

/** What the receiver does with a request: answer (after a while), refuse, break off, or say nothing. */
export type Behaviour =
  | { readonly _tag: "Take"; readonly afterMs?: number }
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter?: string }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Silent" }

// --- protobuf: a message is read into its raw fields, then by number

type Raw = Map<number, Array<Uint8Array | bigint | number>>

const readRaw = (bytes: Uint8Array): Raw => {
  const reader = new BinaryReader(bytes)
  const raw: Raw = new Map()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    const value = type === WireType.Varint
      ? BigInt(reader.uint64())
      : type === WireType.Bit64
      ? BigInt(reader.fixed64())
      : type === WireType.Bit32
      ? reader.fixed32()
      : type === WireType.LengthDelimited
      ? reader.bytes()
      : undefined
    if (value === undefined) throw new Error(`wire type ${type} of field ${field}`)
    raw.set(field, [...raw.get(field) ?? [], value])
  }
  return raw
}

const bytesOf = (value: Uint8Array | bigint | number | undefined): Uint8Array => {
  if (value === undefined) return new Uint8Array(0)
  if (value instanceof Uint8Array) return value
  throw new Error("expected a length-delimited field")
}
const messages = (raw: Raw, field: number): ReadonlyArray<Raw> =>
  (raw.get(field) ?? []).map((value) => readRaw(bytesOf(value)))
const text = (raw: Raw, field: number): string =>
  new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(raw.get(field)?.[0]))
const hex = (raw: Raw, field: number): string => Buffer.from(bytesOf(raw.get(field)?.[0])).toString("hex")
const integer = (raw: Raw, field: number): bigint => BigInt.asIntN(64, BigInt(asNumber(raw.get(field)?.[0])))
const asNumber = (value: Uint8Array | bigint | number | undefined): bigint | number => {
  if (value instanceof Uint8Array) throw new Error("expected a number")
  return value ?? 0n
}
const doubleOf = (bits: bigint | number): number => {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(bits))
  return view.getFloat64(0)
}
const double = (raw: Raw, field: number): number => doubleOf(asNumber(raw.get(field)?.[0]))
/** Repeated fixed 64-bit fields, packed or not. */
const words = (raw: Raw, field: number): ReadonlyArray<bigint> =>
  (raw.get(field) ?? []).flatMap((value) => {
    if (!(value instanceof Uint8Array)) return [BigInt(value)]
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
    return Array.from({ length: value.length / 8 }, (_, index) => view.getBigUint64(index * 8, true))
  })

const anyOf = (raw: Raw): Value => {
  if (raw.has(1)) return text(raw, 1)
  if (raw.has(2)) return integer(raw, 2) === 1n
  if (raw.has(3)) return Number(integer(raw, 3))
  if (raw.has(4)) return double(raw, 4)
  if (raw.has(5)) return messages(messages(raw, 5)[0] ?? new Map(), 1).map(anyOf)
  if (raw.has(6)) return attributesOf(messages(raw, 6)[0] ?? new Map(), 1)
  return bytesOf(raw.get(7)?.[0])
}
const attributesOf = (raw: Raw, field: number): Attributes =>
  Object.fromEntries(messages(raw, field).map((pair) => [text(pair, 1), anyOf(messages(pair, 2)[0] ?? new Map())]))

const each = <A>(bytes: Uint8Array, read: (item: Raw, resource: Attributes) => ReadonlyArray<A>): ReadonlyArray<A> =>
  messages(readRaw(bytes), 1).flatMap((group) => {
    const resource = attributesOf(messages(group, 1)[0] ?? new Map(), 1)
    return messages(group, 2).flatMap((scope) => messages(scope, 2).flatMap((item) => read(item, resource)))
  })

const protobuf = {
  traces: (bytes: Uint8Array): ReadonlyArray<Span> =>
    each(bytes, (raw, resource) => [{
      traceId: hex(raw, 1),
      spanId: hex(raw, 2),
      parentSpanId: hex(raw, 4),
      name: text(raw, 5),
      kind: Number(integer(raw, 6)),
      start: integer(raw, 7),
      end: integer(raw, 8),
      attributes: attributesOf(raw, 9),
      events: messages(raw, 11).map((event) => ({ name: text(event, 2), attributes: attributesOf(event, 3) })),
      links: messages(raw, 13).map((link) => ({
        traceId: hex(link, 1),
        spanId: hex(link, 2),
        attributes: attributesOf(link, 4)
      })),
      status: messages(raw, 15).map((status) => ({ code: Number(integer(status, 3)), message: text(status, 2) }))[0] ??
        { code: 0, message: "" },
      resource
    }]),
  metrics: (bytes: Uint8Array): ReadonlyArray<Point> =>
    each(
      bytes,
      (raw, resource) =>
        ([[5, "gauge"], [7, "sum"], [9, "histogram"]] as const).flatMap(([field, kind]) =>
          messages(raw, field).flatMap((data) =>
            messages(data, 1).map((point) => ({
              name: text(raw, 1),
              kind,
              monotonic: kind === "sum" && integer(data, 3) === 1n,
              temporality: Number(integer(data, 2)),
              attributes: attributesOf(point, kind === "histogram" ? 9 : 7),
              value: kind === "histogram"
                ? double(point, 5)
                : point.has(4)
                ? double(point, 4)
                : Number(integer(point, 6)),
              count: kind === "histogram" ? Number(integer(point, 4)) : 0,
              bucketCounts: kind === "histogram" ? words(point, 6).map(Number) : [],
              bounds: kind === "histogram" ? words(point, 7).map(doubleOf) : [],
              resource
            }))
          )
        )
    ),
  logs: (bytes: Uint8Array): ReadonlyArray<LogRecord> =>
    each(bytes, (raw, resource) => [{
      time: integer(raw, 1),
      severityNumber: Number(integer(raw, 2)),
      severity: text(raw, 3),
      body: anyOf(messages(raw, 5)[0] ?? new Map()),
      attributes: attributesOf(raw, 6),
      traceId: hex(raw, 9),
      spanId: hex(raw, 10),
      resource
    }])
}

// --- JSON: the same messages with names, 64-bit integers as strings or numbers

interface Json {
  readonly [key: string]: any // oxlint-disable-line typescript/no-explicit-any -- documents of many shapes
}

const anyOfJson = (value: Json): Value =>
  value["stringValue"] ?? value["boolValue"] ??
    (value["intValue"] === undefined ? undefined : Number(value["intValue"])) ??
    (value["doubleValue"] === undefined ? undefined : Number(value["doubleValue"])) ??
    value["arrayValue"]?.values.map(anyOfJson) ?? value["kvlistValue"] ?? ""
const attributesOfJson = (pairs: ReadonlyArray<Json> | undefined): Attributes =>
  Object.fromEntries((pairs ?? []).map(({ key, value }) => [key, anyOfJson(value)]))

const eachJson = <A>(
  groups: ReadonlyArray<Json>,
  [scopes, items]: readonly [string, string],
  read: (item: Json, resource: Attributes) => ReadonlyArray<A>
): ReadonlyArray<A> =>
  groups.flatMap((group) =>
    group[scopes].flatMap((scope: Json) =>
      scope[items].flatMap((item: Json) => read(item, attributesOfJson(group["resource"]?.attributes)))
    )
  )

const json = {
  traces: (document: Json): ReadonlyArray<Span> =>
    eachJson(document["resourceSpans"], ["scopeSpans", "spans"], (span, resource) => [{
      traceId: span["traceId"],
      spanId: span["spanId"],
      parentSpanId: span["parentSpanId"] ?? "",
      name: span["name"],
      kind: span["kind"],
      start: BigInt(span["startTimeUnixNano"]),
      end: BigInt(span["endTimeUnixNano"]),
      attributes: attributesOfJson(span["attributes"]),
      events: (span["events"] ?? []).map((event: Json) => ({
        name: event["name"],
        attributes: attributesOfJson(event["attributes"])
      })),
      links: (span["links"] ?? []).map((link: Json) => ({
        traceId: link["traceId"],
        spanId: link["spanId"],
        attributes: attributesOfJson(link["attributes"])
      })),
      status: { code: span["status"]?.code ?? 0, message: span["status"]?.message ?? "" },
      resource
    }]),
  metrics: (document: Json): ReadonlyArray<Point> =>
    eachJson(
      document["resourceMetrics"],
      ["scopeMetrics", "metrics"],
      (metric, resource) =>
        (["gauge", "sum", "histogram"] as const).flatMap((kind) =>
          (metric[kind]?.dataPoints ?? []).map((point: Json) => ({
            name: metric["name"],
            kind,
            monotonic: metric[kind].isMonotonic ?? false,
            temporality: metric[kind].aggregationTemporality ?? 0,
            attributes: attributesOfJson(point["attributes"]),
            value: Number(point["sum"] ?? point["asDouble"] ?? point["asInt"]),
            count: Number(point["count"] ?? 0),
            bucketCounts: (point["bucketCounts"] ?? []).map(Number),
            bounds: (point["explicitBounds"] ?? []).map(Number),
            resource
          }))
        )
    ),
  logs: (document: Json): ReadonlyArray<LogRecord> =>
    eachJson(document["resourceLogs"], ["scopeLogs", "logRecords"], (record, resource) => [{
      time: BigInt(record["timeUnixNano"]),
      severityNumber: record["severityNumber"],
      severity: record["severityText"],
      body: anyOfJson(record["body"] ?? {}),
      attributes: attributesOfJson(record["attributes"]),
      traceId: record["traceId"] ?? "",
      spanId: record["spanId"] ?? "",
      resource
    }])
}

export interface OtlpReceiver {
  readonly url: string
  readonly spans: ReadonlyArray<Span>
  /** The last export's points. */
  readonly points: ReadonlyArray<Point>
  readonly logs: ReadonlyArray<LogRecord>
  /** Requests as they came, whatever was answered. */
  readonly requests: ReadonlyArray<{ readonly path: string; readonly headers: Http.IncomingHttpHeaders }>
  /** What could not be decoded; empty in a good run. */
  readonly faults: ReadonlyArray<string>
  readonly behave: (behaviour: Behaviour) => void
}

/** Listens on a free port of loopback until its scope closes. */
export const make = Effect.acquireRelease(
  Effect.promise(async () => {
    const spans: Array<Span> = []
    const logs: Array<LogRecord> = []
    const requests: Array<{ readonly path: string; readonly headers: Http.IncomingHttpHeaders }> = []
    const faults: Array<string> = []
    let points: ReadonlyArray<Point> = []
    let behaviour: Behaviour = { _tag: "Take" }
    const take = (path: string, headers: Http.IncomingHttpHeaders, body: Buffer) => {
      const bytes = headers["content-encoding"] === "gzip" ? Zlib.gunzipSync(body) : body
      const isJson = headers["content-type"] === "application/json"
      if (!isJson && headers["content-type"] !== "application/x-protobuf") throw new Error("content type")
      const document: Json = isJson ? JSON.parse(bytes.toString()) : {}
      if (path === "/v1/traces") spans.push(...isJson ? json.traces(document) : protobuf.traces(bytes))
      else if (path === "/v1/metrics") points = isJson ? json.metrics(document) : protobuf.metrics(bytes)
      else if (path === "/v1/logs") logs.push(...isJson ? json.logs(document) : protobuf.logs(bytes))
      else throw new Error(`path ${path}`)
    }
    const server = Http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("error", () => {})
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const path = request.url ?? ""
        requests.push({ path, headers: request.headers })
        const now = behaviour
        if (now._tag === "Silent") return
        if (now._tag === "Reset") return void request.socket.resetAndDestroy()
        if (now._tag === "Status") {
          response.writeHead(now.status, now.retryAfter === undefined ? {} : { "retry-after": now.retryAfter })
          return void response.end()
        }
        try {
          take(path, request.headers, Buffer.concat(chunks))
        } catch (error) {
          faults.push(String(error))
        }
        const answer = () => {
          response.writeHead(200, { "content-type": request.headers["content-type"] ?? "" })
          response.end(request.headers["content-type"] === "application/json" ? "{}" : "")
        }
        if (now.afterMs === undefined) answer()
        else setTimeout(answer, now.afterMs).unref()
      })
    })
    const sockets = new Set<Socket>()
    server.on("connection", (socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const receiver: OtlpReceiver = {
      url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
      spans,
      get points() {
        return points
      },
      logs,
      requests,
      faults,
      behave: (next) => {
        behaviour = next
      }
    }
    const close = () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
    return { receiver, close }
  }),
  ({ close }) => Effect.sync(close)
).pipe(Effect.map(({ receiver }): OtlpReceiver => receiver))
