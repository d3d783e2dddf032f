/**
 * Which certificates of other nodes are trusted: one that is valid for the node's address, as of any server; or the very one
 * that this process has itself, whatever names are in it, since who has its key is one of us. Nothing else.
 *
 * Nodes are asked by addresses that a public certificate rarely has, so the second is the usual case: all nodes are given the
 * same files. A certificate that was replaced is trusted for a while, until all nodes have read the new one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { X509Certificate } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as NodeTls from "node:tls"

/** How often the file is looked at, as the server does. */
const RELOAD_EVERY = "1 minute"
/** The certificates of this process that are trusted: the present one, and those before it. */
const MAX_OWN = 3

/**
 * The options of a connection that say whom to trust.
 *
 * @category models
 * @since 0.1.0
 */
export type TrustOptions = Pick<NodeTls.ConnectionOptions, "ca" | "allowPartialTrustChain" | "checkServerIdentity">

/**
 * What a connection to another node is made with.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerTrust {
  /** For `tls.connect`, made anew at each connection. */
  readonly options: () => TrustOptions
}

interface Own {
  readonly pem: string
  readonly fingerprint: string
}

const readOwn = (pem: string): Own => ({ pem, fingerprint: new X509Certificate(pem).fingerprint256 })

/**
 * The options of a connection, given the certificates of this process.
 *
 * @category constructors
 * @since 0.1.0
 */
export const optionsOf = (own: ReadonlyArray<Own>): TrustOptions =>
  own.length === 0 ? {} : {
    ca: [...NodeTls.getCACertificates("default"), ...own.map(({ pem }) => pem)],
    // ours may be signed by an authority that is known to nobody else
    allowPartialTrustChain: true,
    checkServerIdentity: (host, certificate) =>
      own.some(({ fingerprint }) => fingerprint === certificate.fingerprint256)
        ? undefined
        : NodeTls.checkServerIdentity(host, certificate)
  }

/**
 * Trusts the certificate in a file, read again every minute for as long as the scope, besides those that everybody trusts.
 * Without a file, only the latter. A file that cannot be read changes nothing: the server tells what is wrong with it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  certificate: string | undefined
): Effect.fn.Return<PeerTrust, never, Scope.Scope> {
  let own: ReadonlyArray<Own> = []
  let options = optionsOf(own)
  if (certificate !== undefined) {
    const look = Effect.ignore(Effect.tryPromise(async () => {
      const pem = await Fs.readFile(certificate, "utf8")
      if (own[0]?.pem === pem) return
      own = [readOwn(pem), ...own].slice(0, MAX_OWN)
      options = optionsOf(own)
    }))
    yield* look
    yield* Effect.forkScoped(Effect.repeat(Effect.delay(look, RELOAD_EVERY), Schedule.forever))
  }
  return { options: () => options }
})
