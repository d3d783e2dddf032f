/** Requests to what is between nodes, by those who are none. */
import { randomBytes } from "node:crypto"
import * as ClusterEngine from "../../src/cluster/engine/ClusterEngine.ts"
import { WINDOW_MS } from "../../src/cluster/peers/NonceMemory.ts"
import * as RequestSignature from "../../src/cluster/peers/RequestSignature.ts"
import * as Api from "./Api.ts"
import { type Node, until } from "./Nodes.ts"
import * as StoredPlace from "./StoredPlace.ts"
import { type Outcome, settled, type World } from "./World.ts"

interface Forged {
  readonly secret: string
  readonly cluster: string
  /** The node that it was signed for. */
  readonly to: string
  readonly path: string
  readonly body: string
  readonly agoMs?: number
}

const signature = ({ agoMs = 0, body, cluster, path, secret, to }: Forged): string =>
  RequestSignature.sign(RequestSignature.keyOf(secret, cluster), {
    to,
    method: "POST",
    path,
    digest: RequestSignature.digestOf(body),
    atMs: Date.now() - agoMs,
    nonce: randomBytes(16).toString("base64url")
  })

const post = async (node: Node, path: string, body: string, header: string | undefined): Promise<number> => {
  const response = await fetch(`${node.url}${path}`, {
    method: "POST",
    body,
    headers: header === undefined ? {} : { [RequestSignature.HEADER]: header }
  })
  await response.text()
  return response.status
}

/** Whoever has not the secret, or has only seen a request, is answered 401, whatever is asked; a node is let in. */
export const strangers = async (
  { database, nodes }: Required<World>,
  { cluster }: { readonly cluster: string }
): Promise<Outcome> => {
  const [one, two] = await nodes.startAll(2)
  if (one === undefined || two === undefined) throw new Error("there are no two nodes")
  await settled(nodes)
  const secret = await StoredPlace.secret(database.url, "cluster")
  const statuses: Array<readonly [what: string, status: number, isIn: boolean]> = []
  for (const path of [ClusterEngine.ENGINE_PATH, ClusterEngine.RPC_PATH]) {
    const genuine = { secret, cluster, to: new URL(one.url).host, path, body: "" }
    const attempt = async (what: string, forged: Partial<Forged>, isIn = false, body = "") => {
      statuses.push([`${what} at ${path}`, await post(one, path, body, signature({ ...genuine, ...forged })), isIn])
    }
    statuses.push([`unsigned at ${path}`, await post(one, path, "", undefined), false])
    await attempt("wrong secret", { secret: randomBytes(32).toString("hex") })
    await attempt("another cluster", { cluster: `${cluster}-2` })
    await attempt("for another node", { to: new URL(two.url).host })
    await attempt("for another path", { path: `${path}/x` })
    await attempt("too old", { agoMs: WINDOW_MS + 1_000 })
    await attempt("from the future", { agoMs: -WINDOW_MS - 1_000 })
    await attempt("another body", {}, false, "{}")
    const header = signature(genuine)
    statuses.push([`a node at ${path}`, await post(one, path, "", header), true])
    statuses.push([`replayed at ${path}`, await post(one, path, "", header), false])
    statuses.push([`replayed at another node ${path}`, await post(two, path, "", header), false])
  }
  await until("a line of the log", () => one.output.includes("a request between nodes was refused"))
  const lines = one.output.split("a request between nodes was refused").length - 1
  const created = await Promise.all(nodes.reachable.map((node) => Api.create(node)))
  return {
    figures: {
      attempts: statuses.filter(([, , isIn]) => !isIn).length,
      refused: statuses.filter(([, status, isIn]) => !isIn && status === 401).length,
      "log lines": lines,
      secret: secret.length
    },
    problems: [
      ...statuses.flatMap(([what, status, isIn]) => (status === 401) === isIn ? [`${what}: ${status}`] : []),
      ...(one.output.includes(secret) ? ["the secret is in the log"] : []),
      ...created.filter(({ status }) => status !== 201).map((answer) => `a creation: ${Api.reasonOf(answer)}`)
    ]
  }
}
