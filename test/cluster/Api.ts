/** The HTTP API of a node as the scenarios use it: every answer with its status, and how long it took. */
import type { Node } from "./Nodes.ts"

export interface Answer {
  /** 0: no answer came. */
  readonly status: number
  readonly body: Record<string, unknown>
  readonly ms: number
}

/** Longer than any answer of a node that works; a frozen one gives none. */
const WITHIN_MS = 60_000

export const ask = async (
  node: Pick<Node, "url">,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {}
): Promise<Answer> => {
  const { body, headers } = options
  const from = performance.now()
  try {
    const response = await fetch(`${node.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(WITHIN_MS)
    })
    const text = await response.text()
    return { status: response.status, body: text === "" ? {} : JSON.parse(text), ms: performance.now() - from }
  } catch (cause) {
    return { status: 0, body: { cause: String(cause) }, ms: performance.now() - from }
  }
}

export interface Created extends Answer {
  readonly id: string
  readonly url: string
  readonly token: string
}

export const create = async (node: Pick<Node, "url">, user = "somebody"): Promise<Created> => {
  const answer = await ask(node, "POST", "/v1/sessions", { body: { user_id: user, transport: "websocket" } })
  const { connection_url: url = "", id = "", token = "" } = answer.body as Record<string, string>
  return { ...answer, id, url, token }
}

export const remove = (node: Pick<Node, "url">, id: string): Promise<Answer> =>
  ask(node, "DELETE", `/v1/sessions/${id}`)

/** The ids of the sessions that a node lists, page by page. */
export const list = async (node: Pick<Node, "url">): Promise<ReadonlyArray<string>> => {
  const ids: Array<string> = []
  let cursor: unknown
  do {
    const path = cursor === undefined ? "/v1/sessions" : `/v1/sessions?cursor=${encodeURIComponent(String(cursor))}`
    const { body, status } = await ask(node, "GET", path)
    if (status !== 200) throw new Error(`list: ${status} ${JSON.stringify(body)}`)
    ids.push(...(body["sessions"] as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id))
    cursor = body["next_cursor"] ?? undefined
  } while (cursor !== undefined)
  return ids
}

export const tally = (values: ReadonlyArray<string | number>): Record<string, number> =>
  Object.fromEntries(Array.from(Map.groupBy(values, String), ([value, all]) => [value, all.length]))

/** Of problem JSON: what went wrong, for a message. */
export const reasonOf = ({ body, status }: Answer): string =>
  `${status} ${String(body["code"] ?? body["cause"] ?? "")} ${String(body["detail"] ?? "")}`
